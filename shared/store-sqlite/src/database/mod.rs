//! What both SQLite files need: where they lie, how a connection is set up and checked, how the schema is
//! brought up to date, and the one way to write.

mod connect;
mod directory;
mod error;
mod gate;
mod migrate;
mod write;

pub(crate) use connect::{Database, Reader};
pub use directory::StoreDirectory;
pub use error::OpenError;
pub(crate) use error::{busy, classify, column, is_fatal, time_column};
pub(crate) use migrate::Schema;
pub(crate) use write::Writer;
