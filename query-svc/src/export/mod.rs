//! Exports: everything that a filter selects, as one file, however large.
//!
//! * [`cell`] texts that a spreadsheet would run, made harmless
//! * [`mod@format`] the formats, and a page of records in one of them
//! * [`encoding`] whether the file travels compressed
//! * [`mod@file`] the file as a stream of bytes
//! * [`exports`] how many there may be at a time, and how long they wait
//!
//! An export holds what was there when it began: ids up to the last one then, in their order. It reads page by page, each in
//! a read of its own, so no transaction waits for a client; the next page is read while one is written, and no further one
//! before the client has taken that. An export that cannot go on breaks the connection: what looks like a whole file is one.

pub mod cell;
pub mod encoding;
pub mod exports;
pub mod file;
pub mod format;
#[cfg(test)]
mod tests;

pub use encoding::Encoding;
pub use exports::{ExportLimits, ExportOptions, Exports};
pub use file::Export;
pub use format::Format;
