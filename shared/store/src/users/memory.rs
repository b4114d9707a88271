//! [`MemoryUserStore`], the reference.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::limits::{USER_SESSIONS_MAX, USERS_MAX};
use domain::{Role, Tenant, Timestamp, UserName};

use super::{
    AddUserOutcome, NewSession, PasswordHash, RemoveUserOutcome, Session, SetUpOutcome, User, UserStore,
};
use crate::{KeyDigest, StoreError};

/// A [`UserStore`] in memory.
#[derive(Debug, Default)]
pub struct MemoryUserStore {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    users: Vec<User>,
    /// Oldest first.
    sessions: Vec<NewSession>,
    set_up_token: Option<(KeyDigest, Timestamp)>,
}

impl MemoryUserStore {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn find(&self, name: &UserName) -> Option<&User> {
        self.users.iter().find(|user| user.name == *name)
    }

    fn admit(&mut self, user: User) {
        self.users.push(user);
        self.users.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

#[async_trait]
impl UserStore for MemoryUserStore {
    async fn add(&self, user: User) -> Result<AddUserOutcome, StoreError> {
        let mut kept = self.lock();
        if kept.find(&user.name).is_some() {
            return Ok(AddUserOutcome::NameTaken);
        }
        if kept.users.iter().filter(|other| other.tenant == user.tenant).count() >= USERS_MAX {
            return Ok(AddUserOutcome::LimitReached);
        }
        if kept.users.is_empty() {
            kept.set_up_token = None;
        }
        kept.admit(user);
        Ok(AddUserOutcome::Added)
    }

    async fn find(&self, name: &UserName) -> Result<Option<User>, StoreError> {
        Ok(self.lock().find(name).cloned())
    }

    async fn list(&self, tenant: &Tenant) -> Result<Vec<User>, StoreError> {
        Ok(self.lock().users.iter().filter(|user| user.tenant == *tenant).cloned().collect())
    }

    async fn list_all(&self) -> Result<Vec<User>, StoreError> {
        Ok(self.lock().users.clone())
    }

    async fn remove(&self, tenant: &Tenant, name: &UserName) -> Result<RemoveUserOutcome, StoreError> {
        let mut kept = self.lock();
        let Some(user) = kept.find(name).filter(|user| user.tenant == *tenant) else {
            return Ok(RemoveUserOutcome::NotFound);
        };
        let is_admin = |user: &User| user.tenant == *tenant && user.role == Role::Admin;
        if is_admin(user) && kept.users.iter().filter(|user| is_admin(user)).count() == 1 {
            return Ok(RemoveUserOutcome::LastAdmin);
        }
        kept.users.retain(|user| user.name != *name);
        kept.sessions.retain(|session| session.user != *name);
        Ok(RemoveUserOutcome::Removed)
    }

    async fn set_password(
        &self,
        user: &User,
        hash: PasswordHash,
        at: Timestamp,
        but: Option<KeyDigest>,
    ) -> Result<bool, StoreError> {
        let mut kept = self.lock();
        let is_meant = |kept: &&mut User| kept.name == user.name && kept.password_hash == user.password_hash;
        let Some(changed) = kept.users.iter_mut().find(is_meant) else { return Ok(false) };
        changed.password_hash = hash;
        changed.password_changed_at = at;
        kept.sessions.retain(|session| session.user != user.name || Some(session.digest) == but);
        Ok(true)
    }

    async fn begin_session(&self, session: NewSession) -> Result<bool, StoreError> {
        let mut kept = self.lock();
        let is_asked_for = |user: &&User| user.password_changed_at == session.password_changed_at;
        if kept.find(&session.user).filter(is_asked_for).is_none() {
            return Ok(false);
        }
        kept.sessions.retain(|other| other.expires_at > session.created_at);
        let own: Vec<_> = kept.sessions.iter().filter(|other| other.user == session.user).collect();
        if own.len() >= USER_SESSIONS_MAX {
            let oldest = own[0].digest;
            kept.sessions.retain(|other| other.digest != oldest);
        }
        kept.sessions.push(session);
        Ok(true)
    }

    async fn find_session(&self, digest: KeyDigest) -> Result<Option<Session>, StoreError> {
        let kept = self.lock();
        let session = kept.sessions.iter().find(|session| session.digest == digest);
        Ok(session.and_then(|session| {
            let user = kept.find(&session.user)?.clone();
            Some(Session { user, expires_at: session.expires_at })
        }))
    }

    async fn end_session(&self, digest: KeyDigest) -> Result<bool, StoreError> {
        let mut kept = self.lock();
        let before = kept.sessions.len();
        kept.sessions.retain(|session| session.digest != digest);
        Ok(kept.sessions.len() < before)
    }

    async fn put_set_up_token(&self, digest: KeyDigest, expires_at: Timestamp) -> Result<(), StoreError> {
        self.lock().set_up_token = Some((digest, expires_at));
        Ok(())
    }

    async fn has_set_up_token(&self, digest: KeyDigest, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.lock().set_up_token.is_some_and(|(kept, until)| kept == digest && until > now))
    }

    async fn use_set_up_token(&self, digest: KeyDigest, user: User) -> Result<SetUpOutcome, StoreError> {
        let mut kept = self.lock();
        if !kept.set_up_token.is_some_and(|(token, until)| token == digest && until > user.created_at) {
            return Ok(SetUpOutcome::TokenUnknown);
        }
        if kept.find(&user.name).is_some() {
            return Ok(SetUpOutcome::NameTaken);
        }
        kept.set_up_token = None;
        kept.admit(user);
        Ok(SetUpOutcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn new_store() -> ((), Arc<dyn UserStore>) {
        ((), Arc::new(MemoryUserStore::default()))
    }

    crate::user_conformance_tests!(new_store);
}
