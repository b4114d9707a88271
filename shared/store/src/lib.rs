//! What a log store promises, for whoever calls one and for whoever writes one.
//!
//! * [`contract`] the trait [`LogStore`] and the values that pass through it, [`error`] what can go wrong and
//!   what the caller then does
//! * [`append_limits`] what bounds an engine's appends
//! * [`keys`] API keys and the trait [`KeyStore`]
//! * [`retention`] rules that say how long logs are kept, and the trait [`RetentionStore`]
//! * [`audit`] what was done by whom, and the trait [`AuditStore`]
//! * [`users`] people, their sessions, and the trait [`UserStore`]
//! * [`stores`] all together, as an engine opens them
//! * [`memory`] [`MemoryLogStore`], the reference: slow, and as simple as the contract allows
//! * `conformance` (feature) the suite that every engine passes
//!
//! Nothing of any engine shows through here.

pub mod append_limits;
pub mod audit;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod contract;
pub mod error;
pub mod keys;
pub mod memory;
pub mod read_limits;
pub mod retention;
pub mod stores;
pub mod users;

pub use append_limits::{AppendLimits, DiskReserve};
pub use audit::{AuditAction, AuditEntry, AuditStore, MemoryAuditStore, NewAuditEntry};
pub use contract::{
    Append, Appended, Buckets, CountCell, CounterEntry, Counts, Effort, Idempotency, KeyedAppend, LogStore,
    RecordKey, RecordOutcome, Scan, ScanPage, SearchPage,
};
pub use error::{KeyStoreError, StoreError};
pub use keys::{
    By, InsertOutcome, KeyDigest, KeyRecord, KeyState, KeyStore, MemoryKeyStore, NewKey, NotedKeys,
    NotedKeysError, RotateOutcome, Rotated, Rotation,
};
pub use memory::MemoryLogStore;
pub use read_limits::{ReadLimits, StoreLimits};
pub use retention::{AddOutcome, MemoryRetentionStore, RetentionStore};
pub use stores::Stores;
pub use users::{
    AddUserOutcome, MemoryUserStore, NewSession, PasswordHash, RemoveUserOutcome, SecretToken, Session,
    SetUpOutcome, User, UserStore,
};
