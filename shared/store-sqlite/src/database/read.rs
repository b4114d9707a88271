//! Reading: a bounded pool of connections that cannot write, and snapshots that end in time.
//!
//! SQLite goes on with a statement whose future was dropped, and an open snapshot keeps the WAL from starting over.
//! So every snapshot has a deadline, at which SQLite itself stops the statement that runs, and stops it at once
//! when the snapshot is dropped.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};
use store::StoreError;

use super::{busy, classify};

/// How long a read may take whose caller gives no deadline.
pub(crate) const READ_MAX: Duration = Duration::from_secs(30);

/// Most queries of a pool that read at the same time, unless it is made for another number; further ones wait.
pub(super) const READERS_MAX: u32 = 4;

/// How long a query waits for a reader before it gives up.
const READER_WAIT: Duration = Duration::from_secs(10);

/// SQLite asks after so many instructions of a statement whether to go on: some tens of microseconds. Far more than
/// a BEGIN or a ROLLBACK takes, so that these are never stopped.
const ASKED_EVERY_INSTRUCTIONS: i32 = 1000;

/// Reads a database.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pool: SqlitePool,
}

/// A read transaction: everything in it sees one state of the file. It ends when it is dropped.
pub(crate) struct Snapshot {
    transaction: Transaction<'static, Sqlite>,
    /// Tells a statement that still runs that nobody waits for it.
    is_dropped: Arc<AtomicBool>,
}

impl Reader {
    pub(super) fn new(options: SqliteConnectOptions, readers: u32) -> Self {
        let pool = SqlitePoolOptions::new()
            .max_connections(readers)
            .acquire_timeout(READER_WAIT)
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(has_ended_in_order(connection)))
            .connect_lazy_with(options);
        Self { pool }
    }

    /// Starts a snapshot. Past the deadline its statements end with [`StoreError::DeadlineExceeded`].
    pub(crate) async fn begin(&self, deadline: Instant) -> Result<Snapshot, StoreError> {
        if Instant::now() >= deadline {
            return Err(StoreError::DeadlineExceeded);
        }
        let begun = tokio::time::timeout_at(deadline.into(), self.pool.begin()).await;
        let mut transaction = begun.map_err(|_| busy())?.map_err(classify)?;
        let is_dropped = Arc::new(AtomicBool::new(false));
        let mut handle = transaction.lock_handle().await.map_err(classify)?;
        handle.set_progress_handler(ASKED_EVERY_INSTRUCTIONS, {
            let is_dropped = Arc::clone(&is_dropped);
            move || !is_dropped.load(Ordering::Relaxed) && Instant::now() < deadline
        });
        drop(handle);
        Ok(Snapshot { transaction, is_dropped })
    }

    /// Closes all connections; waits for queries that run.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Says whether a connection may be used again. After an I/O error, or when memory is short, SQLite ends a
/// transaction on its own; sqlx goes on counting it, and the next snapshots would be nested in one that never ends.
async fn has_ended_in_order(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // The answer comes after that of the ROLLBACK which the end of the transaction queued.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

// === impl Snapshot ===

impl Deref for Snapshot {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for Snapshot {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use testkit::wait_until;

    use super::*;
    use crate::database::{Database, Schema, StoreDirectory};

    /// Runs for hours, on a snapshot of the file.
    const ENDLESS: &str =
        "WITH RECURSIVE n(i) AS (SELECT last_id FROM record_ids UNION ALL SELECT i + 1 FROM n)
                           SELECT max(i) FROM n LIMIT 1";

    const LONG: Duration = Duration::from_secs(3600);

    async fn new_database() -> (TempDir, Database) {
        let directory = tempfile::tempdir().unwrap();
        let place = StoreDirectory::prepare(directory.path()).unwrap();
        let database = Database::prepare(&place, place.logs_file(), &Schema::LOGS).await.unwrap();
        (directory, database)
    }

    async fn last_id(reader: &Reader) -> i64 {
        let mut snapshot = reader.begin(Instant::now() + LONG).await.unwrap();
        sqlx::query_scalar("SELECT last_id FROM record_ids").fetch_one(&mut *snapshot).await.unwrap()
    }

    async fn add_one(connection: &mut SqliteConnection) {
        sqlx::query("UPDATE record_ids SET last_id = last_id + 1").execute(connection).await.unwrap();
    }

    /// Says whether a checkpoint reaches the end of the WAL and empties it: no snapshot of an older state is open.
    async fn empties_the_wal(connection: &mut SqliteConnection) -> bool {
        let (busy, _, _): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await.unwrap();
        busy == 0
    }

    #[tokio::test]
    async fn a_statement_ends_at_its_deadline_and_the_connection_works_afterwards() {
        let (_directory, database) = new_database().await;
        let reader = database.reader();
        // On every connection of the pool.
        let mut snapshots = Vec::new();
        for _ in 0..READERS_MAX {
            snapshots.push(reader.begin(Instant::now() + LONG).await.unwrap());
        }
        drop(snapshots);

        let deadline = Instant::now() + Duration::from_millis(500);
        let mut snapshot = reader.begin(deadline).await.unwrap();
        let endless = sqlx::query(ENDLESS).fetch_one(&mut *snapshot).await.map_err(classify);
        drop(snapshot);

        assert!(matches!(endless, Err(StoreError::DeadlineExceeded)), "{endless:?}");
        assert!(Instant::now() >= deadline);
        for _ in 0..3 * READERS_MAX {
            assert_eq!(last_id(&reader).await, 0);
        }
    }

    #[tokio::test]
    async fn many_short_statements_end_at_their_deadline_too() {
        let (_directory, database) = new_database().await;
        let reader = database.reader();
        let mut snapshot = reader.begin(Instant::now() + Duration::from_millis(50)).await.unwrap();

        let ended = loop {
            let short = sqlx::query("SELECT last_id FROM record_ids").fetch_one(&mut *snapshot).await;
            if let Err(error) = short {
                break classify(error);
            }
        };

        assert!(matches!(ended, StoreError::DeadlineExceeded), "{ended}");
    }

    #[tokio::test]
    async fn nothing_begins_past_its_deadline_and_nothing_waits_for_a_reader_beyond_it() {
        let (_directory, database) = new_database().await;
        let reader = database.reader();
        let late = reader.begin(Instant::now()).await;
        let mut all = Vec::new();
        for _ in 0..READERS_MAX {
            all.push(reader.begin(Instant::now() + LONG).await.unwrap());
        }

        let waited = reader.begin(Instant::now() + Duration::from_millis(20)).await;

        assert!(matches!(late, Err(StoreError::DeadlineExceeded)), "{late:?}");
        assert!(matches!(waited, Err(StoreError::Busy { .. })), "{waited:?}");
    }

    #[tokio::test]
    async fn a_dropped_query_stops_and_lets_go_of_its_snapshot() {
        let (_directory, database) = new_database().await;
        let reader = database.reader();
        let mut writer = database.connect_writer().await.unwrap();
        sqlx::query("PRAGMA busy_timeout = 0").execute(&mut writer).await.unwrap();
        add_one(&mut writer).await;
        let mut snapshot = reader.begin(Instant::now() + LONG).await.unwrap();
        let query = sqlx::query(ENDLESS).fetch_one(&mut *snapshot);
        let ended = tokio::time::timeout(Duration::from_millis(50), query).await;
        assert!(ended.is_err(), "it runs for hours");
        add_one(&mut writer).await;
        assert!(!empties_the_wal(&mut writer).await, "the query's snapshot is older");

        drop(snapshot);

        let at_most = Duration::from_secs(60);
        wait_until("the end of the query", at_most, async || {
            empties_the_wal(&mut writer).await.then_some(())
        })
        .await;
        assert_eq!(last_id(&reader).await, 2);
    }

    #[tokio::test]
    async fn a_reader_whose_transaction_sqlite_ended_on_its_own_sees_later_commits() {
        let (_directory, database) = new_database().await;
        let reader = database.reader();
        let mut writer = database.connect_writer().await.unwrap();
        for _ in 0..2 * READERS_MAX {
            let mut snapshot = reader.begin(Instant::now() + LONG).await.unwrap();
            sqlx::raw_sql("ROLLBACK").execute(&mut *snapshot).await.unwrap();
        }

        for expected in 1..=3 * i64::from(READERS_MAX) {
            add_one(&mut writer).await;
            assert_eq!(last_id(&reader).await, expected);
        }
    }
}
