//! What is done to keys, noted in the audit log.
//!
//! The note comes first, and is durable before anything is done: nothing is done to a key that the log does not know. What
//! is asked for in vain (an unknown key, one too many) is found out before, and not noted. When the deed itself then fails,
//! its note stands though whoever asked was told of the failure; that the log says too much is the smaller evil.

use std::net::IpAddr;

use domain::limits::KEYS_MAX;
use domain::{Caller, Tenant, Timestamp};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::rotation::Overlap;
use super::{InsertOutcome, KeyRecord, KeyState, KeyStore, NewKey, RotateOutcome, Rotation};
use crate::{AuditAction, AuditStore, KeyStoreError, NewAuditEntry, StoreError};

/// Who does something, as the audit log has it.
#[derive(Debug, Clone, Default)]
pub struct By {
    /// Who; `None`: the machine's owner.
    pub caller: Option<Caller>,
    /// From where, if over a network.
    pub address: Option<IpAddr>,
    /// More about it.
    pub details: Map<String, Value>,
}

/// A store of keys, in the hands of somebody whose deeds are noted.
#[derive(Clone)]
pub struct NotedKeys<'a> {
    /// The keys.
    pub keys: &'a dyn KeyStore,
    /// Where it is noted.
    pub audit: &'a dyn AuditStore,
    /// Who does it.
    pub by: By,
    /// When it is done.
    pub at: Timestamp,
}

/// Why something was not done, or is not known to be. Retry later.
#[derive(Debug, Error)]
pub enum NotedKeysError {
    /// The store of keys failed.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// It could not be noted, and was not done.
    #[error("it could not be noted in the audit log, and was not done")]
    Audit(#[source] StoreError),
}

impl By {
    /// Names what does it, where that is no caller: a command, or a variable that a service is started with.
    #[must_use]
    pub fn means(name: &str) -> Self {
        Self { details: Map::from_iter([("by".to_owned(), json!(name))]), ..Self::default() }
    }
}

impl NotedKeys<'_> {
    /// Keeps a new key.
    ///
    /// # Errors
    /// [`NotedKeysError`].
    pub async fn create(&self, key: NewKey) -> Result<InsertOutcome, NotedKeysError> {
        if self.working(&key.tenant).await? >= KEYS_MAX {
            return Ok(InsertOutcome::LimitReached);
        }
        let details = [("name", json!(key.name)), ("scopes", json!(key.scopes.to_string()))];
        self.note(AuditAction::KeyCreated, &key.tenant, &key.id, details).await?;
        Ok(self.keys.insert(key).await?)
    }

    /// Revokes a key, of this tenant or of any. Returns it as it then is; `None`: there is none that was not revoked.
    ///
    /// # Errors
    /// [`NotedKeysError`].
    pub async fn revoke(&self, of: Option<&Tenant>, id: &str) -> Result<Option<KeyRecord>, NotedKeysError> {
        let Some(key) = self.find(of, id).await? else { return Ok(None) };
        if key.revoked_at.is_some() {
            return Ok(None);
        }
        let tenant = &key.principal.tenant;
        self.note(AuditAction::KeyRevoked, tenant, id, [("name", json!(key.name))]).await?;
        let is_revoked = self.keys.revoke_of(tenant, id, self.at).await?;
        Ok(is_revoked.then_some(KeyRecord { revoked_at: Some(self.at), ..key }))
    }

    /// Replaces a key, of this tenant or of any.
    ///
    /// # Errors
    /// [`NotedKeysError`].
    pub async fn rotate(
        &self,
        of: Option<&Tenant>,
        rotation: &Rotation,
    ) -> Result<RotateOutcome, NotedKeysError> {
        let Some(key) = self.find(of, &rotation.id).await? else { return Ok(RotateOutcome::NotWorking) };
        let tenant = key.principal.tenant.clone();
        if let Err(refused) = rotation.of(key) {
            return Ok(refused);
        }
        if rotation.overlap != Overlap::NONE && self.working(&tenant).await? >= KEYS_MAX {
            return Ok(RotateOutcome::LimitReached);
        }
        let details =
            [("successor", json!(rotation.successor_id)), ("overlap", json!(rotation.overlap.to_string()))];
        self.note(AuditAction::KeyRotated, &tenant, &rotation.id, details).await?;
        Ok(self.keys.rotate(Some(&tenant), rotation).await?)
    }

    async fn find(&self, of: Option<&Tenant>, id: &str) -> Result<Option<KeyRecord>, KeyStoreError> {
        let keys = match of {
            Some(tenant) => self.keys.list_of(tenant).await?,
            None => self.keys.list().await?,
        };
        Ok(keys.into_iter().find(|key| key.id == id))
    }

    /// Counts the keys of a tenant that work.
    async fn working(&self, tenant: &Tenant) -> Result<usize, KeyStoreError> {
        let keys = self.keys.list_of(tenant).await?;
        Ok(keys.iter().filter(|key| key.state_at(self.at) == KeyState::Works).count())
    }

    async fn note<const N: usize>(
        &self,
        action: AuditAction,
        tenant: &Tenant,
        key_id: &str,
        details: [(&str, Value); N],
    ) -> Result<(), NotedKeysError> {
        let By { caller, address, details: mut all } = self.by.clone();
        all.extend(details.map(|(name, value)| (name.to_owned(), value)));
        let (tenant, subject) = (tenant.clone(), key_id.to_owned());
        let entry = NewAuditEntry { at: self.at, tenant, caller, address, action, subject, details: all };
        self.audit.append(entry).await.map_err(NotedKeysError::Audit)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use testkit::build::{NOON_MICROS, tenant};

    use super::*;
    use crate::conformance::keys::{a_key, a_rotation};
    use crate::{MemoryAuditStore, MemoryKeyStore};

    async fn noted(audit: &MemoryAuditStore) -> Vec<(String, String)> {
        let entries = audit.list(&tenant("a"), None, 2000).await.unwrap();
        entries.into_iter().rev().map(|entry| (entry.action, entry.subject)).collect()
    }

    #[tokio::test]
    async fn what_is_done_is_noted_and_what_is_asked_in_vain_is_not() {
        let (keys, audit) = (MemoryKeyStore::default(), MemoryAuditStore::default());
        let at = Timestamp::saturating_from_micros(NOON_MICROS);
        let noting = NotedKeys { keys: &keys, audit: &audit, by: By::means("a test"), at };
        let other = tenant("b");

        assert_eq!(noting.create(a_key("a", "one")).await.unwrap(), InsertOutcome::Inserted);
        let in_vain = noting.rotate(Some(&other), &a_rotation("one", "two", 0, "1h")).await.unwrap();
        assert_eq!(in_vain, RotateOutcome::NotWorking);
        assert!(noting.revoke(Some(&other), "one").await.unwrap().is_none());
        let rotated = noting.rotate(None, &a_rotation("one", "two", 0, "1h")).await.unwrap();
        assert!(matches!(rotated, RotateOutcome::Rotated(_)));
        let again = noting.rotate(None, &a_rotation("one", "three", 0, "1h")).await.unwrap();
        assert_eq!(again, RotateOutcome::AlreadyRotated);
        let revoked = noting.revoke(Some(&tenant("a")), "two").await.unwrap().unwrap();
        assert_eq!(revoked.revoked_at, Some(at));
        assert!(noting.revoke(None, "two").await.unwrap().is_none());

        let expected = [("key.created", "one"), ("key.rotated", "one"), ("key.revoked", "two")];
        assert_eq!(noted(&audit).await, expected.map(|(action, id)| (action.to_owned(), id.to_owned())));
    }

    #[tokio::test]
    async fn one_key_too_many_is_neither_kept_nor_noted() {
        let (keys, audit) = (MemoryKeyStore::default(), MemoryAuditStore::default());
        let at = Timestamp::saturating_from_micros(NOON_MICROS);
        let noting = NotedKeys { keys: &keys, audit: &audit, by: By::default(), at };
        for number in 0..KEYS_MAX {
            keys.insert(a_key("a", &number.to_string())).await.unwrap();
        }

        assert_eq!(noting.create(a_key("a", "more")).await.unwrap(), InsertOutcome::LimitReached);
        let beside = noting.rotate(None, &a_rotation("1", "more", 0, "1h")).await.unwrap();
        assert_eq!(beside, RotateOutcome::LimitReached);

        assert!(noted(&audit).await.is_empty());
        let instead = noting.rotate(None, &a_rotation("1", "more", 0, "0s")).await.unwrap();
        assert!(matches!(instead, RotateOutcome::Rotated(_)));
    }
}
