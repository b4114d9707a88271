//! What SQLite reports, and what it means for the caller.

use std::io;
use std::path::PathBuf;

use domain::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};
use store::StoreError;
use thiserror::Error;

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>) that ask for something special.
const SQLITE_BUSY: i32 = 5;
const SQLITE_INTERRUPT: i32 = 9;
const SQLITE_IOERR: i32 = 10;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_NOTADB: i32 = 26;

/// Extended codes. The first: a page could not be written. The second: the WAL's index could not be made longer,
/// which is how a full disk shows itself to a connection that opens.
const SQLITE_IOERR_WRITE: i32 = 10 | (3 << 8);
const SQLITE_IOERR_SHMSIZE: i32 = 10 | (19 << 8);

/// Why a store cannot be opened. Only a person can mend these.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The directory cannot be used.
    #[error("cannot use the data directory {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The directory lies where SQLite's WAL does not work.
    #[error("the data directory {path} is on {filesystem}; it has to be a local filesystem")]
    NetworkFilesystem {
        /// The directory.
        path: PathBuf,
        /// What it is on.
        filesystem: &'static str,
    },
    /// Nobody has said that the directory's filesystem can keep the promise.
    #[error(
        "the data directory {path} is on a filesystem that is not known here ({magic:#x}); if it is a local one, \
         set SENTINEL_ALLOW_FILESYSTEM={magic:#x}"
    )]
    UnknownFilesystem {
        /// The directory.
        path: PathBuf,
        /// The filesystem's magic number, as statfs(2) says it.
        magic: u32,
    },
    /// The program was linked with an SQLite that can corrupt a WAL shared by two processes.
    #[error("SQLite {found} is too old: 3.51.3 or later is needed")]
    OldSqlite {
        /// The version that was linked.
        found: String,
    },
    /// A setting that the promise rests on did not take.
    #[error("SQLite setting {name} is {found} where {expected} was asked for")]
    Setting {
        /// The pragma.
        name: &'static str,
        /// What it is.
        found: i64,
        /// What it has to be.
        expected: i64,
    },
    /// The file has another journal than a write-ahead log.
    #[error("SQLite journal mode is {found} where wal was asked for")]
    JournalMode {
        /// What it is.
        found: String,
    },
    /// The file belongs to something else.
    #[error("{path} is not a Log Sentinel file (application id {application_id})")]
    ForeignFile {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        application_id: i64,
    },
    /// The file was written by a later version of this program.
    #[error(
        "{path} has schema version {found}; this program knows versions up to {known}: use a newer program"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: i64,
        /// The latest version known here.
        known: i64,
    },
    /// What an earlier version of this program stored could not be read; the file is as it was.
    #[error("cannot bring {path} up to date")]
    Migration {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// SQLite refused.
    #[error("cannot open the database {path}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// Returns SQLite's extended result code, if the error came from SQLite.
fn extended_code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// Says of the error of a checkpoint whether only the copying failed: the WAL still holds everything.
pub(super) fn cannot_copy(error: &sqlx::Error) -> bool {
    matches!(extended_code(error), Some(SQLITE_IOERR_WRITE | SQLITE_IOERR_SHMSIZE | SQLITE_FULL))
}

/// Turns an error of anything but a COMMIT into what the caller does: nothing was stored.
pub(crate) fn classify(error: sqlx::Error) -> StoreError {
    let code = extended_code(&error);
    if code == Some(SQLITE_IOERR_SHMSIZE) {
        return StoreError::Full(error.into());
    }
    match (code.map(|code| code & 0xFF), &error) {
        (Some(SQLITE_BUSY), _) => busy(),
        // Only a deadline interrupts: see `read`.
        (Some(SQLITE_INTERRUPT), _) => StoreError::DeadlineExceeded,
        (Some(SQLITE_FULL), _) => StoreError::Full(error.into()),
        (Some(SQLITE_IOERR), _) => StoreError::Fatal(error.into()),
        (Some(SQLITE_CORRUPT | SQLITE_NOTADB), _) => {
            StoreError::Corrupt { what: "the database file".to_owned(), source: Some(error.into()) }
        }
        (_, sqlx::Error::PoolClosed) => StoreError::Closed,
        (_, sqlx::Error::PoolTimedOut) => busy(),
        _ => StoreError::Unavailable(error.into()),
    }
}

/// Turns an error of a COMMIT into what the caller does: the transaction may be stored or not.
pub(crate) fn classify_commit(error: sqlx::Error) -> StoreError {
    if extended_code(&error) == Some(SQLITE_IOERR_SHMSIZE) {
        // The WAL itself is written before its index is made longer.
        return StoreError::Unknown(error.into());
    }
    match classify(error) {
        StoreError::Unavailable(cause) => StoreError::Unknown(cause),
        known => known,
    }
}

/// Reads a column of a row. A value that a sound file never holds there is corruption, not a panic.
pub(crate) fn column<'row, T>(row: &'row SqliteRow, table: &str, name: &'static str) -> Result<T, StoreError>
where
    T: Decode<'row, Sqlite> + Type<Sqlite>,
{
    row.try_get(name)
        .map_err(|error| StoreError::Corrupt { what: format!("{table}.{name}"), source: Some(error.into()) })
}

/// Reads a column that holds a time.
pub(crate) fn time_column(row: &SqliteRow, table: &str, name: &'static str) -> Result<Timestamp, StoreError> {
    let micros = column(row, table, name)?;
    Timestamp::from_micros(micros)
        .map_err(|error| StoreError::Corrupt { what: format!("{table}.{name}"), source: Some(error.into()) })
}

/// Another writer, or too many readers, held the store for too long.
pub(crate) fn busy() -> StoreError {
    StoreError::Busy { waiting_records: 0 }
}

/// Says whether the process has to stop: after a failed write or fsync the state of the file is not known
/// to the kernel's cache any more, and only a new process that reads it from the disk can tell.
pub(crate) fn is_fatal(error: &StoreError) -> bool {
    matches!(error, StoreError::Fatal(_) | StoreError::Corrupt { .. })
}
