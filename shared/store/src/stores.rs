//! What an engine opens: the stores of a data directory.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{
    AuditStore, KeyStore, LogStore, MemoryAuditStore, MemoryKeyStore, MemoryLogStore, MemoryRetentionStore,
    MemoryUserStore, RetentionStore, UserStore,
};

/// The stores that a service works on, open.
#[derive(Clone)]
pub struct Stores {
    /// Where logs are kept.
    pub logs: Arc<dyn LogStore>,
    /// Cancelled when one of the stores cannot go on: the process then has to stop, and a new one finds
    /// everything that was acknowledged.
    pub failed: CancellationToken,
    /// Where keys are kept.
    pub keys: Arc<dyn KeyStore>,
    /// Where retention rules are kept; closed with the keys.
    pub retention: Arc<dyn RetentionStore>,
    /// Where it is kept what was done by whom; closed with the keys.
    pub audit: Arc<dyn AuditStore>,
    /// Where users and their sessions are kept; closed with the keys.
    pub users: Arc<dyn UserStore>,
}

impl Stores {
    /// Returns empty stores in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            logs: Arc::new(MemoryLogStore::default()),
            failed: CancellationToken::new(),
            keys: Arc::new(MemoryKeyStore::default()),
            retention: Arc::new(MemoryRetentionStore::default()),
            audit: Arc::new(MemoryAuditStore::default()),
            users: Arc::new(MemoryUserStore::default()),
        }
    }
}
