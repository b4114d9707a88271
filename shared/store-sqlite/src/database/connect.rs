//! How connections are set up.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use store::StoreError;

use super::read::READERS_MAX;
use super::{OpenError, Reader, Schema, StoreDirectory, classify, gate};

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// No COMMIT copies the WAL, and so no acknowledgement waits for that; see `wal`.
const NO_AUTOCHECKPOINT: &str = "0";

/// How many rows a connection's thread reads ahead of whoever takes them: with fewer, both spend their time waking each
/// other up.
const ROWS_BUFFERED: usize = 1024;

/// The WAL file shrinks to this when it starts over.
const JOURNAL_SIZE_LIMIT_BYTES: &str = "67108864";

/// One SQLite file.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    path: PathBuf,
    #[cfg(feature = "faults")]
    weakened: Option<crate::faults::Synchronous>,
    /// While it is true, connections that open find no room to make the file longer.
    #[cfg(test)]
    pub(crate) is_full: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Database {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    pub(crate) async fn prepare(
        directory: &StoreDirectory,
        path: PathBuf,
        schema: &Schema,
    ) -> Result<Self, OpenError> {
        let database = Self {
            #[cfg(feature = "faults")]
            weakened: directory.weakened,
            ..Self::at(path)
        };
        let open_error = |source| OpenError::Sqlite { path: database.path.clone(), source };
        let mut connection = database.first_options().connect().await.map_err(open_error)?;
        schema.bring_up_to_date(&mut connection, &database.path).await?;
        gate::check(&mut connection).await.map_err(|error| error.named(&database.path))?;
        connection.close().await.map_err(open_error)?;
        let synced = directory.sync();
        synced.map_err(|source| OpenError::Directory { path: database.path.clone(), source })?;
        Ok(database)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a connection that writes, and checks that it keeps the promise.
    pub(crate) async fn connect_writer(&self) -> Result<SqliteConnection, StoreError> {
        let mut connection = self.write_options().connect().await.map_err(classify)?;
        let checked = gate::check(&mut connection).await;
        checked.map_err(|error| StoreError::Fatal(error.named(&self.path).into()))?;
        #[cfg(feature = "faults")]
        if let Some(synchronous) = self.weakened {
            synchronous.apply(&mut connection).await.map_err(classify)?;
        }
        #[cfg(test)]
        if self.is_full.load(std::sync::atomic::Ordering::Relaxed) {
            sqlx::query("PRAGMA max_page_count = 1").execute(&mut connection).await.map_err(classify)?;
        }
        Ok(connection)
    }

    /// Names a file that is there; it is neither made nor brought up to date.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self {
            path,
            #[cfg(feature = "faults")]
            weakened: None,
            #[cfg(test)]
            is_full: std::sync::Arc::default(),
        }
    }

    /// Opens a connection that can only read, but can copy what it reads into another file: `query_only` would
    /// forbid `VACUUM INTO`.
    pub(crate) async fn connect_copier(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.options().read_only(true).pragma("wal_autocheckpoint", "0").connect().await
    }

    /// Opens a file that nobody writes to. It needs no locks, and nothing is written beside it.
    pub(crate) async fn connect_still(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.options().read_only(true).immutable(true).connect().await
    }

    /// Opens a pool of connections that only read.
    pub(crate) fn reader(&self) -> Reader {
        self.reader_of(READERS_MAX)
    }

    /// Opens a pool of at most so many connections that only read.
    pub(crate) fn reader_of(&self, readers: u32) -> Reader {
        Reader::new(self.read_options(), readers)
    }

    /// Opens one connection that only reads.
    pub(crate) async fn connect_reader(&self) -> Result<SqliteConnection, StoreError> {
        self.read_options().connect().await.map_err(classify)
    }

    fn read_options(&self) -> SqliteConnectOptions {
        self.options().pragma("query_only", "ON").pragma("wal_autocheckpoint", NO_AUTOCHECKPOINT)
    }

    /// Of the connection that makes the file, if it is not there. Only a file without pages takes `auto_vacuum`: in
    /// every other the pragma is a transaction of its own, which a full disk does not let through.
    fn first_options(&self) -> SqliteConnectOptions {
        let options = self.write_options().create_if_missing(true);
        let is_new = fs::metadata(&self.path).map_or(true, |file| file.len() == 0);
        if is_new { options.auto_vacuum(SqliteAutoVacuum::Incremental) } else { options }
    }

    fn write_options(&self) -> SqliteConnectOptions {
        self.options()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", NO_AUTOCHECKPOINT)
            .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT_BYTES)
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .busy_timeout(BUSY_TIMEOUT)
            .row_buffer_size(ROWS_BUFFERED)
            .foreign_keys(true)
            .pragma("mmap_size", "0")
            .pragma("cell_size_check", "ON")
            .pragma("trusted_schema", "OFF")
            .pragma("temp_store", "MEMORY")
    }
}
