//! Backups: taken while services write, checked before they are called so, and put back.
//!
//! A backup is one file, `logsentinel-YYYYMMDD-HHMMSS.db`, and beside it the keys as
//! `logsentinel-YYYYMMDD-HHMMSS.control.db`. Each is a plain SQLite file without a write-ahead log.
//!
//! * `take` [`backup`]: `VACUUM INTO` from one snapshot, fsync, verification, and only then the real name
//! * `restore` [`restore`]: verification first, then a copy under another name, fsync, and the real name
//! * `verify` what a file has to be: whole pages, ours, of a version known here, with blocks that decode and
//!   counters that count them
//! * `files` names, locks, and what a file goes through until it has its name
//!
//! A file has a name that ends in `.unfinished` until it is whole, verified and on the disk; whatever an
//! earlier run left under such names is removed by the next one. Nothing is ever overwritten.
//!
//! The snapshot is held as long as `VACUUM INTO` takes: meanwhile the write-ahead log cannot start over, and
//! grows by what is written. Not here: incremental backups.

mod error;
mod files;
mod restore;
mod take;
mod verify;

pub use error::BackupError;
pub use files::StoredFile;
pub use restore::{RestoreReport, restore};
pub use take::{BackupReport, backup};

#[cfg(test)]
mod tests;
