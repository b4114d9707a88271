//! What both SQLite files need: where they lie, how a connection is set up and checked, how the schema is
//! brought up to date, and reading within deadlines, and the one way to write.

mod connect;
mod directory;
mod error;
mod gate;
mod migrate;
mod read;
mod wal;
mod write;

pub(crate) use connect::Database;
pub use directory::StoreDirectory;
pub(crate) use directory::create_durably;
pub use error::OpenError;
pub(crate) use error::{busy, classify, column, is_fatal, time_column};
pub(crate) use migrate::Schema;
pub(crate) use read::{READ_MAX, Reader, Snapshot};
pub(crate) use write::Writer;
