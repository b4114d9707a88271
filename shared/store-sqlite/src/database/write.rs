//! The one way to write: one connection a process, one transaction at a time, and no trust in a connection
//! after an error.
//!
//! sqlx counts the depth of transactions itself and keeps a wrong count after SQLite rolled one back on its
//! own; every later transaction then fails. So transactions here are plain statements, and whatever ends
//! without a successful COMMIT takes its connection with it.

use sqlx::{Connection, SqliteConnection};
use store::StoreError;
use tokio::sync::{Mutex, MutexGuard};

use super::{Database, classify};

/// Hands out write transactions, one at a time.
#[derive(Debug)]
pub(crate) struct Writer {
    database: Database,
    connection: Mutex<Option<SqliteConnection>>,
}

/// A write transaction. Dropped without [`WriteTransaction::commit`] it stores nothing, and its connection
/// is closed.
#[derive(Debug)]
pub(crate) struct WriteTransaction<'writer> {
    slot: MutexGuard<'writer, Option<SqliteConnection>>,
    open: Option<SqliteConnection>,
}

impl Writer {
    pub(crate) fn new(database: Database) -> Self {
        Self { database, connection: Mutex::new(None) }
    }

    /// Starts a transaction that holds the file's write lock from its start.
    pub(crate) async fn begin(&self) -> Result<WriteTransaction<'_>, StoreError> {
        let mut slot = self.connection.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.database.connect_writer().await?,
        };
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.map_err(classify)?;
        Ok(WriteTransaction { slot, open: Some(connection) })
    }

    /// Copies the WAL into the database file and empties it, unless a reader still needs it.
    pub(crate) async fn checkpoint(&self) -> Result<(), StoreError> {
        let mut slot = self.connection.lock().await;
        let Some(mut connection) = slot.take() else { return Ok(()) };
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await.map_err(classify)?;
        *slot = Some(connection);
        Ok(())
    }

    /// Gives the pages that a delete freed back to the filesystem, in steps that let other writers pass.
    pub(crate) async fn shrink_file(&self) -> Result<(), StoreError> {
        const STEPS_MAX: u32 = 1000;
        for _ in 0..STEPS_MAX {
            let mut slot = self.connection.lock().await;
            let Some(mut connection) = slot.take() else { return Ok(()) };
            sqlx::query("PRAGMA incremental_vacuum(1024)")
                .execute(&mut connection)
                .await
                .map_err(classify)?;
            let free = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&mut connection).await;
            let free: i64 = free.map_err(classify)?;
            *slot = Some(connection);
            if free == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Empties the WAL and closes the connection.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.checkpoint().await?;
        match self.connection.lock().await.take() {
            Some(connection) => connection.close().await.map_err(classify),
            None => Ok(()),
        }
    }
}

impl WriteTransaction<'_> {
    /// The connection, inside the transaction.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        self.open.as_mut().expect("a transaction holds its connection until it is committed")
    }

    /// Makes the transaction durable and visible. On an error it may be so or not.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        sqlx::query("COMMIT").execute(self.connection()).await.map_err(classify)?;
        *self.slot = self.open.take();
        Ok(())
    }
}
