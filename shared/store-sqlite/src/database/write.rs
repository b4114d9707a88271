//! The one way to write: one connection a process, one transaction at a time, and no trust in a connection
//! after an error.
//!
//! sqlx counts the depth of transactions itself and keeps a wrong count after SQLite rolled one back on its
//! own; every later transaction then fails. So transactions here are plain statements, and whatever ends
//! without a successful COMMIT takes its connection with it. After a failed write or fsync nothing is tried
//! again at all: `failed` is cancelled, whoever met the error.
//!
//! COMMIT never copies the WAL. The committer does so when it has answered; after all other transactions it is
//! done before the next one begins.

use sqlx::{Connection, SqliteConnection};
use store::StoreError;
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::error::classify_commit;
use super::wal::Wal;
use super::{Database, classify, is_fatal};

/// Most pages that one step of shrinking the file moves: 4 MiB, a moment's work.
const SHRINK_STEP: &str = "PRAGMA incremental_vacuum(1024)";

/// Hands out write transactions, one at a time.
#[derive(Debug)]
pub(crate) struct Writer {
    database: Database,
    connection: Mutex<Slot>,
    failed: CancellationToken,
    wal: Wal,
}

/// The connection, between transactions.
#[derive(Debug)]
enum Slot {
    /// None is open: the next transaction opens one.
    Empty,
    Idle(SqliteConnection),
    Closed,
}

/// A write transaction. Dropped without [`WriteTransaction::commit`] it stores nothing, and its connection
/// is closed.
#[derive(Debug)]
pub(crate) struct WriteTransaction<'writer> {
    writer: &'writer Writer,
    slot: MutexGuard<'writer, Slot>,
    open: Option<SqliteConnection>,
}

impl Slot {
    /// Takes the open connection, if there is one.
    fn take_idle(&mut self) -> Option<SqliteConnection> {
        match std::mem::replace(self, Self::Empty) {
            Self::Idle(connection) => Some(connection),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Writer {
    /// Makes a writer; `failed` is cancelled when the store cannot go on.
    pub(crate) fn new(database: Database, failed: CancellationToken) -> Self {
        let wal = Wal::new(database.path());
        Self { database, connection: Mutex::new(Slot::Empty), failed, wal }
    }

    /// Starts a transaction that holds the file's write lock from its start.
    pub(crate) async fn begin(&self) -> Result<WriteTransaction<'_>, StoreError> {
        if self.failed.is_cancelled() {
            return Err(StoreError::Fatal("an earlier write failed".into()));
        }
        let mut slot = self.connection.lock().await;
        let mut connection = self.ready_connection(&mut slot).await?;
        let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await;
        begun.map_err(|error| self.note(classify(error)))?;
        Ok(WriteTransaction { writer: self, slot, open: Some(connection) })
    }

    #[cfg(test)]
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    #[cfg(test)]
    pub(super) fn set_wal_limits(&mut self, limits: super::wal::WalLimits) {
        self.wal.limits = limits;
    }

    /// Takes or opens the connection, for a transaction that may begin.
    async fn ready_connection(&self, slot: &mut Slot) -> Result<SqliteConnection, StoreError> {
        self.tend(slot).await?;
        self.wal.admit()?;
        match slot.take_idle() {
            Some(connection) => Ok(connection),
            None if matches!(slot, Slot::Closed) => Err(StoreError::Closed),
            None => self.database.connect_writer().await.map_err(|error| self.note(error)),
        }
    }

    /// Copies the WAL into the database file, if it is time to. Only what is fatal is an error: everything else is
    /// tried again.
    pub(crate) async fn tend_wal(&self) -> Result<(), StoreError> {
        self.tend(&mut *self.connection.lock().await).await
    }

    async fn tend(&self, slot: &mut Slot) -> Result<(), StoreError> {
        let Some(mut connection) = slot.take_idle() else { return Ok(()) };
        match self.wal.tend(&mut connection).await {
            Ok(()) => *slot = Slot::Idle(connection),
            Err(error) => {
                let error = self.note(error);
                if is_fatal(&error) {
                    return Err(error);
                }
                tracing::warn!(error = &error as &dyn std::error::Error, "the WAL could not be copied");
            }
        }
        Ok(())
    }

    /// Empties the WAL if nobody has written since the last call.
    pub(crate) async fn empty_quiet_wal(&self) -> Result<(), StoreError> {
        if !self.wal.is_quiet() {
            return Ok(());
        }
        let mut slot = self.connection.lock().await;
        let Some(mut connection) = slot.take_idle() else { return Ok(()) };
        self.wal.empty(&mut connection).await.map_err(|error| self.note(error))?;
        *slot = Slot::Idle(connection);
        Ok(())
    }

    /// Says that this error was met: one after which nothing may be written stops the store.
    pub(crate) fn note(&self, error: StoreError) -> StoreError {
        if is_fatal(&error) && !self.failed.is_cancelled() {
            tracing::error!(error = &error as &dyn std::error::Error, "the store cannot go on");
            self.failed.cancel();
        }
        error
    }

    /// Gives some of the pages that a delete freed back to the filesystem; says whether more are left.
    pub(crate) async fn shrink_a_step(&self) -> Result<bool, StoreError> {
        let mut slot = self.connection.lock().await;
        let mut connection = self.ready_connection(&mut slot).await?;
        let shrunk = sqlx::query(SHRINK_STEP).execute(&mut connection).await;
        shrunk.map_err(|error| self.note(classify_commit(error)))?;
        self.wal.has_grown();
        let free = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&mut connection).await;
        let free: i64 = free.map_err(|error| self.note(classify(error)))?;
        *slot = Slot::Idle(connection);
        Ok(free > 0)
    }

    /// Empties the WAL and closes the connection. Later transactions are refused.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        let mut slot = self.connection.lock().await;
        let idle = slot.take_idle();
        *slot = Slot::Closed;
        let Some(mut connection) = idle else { return Ok(()) };
        self.wal.empty_at_the_end(&mut connection).await.map_err(|error| self.note(error))?;
        connection.close().await.map_err(classify)
    }
}

impl WriteTransaction<'_> {
    /// The connection, inside the transaction.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        self.open.as_mut().expect("a transaction holds its connection until it is committed")
    }

    /// Makes the transaction durable and visible. On an error it may be so or not.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let writer = self.writer;
        let committed = sqlx::query("COMMIT").execute(self.connection()).await;
        committed.map_err(|error| writer.note(classify_commit(error)))?;
        writer.wal.has_grown();
        if let Some(connection) = self.open.take() {
            *self.slot = Slot::Idle(connection);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Acquire;
    use tempfile::TempDir;

    use super::*;
    use crate::database::{Schema, StoreDirectory};

    async fn new_database() -> (TempDir, Database) {
        let directory = tempfile::tempdir().unwrap();
        let place = StoreDirectory::prepare(directory.path()).unwrap();
        let database = Database::prepare(&place, place.logs_file(), &Schema::LOGS).await.unwrap();
        let mut connection = database.connect_writer().await.unwrap();
        sqlx::query("CREATE TABLE heap (payload BLOB)").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        (directory, database)
    }

    /// Lets this connection, and no other, run out of space: as on a full disk, SQLite rolls back by itself.
    async fn fill(connection: &mut SqliteConnection) -> sqlx::Error {
        sqlx::query("PRAGMA max_page_count = 1").execute(&mut *connection).await.unwrap();
        insert(connection).await.unwrap_err()
    }

    async fn insert(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        sqlx::query("INSERT INTO heap VALUES (zeroblob(1000000))").execute(connection).await.map(drop)
    }

    #[tokio::test]
    async fn after_a_transaction_that_ran_out_of_space_the_next_one_has_a_connection_of_its_own() {
        let (_directory, database) = new_database().await;
        let failed = CancellationToken::new();
        let writer = Writer::new(database, failed.clone());

        let mut transaction = writer.begin().await.unwrap();
        let full = writer.note(classify(fill(transaction.connection()).await));
        let commit = transaction.commit().await;
        let mut next = writer.begin().await.unwrap();
        insert(next.connection()).await.unwrap();
        next.commit().await.unwrap();

        assert!(matches!(full, StoreError::Full(_)), "{full}");
        assert!(commit.is_err(), "SQLite has rolled back already");
        assert!(!failed.is_cancelled());
    }

    /// The trap that plain statements and new connections avoid. Should this fail with a new sqlx, it is mended.
    #[tokio::test]
    async fn a_transaction_of_sqlx_leaves_its_connection_unusable_when_sqlite_rolls_back() {
        let (_directory, database) = new_database().await;
        let mut connection = database.connect_writer().await.unwrap();

        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        fill(&mut transaction).await;
        let committed = transaction.commit().await;
        let next = connection.acquire().await.unwrap().begin_with("BEGIN IMMEDIATE").await;

        assert!(committed.is_err());
        assert!(next.is_err(), "sqlx takes it to be inside a transaction");
    }
}
