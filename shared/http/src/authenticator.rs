//! Whom a request comes from: its key, its session or its access token, looked up in the stores.
//!
//! Answers are remembered for a moment, because a sender uses one key for thousands of requests. The moment is
//! so short that a revoked key, an ended session and a removed user stop working within a second in every process; that
//! something has expired is noticed at once. Only what exists is remembered: what somebody guesses takes no room.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Clock, Principal, UserName};
use poem::Request;
use poem::http::{HeaderName, StatusCode};
use store::keys::is_mistyped;
use store::{KeyDigest, KeyRecord, KeyStore, MemoryUserStore, Session, User, UserStore};

use crate::Problem;
use crate::credentials::{SessionToken, find_key, find_session, has_header_credential, is_basic};
use crate::last_used::LastUsed;
use crate::logins::Logins;
use crate::logins::same_origin::{check_same_origin, is_unsafe};
use crate::logins::token::{Claims, is_token};
use crate::remembered::{Bounds, Remembered};
use crate::request_id::RequestContext;

/// How an [`Authenticator`] works.
#[derive(Debug, Clone)]
pub struct AuthenticatorOptions {
    /// How long the store's answer about a key is used again; at most 1 s. Default: 500 ms.
    pub remember_for: Duration,
    /// For how many keys answers are remembered. Default: 4,096.
    pub remember_at_most: usize,
    /// A further header that may carry a key. Default: none.
    pub extra_header: Option<HeaderName>,
}

/// Longest time for which an answer is used again, whatever the options say.
const REMEMBER_FOR_AT_MOST: Duration = Duration::from_secs(1);

/// Finds the [`Principal`] of a request.
pub struct Authenticator {
    keys: Arc<dyn KeyStore>,
    users: Arc<dyn UserStore>,
    logins: Arc<Logins>,
    clock: Arc<dyn Clock>,
    options: AuthenticatorOptions,
    known_keys: Remembered<KeyDigest, KeyRecord>,
    known_sessions: Remembered<KeyDigest, Session>,
    known_users: Remembered<UserName, User>,
    last_used: LastUsed,
}

/// What a request shows of whom it comes from.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// A key that claims our form, and cannot be one.
    Mistyped,
    /// A key.
    Key(KeyDigest),
    /// The token of a session, as a browser sends it.
    Session(KeyDigest),
    /// An access token that we signed, and whose time is not over; or not.
    Token(Option<Claims>),
}

impl Default for AuthenticatorOptions {
    fn default() -> Self {
        Self { remember_for: Duration::from_millis(500), remember_at_most: 4096, extra_header: None }
    }
}

impl Authenticator {
    /// Makes an authenticator that looks keys up in `keys`, and knows no user; `clock` says whether one has expired.
    pub fn new(keys: Arc<dyn KeyStore>, clock: Arc<dyn Clock>, mut options: AuthenticatorOptions) -> Self {
        options.remember_for = options.remember_for.min(REMEMBER_FOR_AT_MOST);
        Self {
            last_used: LastUsed::new(Arc::clone(&keys)),
            keys,
            users: Arc::new(MemoryUserStore::default()),
            logins: Arc::default(),
            clock,
            options,
            known_keys: Remembered::default(),
            known_sessions: Remembered::default(),
            known_users: Remembered::default(),
        }
    }

    /// Lets users in, too: with sessions, and with access tokens that `logins` signed.
    #[must_use]
    pub fn with_users(self, users: Arc<dyn UserStore>, logins: Arc<Logins>) -> Self {
        Self { users, logins, ..self }
    }

    /// Returns the one in a request's data, with which the site puts it.
    ///
    /// # Errors
    /// A 500 where there is none: then nobody is let in.
    pub fn of(request: &Request) -> Result<&Arc<Self>, Problem> {
        request
            .data::<Arc<Self>>()
            .ok_or_else(|| Problem::internal("no Authenticator is in the request's data"))
    }

    /// Returns whom the request comes from.
    ///
    /// # Errors
    /// 400 for two different credentials, 401 for none that works (without a difference between unknown,
    /// expired and revoked), 403 if a session's cookie came along with what a page of another origin sent, 429 instead
    /// of 401 after too many wrong credentials, 503 if the store does not answer.
    pub async fn authenticate(&self, request: &Request) -> Result<Principal, Problem> {
        Ok(self.identify(request).await?.0)
    }

    /// Returns whom a key stands for now. For protocols that carry no credential: their key is in the options.
    ///
    /// # Errors
    /// 401 for one that does not work, 503 if the store does not answer.
    pub async fn principal_of_key(&self, key: &str) -> Result<Principal, Problem> {
        let credential =
            if is_mistyped(key) { Credential::Mistyped } else { Credential::Key(KeyDigest::of(key)) };
        self.principal_of(&credential).await
    }

    /// As [`Self::authenticate`], with what showed it.
    pub(crate) async fn identify(&self, request: &Request) -> Result<(Principal, Credential), Problem> {
        let credential = self.credential_of(request)?;
        let principal = self.principal_of(&credential).await.map_err(|problem| match problem.status() {
            StatusCode::UNAUTHORIZED => self.logins.failures.wrong_credential(request, problem),
            _ => problem,
        })?;
        let is_sent_unasked = matches!(credential, Credential::Session(_)) || is_basic(request.headers());
        if is_sent_unasked && is_unsafe(request.method()) {
            check_same_origin(request)?;
        }
        RequestContext::current(|context| context.principal.set(principal.clone()).ok());
        Ok((principal, credential))
    }

    /// Returns what a request shows of whom it comes from. A cookie counts only where no header says anything: a browser
    /// sends it unasked.
    pub(crate) fn credential_of(&self, request: &Request) -> Result<Credential, Problem> {
        let (headers, extra) = (request.headers(), self.options.extra_header.as_ref());
        if !has_header_credential(headers, extra)
            && let Some(session) = find_session(headers)?
        {
            return Ok(Credential::Session(session.digest()));
        }
        let key = find_key(headers, extra)?;
        if is_token(key.expose()) {
            return Ok(Credential::Token(self.logins.signer.verify(key.expose(), self.clock.now())));
        }
        if is_mistyped(key.expose()) {
            return Ok(Credential::Mistyped);
        }
        Ok(Credential::Key(KeyDigest::of(key.expose())))
    }

    /// Returns whom a credential stands for now.
    pub(crate) async fn principal_of(&self, credential: &Credential) -> Result<Principal, Problem> {
        let now = self.clock.now();
        let principal = match credential {
            Credential::Mistyped | Credential::Token(None) => None,
            Credential::Key(digest) => {
                self.key(*digest).await?.and_then(|key| key.principal_at(now).cloned())
            }
            Credential::Session(digest) => {
                let session = self.session(*digest).await?.filter(|session| session.expires_at > now);
                session.map(|session| session.user.principal())
            }
            Credential::Token(Some(claims)) => {
                let user = if claims.are_good_at(now) { self.user(&claims.user).await? } else { None };
                let user = user.filter(|user| user.password_changed_at == claims.password_changed_at);
                user.map(|user| user.principal())
            }
        };
        principal.ok_or_else(Problem::unauthorized)
    }

    /// Forgets a session that was ended: it stops working at once in this process.
    pub fn forget_session(&self, token: &SessionToken) {
        let digest = token.digest();
        self.known_sessions.forget(|known, _| *known == digest);
    }

    /// Forgets a user who was removed or has a new password, with all sessions: in this process, that works at once.
    pub fn forget_user(&self, name: &UserName) {
        self.known_users.forget(|known, _| known == name);
        self.known_sessions.forget(|_, session| session.user.name == *name);
    }

    /// Returns how people log in.
    #[must_use]
    pub fn logins(&self) -> &Logins {
        &self.logins
    }

    async fn key(&self, digest: KeyDigest) -> Result<Option<Arc<KeyRecord>>, Problem> {
        if let Some(record) = self.known_keys.recall(&digest, self.bounds()) {
            return Ok(Some(record));
        }
        let asked_at = Instant::now();
        let Some(record) = self.keys.find(digest).await? else { return Ok(None) };
        self.last_used.saw(&record, self.clock.now());
        let record = Arc::new(record);
        self.known_keys.remember(digest, Arc::clone(&record), asked_at, self.bounds());
        Ok(Some(record))
    }

    async fn session(&self, digest: KeyDigest) -> Result<Option<Arc<Session>>, Problem> {
        if let Some(session) = self.known_sessions.recall(&digest, self.bounds()) {
            return Ok(Some(session));
        }
        let asked_at = Instant::now();
        let Some(session) = self.users.find_session(digest).await? else { return Ok(None) };
        let session = Arc::new(session);
        self.known_sessions.remember(digest, Arc::clone(&session), asked_at, self.bounds());
        Ok(Some(session))
    }

    async fn user(&self, name: &UserName) -> Result<Option<Arc<User>>, Problem> {
        if let Some(user) = self.known_users.recall(name, self.bounds()) {
            return Ok(Some(user));
        }
        let asked_at = Instant::now();
        let Some(user) = self.users.find(name).await? else { return Ok(None) };
        let user = Arc::new(user);
        self.known_users.remember(name.clone(), Arc::clone(&user), asked_at, self.bounds());
        Ok(Some(user))
    }

    fn bounds(&self) -> Bounds {
        let AuthenticatorOptions { remember_for, remember_at_most, .. } = self.options;
        Bounds { remember_for, remember_at_most }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
