//! What can go wrong in a store. Each kind says what the caller does about it.

use std::error::Error as StdError;

use thiserror::Error;

/// The cause of a [`StoreError`], as the engine reports it.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// Why a call on a [`LogStore`](crate::LogStore) failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It may have happened or not. Retry an append with the same idempotency key.
    #[error("the outcome is unknown")]
    Unknown(#[source] Cause),
    /// Nothing was stored or read. Retry later.
    #[error("the store is not available")]
    Unavailable(#[source] Cause),
    /// As much waits to be stored as may. Retry later.
    #[error("the queue is full: it holds at most {max_records} records and {max_bytes} bytes")]
    QueueFull {
        /// Most records that wait.
        max_records: usize,
        /// Most bytes that these take.
        max_bytes: usize,
    },
    /// Another writer, or too many readers, held the store for too long. Retry later.
    #[error("the store is busy: {waiting_records} records wait")]
    Busy {
        /// How many records wait to be stored.
        waiting_records: usize,
    },
    /// There is no room. Retry when there is; the store recovers by itself.
    #[error("no space left to store records")]
    Full(#[source] Cause),
    /// Less of the disk is free than has to stay so. Retry when there is more; queries and deletes go on.
    #[error("less than the reserve of {reserve_bytes} bytes is free on the disk")]
    BelowReserve {
        /// So much has to stay free.
        reserve_bytes: u64,
    },
    /// As many questions of a tenant are asked, and wait, as may. Retry later.
    #[error("a tenant asks at most {at_once} questions at a time, and {waiting} more wait")]
    TooManyQuestions {
        /// Most at a time.
        at_once: usize,
        /// Most that wait.
        waiting: usize,
    },
    /// A count would have more cells than there may be. Ask for longer buckets, or for less.
    #[error("more than {limit} counts")]
    TooManyCounts {
        /// Most cells of a count.
        limit: usize,
    },
    /// The idempotency key was used for another request. Use a new key.
    #[error("the idempotency key was used for another request")]
    IdempotencyConflict,
    /// It was not done in time. Ask for less, or allow more time.
    #[error("not done before the deadline")]
    DeadlineExceeded,
    /// What is stored cannot be read. Stop, and restore from a backup.
    #[error("the store is corrupt: {what}")]
    Corrupt {
        /// Which part is corrupt.
        what: String,
        /// The cause, where there is one.
        #[source]
        source: Option<Cause>,
    },
    /// The store cannot go on. Stop the process; a new one finds everything that was acknowledged.
    #[error("the store cannot go on")]
    Fatal(#[source] Cause),
    /// The store was closed, or is closing. Ask the process that comes next.
    #[error("the store is closed")]
    Closed,
}

/// Why a call on a [`KeyStore`](crate::KeyStore) failed. Retry later.
#[derive(Debug, Error)]
#[error("the key store failed")]
pub struct KeyStoreError(#[source] pub Cause);

impl StoreError {
    /// Returns a corruption of `what`, with no further cause.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into(), source: None }
    }
}
