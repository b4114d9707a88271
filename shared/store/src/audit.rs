//! What was done to an installation, by whom: the trait [`AuditStore`], and [`MemoryAuditStore`], its reference.
//!
//! The log is only ever added to. It holds no log record, no key and no password.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::{Caller, Tenant, Timestamp};
use serde_json::{Map, Value};

use crate::StoreError;

macro_rules! actions {
    ($($action:ident = $name:literal, $doc:literal;)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AuditAction {$(
            #[doc = $doc]
            $action,
        )*}

        impl AuditAction {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$action),*];

            /// Returns the name under which it is kept and shown.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {$(
                    Self::$action => $name,
                )*}
            }
        }
    };
}

actions! {
    KeyCreated = "key.created", "An API key was made.";
    KeyRotated = "key.rotated", "An API key got a successor.";
    KeyRevoked = "key.revoked", "An API key was revoked.";
    UserCreated = "user.created", "A user was made.";
    UserRemoved = "user.removed", "A user was removed.";
    SetUp = "user.set_up", "The set-up link was used: a user was made.";
    PasswordChanged = "user.password_changed", "A user's password was set anew.";
    LoggedIn = "login.succeeded", "Somebody logged in.";
    LoginFailed = "login.failed", "Somebody could not log in.";
    LoggedOut = "login.ended", "Somebody logged out.";
    LogsDeleted = "logs.deleted", "Logs were deleted.";
    RetentionRuleAdded = "retention_rule.added", "A retention rule was made.";
    RetentionRuleRemoved = "retention_rule.removed", "A retention rule was removed.";
}

/// Something to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// When it was done.
    pub at: Timestamp,
    /// Whose installation it was done to.
    pub tenant: Tenant,
    /// Who did it; `None`: nobody that is known, such as who could not log in, or the machine's owner.
    pub caller: Option<Caller>,
    /// From where, if over a network.
    pub address: Option<IpAddr>,
    /// What was done.
    pub action: AuditAction,
    /// What it was done to, such as a key's id or a user's name; may be empty.
    pub subject: String,
    /// More about it, such as a delete's filter and count.
    pub details: Map<String, Value>,
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Unique, and grows.
    pub id: i64,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it, as [`Caller`] is written.
    pub caller: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// The action's name.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// More about it.
    pub details: Map<String, Value>,
}

/// Keeps the audit log. There is nothing to close: an engine keeps it beside the keys, and closes both with those.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds an entry; durable when it returns. Returns its id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn append(&self, entry: NewAuditEntry) -> Result<i64, StoreError>;

    /// Returns at most `limit` entries of a tenant with ids below `before`, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list(
        &self,
        tenant: &Tenant,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;
}

/// An [`AuditStore`] in memory.
#[derive(Debug, Default)]
pub struct MemoryAuditStore {
    entries: Mutex<Vec<(Tenant, AuditEntry)>>,
}

impl MemoryAuditStore {
    fn lock(&self) -> MutexGuard<'_, Vec<(Tenant, AuditEntry)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AuditStore for MemoryAuditStore {
    async fn append(&self, entry: NewAuditEntry) -> Result<i64, StoreError> {
        let mut entries = self.lock();
        let id = entries.len() as i64 + 1;
        let kept = AuditEntry {
            id,
            at: entry.at,
            caller: entry.caller.map(|caller| caller.to_string()),
            address: entry.address.map(|address| address.to_string()),
            action: entry.action.name().to_owned(),
            subject: entry.subject,
            details: entry.details,
        };
        entries.push((entry.tenant, kept));
        Ok(id)
    }

    async fn list(
        &self,
        tenant: &Tenant,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let entries = self.lock();
        let own = entries.iter().rev().filter(|(owner, _)| owner == tenant).map(|(_, entry)| entry);
        let older = own.filter(|entry| before.is_none_or(|before| entry.id < before));
        Ok(older.take(limit as usize).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn new_store() -> ((), Arc<dyn AuditStore>) {
        ((), Arc::new(MemoryAuditStore::default()))
    }

    crate::audit_conformance_tests!(new_store);

    #[test]
    fn no_two_actions_have_the_same_name() {
        for (index, action) in AuditAction::ALL.iter().enumerate() {
            let others = &AuditAction::ALL[..index];
            assert!(others.iter().all(|other| other.name() != action.name()), "{action:?}");
        }
    }
}
