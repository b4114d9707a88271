//! Watching the last id: who waits for new records is told soon after a commit, whichever process made it.
//!
//! `PRAGMA data_version` of a connection changes when another connection has committed (SQLite, "PRAGMA data_version");
//! asking for it costs some microseconds. So one connection asks on behalf of all who watch, and only while somebody does.

use std::sync::Arc;
use std::time::Duration;

use sqlx::SqliteConnection;
use store::StoreError;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::database::{Database, classify};

/// How often it is asked whether somebody committed.
const ASKED_EVERY: Duration = Duration::from_millis(10);

/// How long it waits after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The last id, for whoever watches it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastIdWatch {
    last_id: Arc<watch::Sender<i64>>,
    is_watched: Arc<Notify>,
}

impl LastIdWatch {
    pub(crate) fn subscribe(&self) -> watch::Receiver<i64> {
        let receiver = self.last_id.subscribe();
        self.is_watched.notify_one();
        receiver
    }

    /// Keeps the last id up to date while somebody watches, until the store is closed.
    pub(crate) async fn run(self, database: Database, closing: CancellationToken) {
        while !closing.is_cancelled() {
            tokio::select! {
                () = closing.cancelled() => return,
                () = self.is_watched.notified() => {}
            }
            tokio::select! {
                () = closing.cancelled() => return,
                () = self.follow(&database) => {}
            }
        }
    }

    /// Follows the commits for as long as somebody watches.
    async fn follow(&self, database: &Database) {
        while self.last_id.receiver_count() > 0 {
            if let Err(error) = self.follow_on_one_connection(database).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "new logs are not noticed at the moment"
                );
                sleep(AFTER_FAILURE).await;
            }
        }
    }

    async fn follow_on_one_connection(&self, database: &Database) -> Result<(), StoreError> {
        let mut connection = database.connect_reader().await?;
        let mut seen = None;
        while self.last_id.receiver_count() > 0 {
            let version = data_version(&mut connection).await?;
            if seen != Some(version) {
                seen = Some(version);
                let last_id = last_id(&mut connection).await?;
                self.last_id.send_if_modified(|known| std::mem::replace(known, last_id) != last_id);
            }
            sleep(ASKED_EVERY).await;
        }
        Ok(())
    }
}

async fn data_version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await.map_err(classify)
}

async fn last_id(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT last_id FROM record_ids").fetch_one(connection).await.map_err(classify)
}
