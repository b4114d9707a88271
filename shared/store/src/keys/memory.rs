//! [`MemoryKeyStore`], the reference: slow, and as simple as the contract allows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::limits::KEYS_MAX;
use domain::{Tenant, Timestamp};

use super::{
    InsertOutcome, KeyDigest, KeyRecord, KeyState, KeyStore, NewKey, RotateOutcome, Rotated, Rotation,
};
use crate::KeyStoreError;

/// A [`KeyStore`] in memory.
#[derive(Debug, Default)]
pub struct MemoryKeyStore {
    keys: Mutex<Vec<(KeyDigest, KeyRecord)>>,
}

impl MemoryKeyStore {
    fn lock(&self) -> MutexGuard<'_, Vec<(KeyDigest, KeyRecord)>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn revoke_where(&self, at: Timestamp, is_meant: impl Fn(&KeyRecord) -> bool) -> bool {
        let mut keys = self.lock();
        let mut kept = keys.iter_mut().map(|(_, record)| record);
        let Some(record) = kept.find(|record| record.revoked_at.is_none() && is_meant(record)) else {
            return false;
        };
        record.revoked_at = Some(at);
        true
    }
}

/// Counts the keys of a tenant that work at `now`.
fn working(keys: &[(KeyDigest, KeyRecord)], tenant: &Tenant, now: Timestamp) -> usize {
    let own = keys.iter().filter(|(_, record)| record.principal.tenant == *tenant);
    own.filter(|(_, record)| record.state_at(now) == KeyState::Works).count()
}

/// Keys that are there from the beginning, each with its digest.
impl FromIterator<(KeyDigest, KeyRecord)> for MemoryKeyStore {
    fn from_iter<I: IntoIterator<Item = (KeyDigest, KeyRecord)>>(keys: I) -> Self {
        Self { keys: Mutex::new(keys.into_iter().collect()) }
    }
}

#[async_trait]
impl KeyStore for MemoryKeyStore {
    async fn insert(&self, key: NewKey) -> Result<InsertOutcome, KeyStoreError> {
        let mut keys = self.lock();
        if keys.iter().any(|(digest, kept)| *digest == key.digest || kept.id == key.id) {
            return Ok(InsertOutcome::AlreadyThere);
        }
        let (tenant, now) = (key.tenant.clone(), key.created_at);
        keys.push((key.digest, key.into_record()));
        if working(&keys, &tenant, now) > KEYS_MAX {
            keys.pop();
            return Ok(InsertOutcome::LimitReached);
        }
        Ok(InsertOutcome::Inserted)
    }

    async fn find(&self, digest: KeyDigest) -> Result<Option<KeyRecord>, KeyStoreError> {
        Ok(self.lock().iter().find(|(kept, _)| *kept == digest).map(|(_, record)| record.clone()))
    }

    async fn list(&self) -> Result<Vec<KeyRecord>, KeyStoreError> {
        let mut all: Vec<_> = self.lock().iter().map(|(_, record)| record.clone()).collect();
        all.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(all)
    }

    async fn list_of(&self, tenant: &Tenant) -> Result<Vec<KeyRecord>, KeyStoreError> {
        let mut keys = self.list().await?;
        keys.retain(|record| record.principal.tenant == *tenant);
        Ok(keys)
    }

    async fn revoke(&self, id: &str, at: Timestamp) -> Result<bool, KeyStoreError> {
        Ok(self.revoke_where(at, |record| record.id == id))
    }

    async fn revoke_of(&self, tenant: &Tenant, id: &str, at: Timestamp) -> Result<bool, KeyStoreError> {
        Ok(self.revoke_where(at, |record| record.id == id && record.principal.tenant == *tenant))
    }

    async fn rotate(&self, of: Option<&Tenant>, rotation: &Rotation) -> Result<RotateOutcome, KeyStoreError> {
        let mut keys = self.lock();
        let is_meant = |record: &KeyRecord| {
            record.id == rotation.id && of.is_none_or(|tenant| record.principal.tenant == *tenant)
        };
        let Some(at) = keys.iter().position(|(_, record)| is_meant(record)) else {
            return Ok(RotateOutcome::NotWorking);
        };
        let Rotated { replaced, successor } = match rotation.of(keys[at].1.clone()) {
            Ok(rotated) => rotated,
            Err(refused) => return Ok(refused),
        };
        let before = std::mem::replace(&mut keys[at].1, replaced.clone());
        if working(&keys, &successor.principal.tenant, rotation.at) >= KEYS_MAX {
            keys[at].1 = before;
            return Ok(RotateOutcome::LimitReached);
        }
        keys.push((rotation.successor_digest, successor.clone()));
        Ok(RotateOutcome::Rotated(Box::new(Rotated { replaced, successor })))
    }

    async fn note_used(&self, uses: &[(String, Timestamp)]) -> Result<(), KeyStoreError> {
        let mut keys = self.lock();
        for (id, at) in uses {
            if let Some((_, record)) = keys.iter_mut().find(|(_, record)| record.id == *id) {
                record.last_used_at = record.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }

    async fn close(&self) -> Result<(), KeyStoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn new_store() -> ((), Arc<dyn KeyStore>) {
        ((), Arc::new(MemoryKeyStore::default()))
    }

    crate::key_conformance_tests!(new_store);
}
