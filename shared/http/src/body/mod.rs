//! Request bodies, read within limits.
//!
//! * [`reader`] counts every byte as it arrives, whatever `Content-Length` says or does not say
//! * [`encoding`] which `Content-Encoding` a body has, and taking it off within a limit of its own
//! * [`memory`] what all bodies together may hold

pub mod encoding;
pub mod memory;
pub mod reader;
#[cfg(test)]
mod tests;

pub use self::encoding::Encoding;
pub use self::reader::{BodyLimits, BodyReader};
