//! Whether the caller of an answer that goes on for hours still may have it: a key is looked at when its request comes,
//! and may be revoked or expire long before the answer ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::Scope;
use poem::Request;
use poem::http::StatusCode;
use tokio::time::sleep;

use crate::authenticator::Credential;
use crate::{Authenticator, Problem};

/// How often a credential is looked at while its answer goes on.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(3);

/// The right of a caller to an answer that goes on.
pub struct Standing {
    authenticator: Arc<Authenticator>,
    credential: Credential,
    scope: Scope,
    looked_at_every: Duration,
}

impl Standing {
    /// Returns the right of a request's caller to what `scope` allows. Needs an `Arc<Authenticator>` in the request's data.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`], but for credentials that do not work: that is said by [`Self::lost`].
    pub fn of(request: &Request, scope: Scope) -> Result<Self, Problem> {
        let authenticator = Authenticator::of(request)?;
        let credential = authenticator.credential_of(request)?;
        let authenticator = Arc::clone(authenticator);
        Ok(Self { authenticator, credential, scope, looked_at_every: LOOKED_AT_EVERY })
    }

    /// Waits until the key is revoked, the session is ended, either expires or loses the scope; returns some seconds after
    /// it. A store of keys that does not answer takes nobody's right.
    pub async fn lost(&self) {
        loop {
            sleep(self.looked_at_every).await;
            let may = match self.authenticator.principal_of(&self.credential).await {
                Ok(principal) => principal.scopes.contains(self.scope),
                Err(problem) => problem.status() != StatusCode::UNAUTHORIZED,
            };
            if !may {
                return;
            }
        }
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("scope", &self.scope).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use domain::Clock;
    use futures_util::FutureExt;
    use store::KeyStore;
    use tokio::time::timeout;

    use super::*;
    use crate::AuthenticatorOptions;
    use crate::authenticator::tests::{FakeKeys, FixedClock};

    /// Long enough for any machine; what takes longer does not happen.
    const PLENTY: Duration = Duration::from_secs(60);

    fn standing(keys: &Arc<FakeKeys>, scope: Scope) -> Standing {
        let (keys, clock): (Arc<dyn KeyStore>, Arc<dyn Clock>) = (keys.clone(), Arc::new(FixedClock));
        let options = AuthenticatorOptions { remember_for: Duration::ZERO, ..Default::default() };
        let mut request = Request::builder().header("X-API-Key", "K").finish();
        request.set_data(Arc::new(Authenticator::new(keys, clock, options)));
        let standing = Standing::of(&request, scope).unwrap();
        Standing { looked_at_every: Duration::from_millis(1), ..standing }
    }

    #[tokio::test]
    async fn it_is_lost_when_the_key_is_revoked_and_not_before() {
        let keys = Arc::new(FakeKeys::default());
        keys.add("K", "read");
        let standing = standing(&keys, Scope::Read);
        let mut lost = pin!(standing.lost());
        testkit::wait_until("the key is looked at", PLENTY, async || {
            assert!(lost.as_mut().now_or_never().is_none());
            (keys.questions() > 3).then_some(())
        })
        .await;

        keys.revoke_all();

        timeout(PLENTY, lost).await.expect("the right is lost");
    }

    #[tokio::test]
    async fn it_is_lost_when_the_key_has_not_the_scope() {
        let keys = Arc::new(FakeKeys::default());
        keys.add("K", "ingest");
        timeout(PLENTY, standing(&keys, Scope::Read).lost()).await.expect("the right is lost");
    }

    #[tokio::test]
    async fn a_store_of_keys_that_does_not_answer_takes_nobodys_right() {
        let keys = Arc::new(FakeKeys::broken());
        let standing = standing(&keys, Scope::Read);
        let mut lost = pin!(standing.lost());
        testkit::wait_until("the key is looked at", PLENTY, async || {
            assert!(lost.as_mut().now_or_never().is_none());
            (keys.questions() > 3).then_some(())
        })
        .await;
    }
}
