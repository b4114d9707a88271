//! Retention rules as they are kept: the trait [`RetentionStore`], and [`MemoryRetentionStore`], its reference.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::limits::RETENTION_RULES_MAX;
use domain::{NewRetentionRule, RetentionRule, Tenant};

use crate::StoreError;

/// What became of a rule that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddOutcome {
    /// It is kept, under this id.
    Added(RetentionRule),
    /// Its tenant has as many rules as it may have ([`RETENTION_RULES_MAX`]). Remove one first.
    LimitReached,
}

/// Keeps retention rules. Every process that has the same store open sees a change at once.
///
/// There is nothing to close: an engine keeps rules beside the keys, and closes both with those.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// Keeps a rule, unless its tenant has [`RETENTION_RULES_MAX`] already; durable when it returns.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn add(&self, rule: NewRetentionRule) -> Result<AddOutcome, StoreError>;

    /// Returns a tenant's rules, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list(&self, tenant: &Tenant) -> Result<Vec<RetentionRule>, StoreError>;

    /// Returns the rules of all tenants, tenant by tenant, each one's oldest first: for who applies them.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list_all(&self) -> Result<Vec<RetentionRule>, StoreError>;

    /// Removes a rule; returns whether this tenant had it.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn remove(&self, tenant: &Tenant, id: i64) -> Result<bool, StoreError>;
}

/// A [`RetentionStore`] in memory.
#[derive(Debug, Default)]
pub struct MemoryRetentionStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_id: i64,
    rules: Vec<RetentionRule>,
}

impl MemoryRetentionStore {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of_tenant(&self, tenant: &Tenant) -> Vec<RetentionRule> {
        self.rules.iter().filter(|kept| kept.rule.tenant == *tenant).cloned().collect()
    }
}

#[async_trait]
impl RetentionStore for MemoryRetentionStore {
    async fn add(&self, rule: NewRetentionRule) -> Result<AddOutcome, StoreError> {
        let mut state = self.lock();
        if state.of_tenant(&rule.tenant).len() >= RETENTION_RULES_MAX {
            return Ok(AddOutcome::LimitReached);
        }
        state.last_id += 1;
        let added = RetentionRule { id: state.last_id, rule };
        state.rules.push(added.clone());
        Ok(AddOutcome::Added(added))
    }

    async fn list(&self, tenant: &Tenant) -> Result<Vec<RetentionRule>, StoreError> {
        Ok(self.lock().of_tenant(tenant))
    }

    async fn list_all(&self) -> Result<Vec<RetentionRule>, StoreError> {
        let mut rules = self.lock().rules.clone();
        rules.sort_by(|left, right| (&left.rule.tenant, left.id).cmp(&(&right.rule.tenant, right.id)));
        Ok(rules)
    }

    async fn remove(&self, tenant: &Tenant, id: i64) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let before = state.rules.len();
        state.rules.retain(|kept| kept.id != id || kept.rule.tenant != *tenant);
        Ok(state.rules.len() < before)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn new_store() -> ((), Arc<dyn RetentionStore>) {
        ((), Arc::new(MemoryRetentionStore::default()))
    }

    crate::retention_conformance_tests!(new_store);
}
