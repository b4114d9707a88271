//! Users, their sessions and the token of the set-up link: the trait [`UserStore`], and what is kept.
//!
//! A user's password is kept as a hash that is slow on purpose (a PHC string, which this package only carries). Tokens
//! are 256 random bits; of them only SHA-256 is kept, as of keys. A session ends when its time is over, when its user logs
//! out, is removed or gets a new password. A token that is signed instead of kept is bound to
//! [`User::password_changed_at`], and so ends with the password, too.

mod memory;
mod token;

use std::fmt;

use async_trait::async_trait;
use domain::{Caller, Principal, Role, Tenant, Timestamp, UserName};

use crate::{KeyDigest, StoreError};

pub use memory::MemoryUserStore;
pub use token::SecretToken;

/// Returns the tenant of the first user, and of what is noted about names that are nobody's: the default one.
///
/// # Panics
/// Never: it has a valid name.
#[must_use]
pub fn tenant_of_the_first_user() -> Tenant {
    Tenant::parse(Tenant::DEFAULT_NAME).expect("it is a tenant's name")
}

/// The hash of a password, as a PHC string. Never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

/// Somebody who logs in with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name; unique in the installation.
    pub name: UserName,
    /// Whose logs the user reaches.
    pub tenant: Tenant,
    /// What the user may do.
    pub role: Role,
    /// What a password is compared with.
    pub password_hash: PasswordHash,
    /// When the user was made.
    pub created_at: Timestamp,
    /// When the password was set; what was granted for an earlier one has ended.
    pub password_changed_at: Timestamp,
}

/// A session to begin.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The digest of its token; unique.
    pub digest: KeyDigest,
    /// Whose it is.
    pub user: UserName,
    /// When the password was set that it was asked for with.
    pub password_changed_at: Timestamp,
    /// When it begins.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub user: User,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What became of a user who was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddUserOutcome {
    /// The user is kept.
    Added,
    /// There is a user of this name.
    NameTaken,
    /// The tenant has as many users as it may have: [`domain::limits::USERS_MAX`].
    LimitReached,
}

/// What became of a user who was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveUserOutcome {
    /// The user is removed, with all sessions.
    Removed,
    /// The tenant has no user of this name.
    NotFound,
    /// The user is the last one of the tenant with the role [`Role::Admin`].
    LastAdmin,
}

/// What became of a set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetUpOutcome {
    /// The user is kept, and the token is used up.
    Done,
    /// The token is not, or no longer, the one of the set-up link.
    TokenUnknown,
    /// There is a user of this name; the token still works.
    NameTaken,
}

/// Keeps users, sessions, and at most one set-up token. Every process that has the same store open sees a change at
/// once. There is nothing to close: an engine keeps it beside the keys, and closes both with those.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Keeps a user. The first one of all makes the set-up token useless: it was for the first one.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn add(&self, user: User) -> Result<AddUserOutcome, StoreError>;

    /// Returns the user of this name, whatever the tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find(&self, name: &UserName) -> Result<Option<User>, StoreError>;

    /// Returns a tenant's users by name.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list(&self, tenant: &Tenant) -> Result<Vec<User>, StoreError>;

    /// Returns all users by name. For the machine's owner.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list_all(&self) -> Result<Vec<User>, StoreError>;

    /// Removes a user of a tenant, and ends all sessions of the user.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn remove(&self, tenant: &Tenant, name: &UserName) -> Result<RemoveUserOutcome, StoreError>;

    /// Sets a user's password, and ends all sessions of the user but `but`. Returns whether the user still is there with
    /// the password that `user` has: of two who change it at once, one does.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn set_password(
        &self,
        user: &User,
        hash: PasswordHash,
        at: Timestamp,
        but: Option<KeyDigest>,
    ) -> Result<bool, StoreError>;

    /// Begins a session. One that is too many for its user ends the oldest. Returns whether it begins: not when the user
    /// was removed or got another password meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn begin_session(&self, session: NewSession) -> Result<bool, StoreError>;

    /// Returns the session whose token has this digest, also when its time is over.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find_session(&self, digest: KeyDigest) -> Result<Option<Session>, StoreError>;

    /// Ends a session. Returns whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn end_session(&self, digest: KeyDigest) -> Result<bool, StoreError>;

    /// Makes this the token of the set-up link; another one does not work any more.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn put_set_up_token(&self, digest: KeyDigest, expires_at: Timestamp) -> Result<(), StoreError>;

    /// Says whether this is the token of the set-up link, and works at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn has_set_up_token(&self, digest: KeyDigest, now: Timestamp) -> Result<bool, StoreError>;

    /// Uses the token of the set-up link up to keep a user; both, or nothing. It has to work when the user is made.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn use_set_up_token(&self, digest: KeyDigest, user: User) -> Result<SetUpOutcome, StoreError>;
}

// === impl PasswordHash ===

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

// === impl User ===

impl User {
    /// Returns whom the user's requests come from.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal {
            caller: Caller::User(self.name.to_string()),
            tenant: self.tenant.clone(),
            scopes: self.role.scopes(),
            service: None,
        }
    }
}
