//! What logging in needs in both services, beside the users' store.
//!
//! * [`failures`] how often somebody may be wrong before being told to wait
//! * [`same_origin`] whether a request that a browser signs by itself was meant by a page of ours
//! * [`token`] access tokens that are signed instead of kept, [`secret`] what they are signed with
//!
//! Not here: passwords, which only the service with the routes for them looks at.

pub mod failures;
pub mod same_origin;
pub mod secret;
pub mod token;

use std::path::Path;
use std::time::Duration;

use store::SecretToken;

pub use self::failures::{Attempt, FailedLogins};
pub use self::same_origin::check_same_origin;
pub use self::secret::{SecretError, SecretText, TokenSecret};
pub use self::token::{SignedToken, TokenSigner};
use crate::options::LoginOptions;

/// How a service treats those who log in.
#[derive(Debug)]
pub struct Logins {
    /// Signs and reads access tokens.
    pub signer: TokenSigner,
    /// Who was wrong how often.
    pub failures: FailedLogins,
    /// How long a session lasts.
    pub session_time: Duration,
    /// Whether cookies are for encrypted connections only, whatever the request looks like.
    pub secure_cookies: bool,
}

impl Logins {
    /// Reads what the options and the data directory say; makes the secret that tokens are signed with if there is none.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn open(options: &LoginOptions, data_dir: &Path) -> Result<Self, SecretError> {
        Ok(Self::new(options, &TokenSecret::open(options, data_dir)?))
    }

    /// As [`Self::open`], with a secret that is forgotten at the end of the process.
    #[must_use]
    pub fn with_random_secret(options: &LoginOptions) -> Self {
        Self::new(options, &TokenSecret::random())
    }

    fn new(options: &LoginOptions, secret: &TokenSecret) -> Self {
        Self {
            signer: TokenSigner::new(secret, options.token_time()),
            failures: FailedLogins::new(options.failed_logins_per_minute, options.wrong_keys_per_minute),
            session_time: options.session_time.duration(),
            secure_cookies: options.secure_cookies,
        }
    }
}

impl Default for Logins {
    fn default() -> Self {
        Self::with_random_secret(&LoginOptions::default())
    }
}

/// Makes a token for a session or a set-up link.
///
/// # Panics
/// When the kernel gives no random bytes.
#[must_use]
pub fn random_token() -> SecretToken {
    SecretToken::new(|bytes| getrandom::fill(bytes).expect("the kernel gives random bytes"))
}
