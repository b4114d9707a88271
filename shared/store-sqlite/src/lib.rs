//! The embedded engine: columnar blocks inside one SQLite file, and the API keys, retention rules, audit log and
//! users in a second one.
//!
//! * [`block`] how records become a block and come back: pure, the storage layout is written out there
//! * `database` connections, the start-up gate, migrations, the write transaction, errors
//! * `decoding` the threads that decode
//! * `blocks` the rows of blocks and their parts, `counters` the exact counts beside them, `selection` which records a
//!   filter selects
//! * [`SqliteLogStore`] implements [`store::LogStore`]: `append`, `search`, `delete`, and `merge` behind the scenes
//! * [`SqliteKeyStore`] implements [`store::KeyStore`], [`SqliteRetentionStore`] [`store::RetentionStore`],
//!   [`SqliteAuditStore`] [`store::AuditStore`], [`SqliteUserStore`] [`store::UserStore`]
//! * [`backup`](fn@backup) and [`restore`] copy both files away and back, and verify them
//! * [`verify`](verify()) compares everything that is kept twice
//!
//! Rules that the promise of a durable answer rests on:
//! one writer at a time (`BEGIN IMMEDIATE`), `synchronous=FULL`, a request's write never runs inside the
//! request's own future, and after any failed transaction the connection is thrown away.
//!
//! A block is found by its row in `blocks` and replaced by deleting that row and inserting another; only its
//! tombstones change in place.

use std::path::Path;
use std::sync::Arc;

use store::{StoreLimits, Stores};

mod append;
mod audit_store;
mod backup;
pub mod block;
mod blocks;
mod counters;
mod database;
mod decoding;
mod delete;
mod disk_reserve;
#[cfg(feature = "faults")]
pub mod faults;
mod key_store;
mod last_id;
mod log_store;
mod merge;
mod retention_store;
mod search;
mod selection;
mod shrink;
mod user_store;
mod verify;

pub use audit_store::SqliteAuditStore;
pub use backup::{BackupError, BackupReport, RestoreReport, StoredFile, backup, restore};
pub use database::{OpenError, StoreDirectory};
pub use key_store::SqliteKeyStore;
pub use log_store::SqliteLogStore;
pub use retention_store::SqliteRetentionStore;
pub use user_store::SqliteUserStore;
pub use verify::{Problem, VerifyError, VerifyProgress, VerifyReport, verify};

/// Opens the stores of a data directory with the usual limits; makes what is not there.
///
/// # Errors
/// [`OpenError`].
pub async fn open(data_dir: &Path) -> Result<Stores, OpenError> {
    open_with(data_dir, &StoreLimits::default()).await
}

/// Opens the stores of a data directory; makes what is not there.
///
/// # Errors
/// [`OpenError`].
pub async fn open_with(data_dir: &Path, limits: &StoreLimits) -> Result<Stores, OpenError> {
    open_in(&StoreDirectory::prepare(data_dir)?, limits).await
}

async fn open_in(directory: &StoreDirectory, limits: &StoreLimits) -> Result<Stores, OpenError> {
    let logs = SqliteLogStore::open_with(directory, limits).await?;
    let keys = SqliteKeyStore::open_beside(directory, logs.failed()).await?;
    Ok(Stores {
        failed: logs.failed(),
        retention: Arc::new(keys.retention()),
        audit: Arc::new(keys.audit()),
        users: Arc::new(keys.users()),
        logs: Arc::new(logs),
        keys: Arc::new(keys),
    })
}
