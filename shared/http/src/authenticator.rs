//! Whom a request comes from: its key, digested, looked up in the store of keys.
//!
//! Answers are remembered for a moment, because a sender uses one key for thousands of requests. The moment is
//! so short that a revoked key stops working within a second in every process; that a key has expired is
//! noticed at once. Only keys that exist are remembered: what somebody guesses takes no room.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::{Clock, Principal};
use poem::Request;
use poem::http::HeaderName;
use store::keys::is_mistyped;
use store::{KeyDigest, KeyRecord, KeyStore};

use crate::Problem;
use crate::credentials::find_key;
use crate::last_used::LastUsed;
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
    clock: Arc<dyn Clock>,
    options: AuthenticatorOptions,
    remembered: Mutex<HashMap<KeyDigest, Remembered>>,
    last_used: LastUsed,
}

struct Remembered {
    record: Arc<KeyRecord>,
    looked_up: Instant,
}

impl Default for AuthenticatorOptions {
    fn default() -> Self {
        Self { remember_for: Duration::from_millis(500), remember_at_most: 4096, extra_header: None }
    }
}

impl Authenticator {
    /// Makes an authenticator that looks keys up in `keys`; `clock` says whether one has expired.
    pub fn new(keys: Arc<dyn KeyStore>, clock: Arc<dyn Clock>, mut options: AuthenticatorOptions) -> Self {
        options.remember_for = options.remember_for.min(REMEMBER_FOR_AT_MOST);
        let last_used = LastUsed::new(Arc::clone(&keys));
        Self { keys, clock, options, remembered: Mutex::default(), last_used }
    }

    /// Returns whom the request comes from.
    ///
    /// # Errors
    /// 400 for two different credentials, 401 for none that works (without a difference between unknown,
    /// expired and revoked), 503 if the store of keys does not answer.
    pub async fn authenticate(&self, request: &Request) -> Result<Principal, Problem> {
        let principal = self.principal_of(self.digest_of(request)?).await?;
        RequestContext::current(|context| context.caller.set(principal.caller.clone()).ok());
        Ok(principal)
    }

    /// Returns the digest of the key that a request carries.
    pub(crate) fn digest_of(&self, request: &Request) -> Result<KeyDigest, Problem> {
        let key = find_key(request.headers(), self.options.extra_header.as_ref())?;
        if is_mistyped(key.expose()) {
            return Err(Problem::unauthorized());
        }
        Ok(KeyDigest::of(key.expose()))
    }

    /// Returns whom a key stands for now.
    pub(crate) async fn principal_of(&self, key: KeyDigest) -> Result<Principal, Problem> {
        let record = self.look_up(key).await?.ok_or_else(Problem::unauthorized)?;
        record.principal_at(self.clock.now()).cloned().ok_or_else(Problem::unauthorized)
    }

    async fn look_up(&self, digest: KeyDigest) -> Result<Option<Arc<KeyRecord>>, Problem> {
        if let Some(record) = self.recall(digest) {
            return Ok(Some(record));
        }
        // Taken before the look-up: what is revoked while it runs must not count as seen later.
        let looked_up = Instant::now();
        let Some(record) = self.keys.find(digest).await? else { return Ok(None) };
        self.last_used.saw(&record, self.clock.now());
        let record = Arc::new(record);
        self.remember(digest, Remembered { record: Arc::clone(&record), looked_up });
        Ok(Some(record))
    }

    fn recall(&self, digest: KeyDigest) -> Option<Arc<KeyRecord>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = remembered.get(&digest)?;
        self.is_fresh(answer).then(|| Arc::clone(&answer.record))
    }

    fn remember(&self, digest: KeyDigest, answer: Remembered) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= self.options.remember_at_most {
            remembered.retain(|_, answer| self.is_fresh(answer));
        }
        if remembered.len() < self.options.remember_at_most {
            remembered.insert(digest, answer);
        }
    }

    fn is_fresh(&self, answer: &Remembered) -> bool {
        answer.looked_up.elapsed() < self.options.remember_for
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
