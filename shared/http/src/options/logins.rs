//! How people log in.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::Seconds;
use crate::logins::SecretText;

const FAILED_LOGINS_PER_MINUTE: u32 = 20;
/// Keys cannot be guessed: this bounds what somebody with an old one costs.
const WRONG_KEYS_PER_MINUTE: u32 = 1000;
const SESSION_TIME: Seconds = Seconds::new(12 * 60 * 60);
const ACCESS_TOKEN_EXPIRE_MINUTES: u32 = 30;

/// The options of logging in. Those of access tokens are named as the FastAPI services name them that had them first.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logging in")]
pub struct LoginOptions {
    /// Most wrong passwords a minute from one address; beyond: 429, before they are looked at
    #[arg(
        long,
        env = "SENTINEL_FAILED_LOGINS_PER_MINUTE",
        value_name = "LOGINS",
        default_value_t = FAILED_LOGINS_PER_MINUTE,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub failed_logins_per_minute: u32,
    /// Most wrong keys, tokens and sessions a minute from one address that are answered 401; beyond: 429. What is right
    /// works all the same
    #[arg(
        long,
        env = "SENTINEL_WRONG_KEYS_PER_MINUTE",
        value_name = "REQUESTS",
        default_value_t = WRONG_KEYS_PER_MINUTE,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub wrong_keys_per_minute: u32,
    /// How long a session lasts after its login: a number and s, m or h
    #[arg(long, env = "SENTINEL_SESSION_TIME", value_name = "TIME", default_value_t = SESSION_TIME)]
    pub session_time: Seconds,
    /// Give out cookies for encrypted connections only, also where this service cannot see that they are
    #[arg(long, env = "SENTINEL_SECURE_COOKIES")]
    pub secure_cookies: bool,
    /// How long an access token works, in minutes
    #[arg(
        long,
        env = "ACCESS_TOKEN_EXPIRE_MINUTES",
        value_name = "MINUTES",
        default_value_t = ACCESS_TOKEN_EXPIRE_MINUTES,
        value_parser = clap::value_parser!(u32).range(1..=525_600)
    )]
    pub access_token_expire_minutes: u32,
    /// File with what access tokens are signed with, at least 32 bytes [default: one that is made in the data directory]
    #[arg(long, env = "SECRET_KEY_FILE", value_name = "FILE")]
    pub secret_key_file: Option<PathBuf>,
    /// What access tokens are signed with. For the environment: the arguments of a process are seen by everybody
    #[arg(long, env = "SECRET_KEY", value_name = "SECRET", hide_env_values = true, hide = true)]
    pub secret_key: Option<SecretText>,
}

impl LoginOptions {
    /// Returns how long an access token works.
    #[must_use]
    pub fn token_time(&self) -> Duration {
        Duration::from_secs(u64::from(self.access_token_expire_minutes) * 60)
    }
}

impl Default for LoginOptions {
    fn default() -> Self {
        Self {
            failed_logins_per_minute: FAILED_LOGINS_PER_MINUTE,
            wrong_keys_per_minute: WRONG_KEYS_PER_MINUTE,
            session_time: SESSION_TIME,
            secure_cookies: false,
            access_token_expire_minutes: ACCESS_TOKEN_EXPIRE_MINUTES,
            secret_key_file: None,
            secret_key: None,
        }
    }
}
