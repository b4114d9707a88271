//! Keys that an operator brings along, so that clients of an older system go on working, and where they are sent.
//!
//! The variables have the names that the older systems used: `API_KEYS`, `API_KEYS_FILE`, `API_KEY_HEADER`, `DEMO`.

use std::fmt;
use std::fs;
use std::io;
use std::str::FromStr;

use clap::Args;
use domain::Timestamp;
use poem::http::HeaderName;
use poem::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, PROXY_AUTHORIZATION};
use store::keys::given::{GivenKey, GivenKeysError};
use store::{AuditStore, By, InsertOutcome, KeyState, KeyStore, KeyStoreError, NotedKeys, NotedKeysError};
use thiserror::Error;

use crate::{AuthenticatorOptions, random_key};

const API_KEYS: &str = "API_KEYS";
const API_KEYS_FILE: &str = "API_KEYS_FILE";
const DEMO: &str = "DEMO";

/// Headers that mean something else.
const TAKEN_HEADERS: [HeaderName; 6] =
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, HOST, CONTENT_LENGTH, CONTENT_TYPE];

/// The options of keys.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Keys of older systems")]
pub struct KeyOptions {
    /// Keys to take beside those that are kept, which may send, read and delete: {"key":"tenant"}. Better in the
    /// environment or a file: everybody on the machine sees a command line
    #[arg(long, env = API_KEYS, value_name = "JSON", default_value = "", hide_env_values = true)]
    api_keys: Hidden,
    /// A file that holds such keys
    #[arg(long, env = API_KEYS_FILE, value_name = "FILE", default_value = "")]
    api_keys_file: String,
    /// A further header that may carry a key, beside Authorization and X-API-Key
    #[arg(long, env = "API_KEY_HEADER", value_name = "NAME", default_value = "")]
    api_key_header: ExtraHeader,
    /// Take the demo keys that the documentation shows, and that everybody knows: 1 or 0
    #[arg(
        long,
        env = DEMO,
        value_name = "1|0",
        default_value = "0",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        action = clap::ArgAction::Set,
        value_parser = read_switch
    )]
    demo: bool,
}

/// A text that is not shown, not even by `Debug`.
#[derive(Clone, Default)]
struct Hidden(String);

/// A header that may carry a key; none if its name is empty.
#[derive(Debug, Clone, Default)]
struct ExtraHeader(Option<HeaderName>);

/// Keys that were read and are fit to be kept.
#[derive(Debug, Default)]
pub struct GivenKeys {
    /// Each with where it comes from.
    keys: Vec<(&'static str, GivenKey)>,
}

/// Why a service does not start with the keys that it is given. Shows none.
#[derive(Debug, Error)]
pub enum KeyOptionsError {
    /// They are not of the right form, or no secrets.
    #[error("cannot take the keys in {origin}")]
    Keys {
        /// The variable.
        origin: &'static str,
        /// What is wrong.
        #[source]
        error: GivenKeysError,
    },
    /// The file cannot be read.
    #[error("cannot read the file that {API_KEYS_FILE} names")]
    File(#[source] io::Error),
    /// There are as many keys as there may be.
    #[error(
        "cannot take the keys in {origin}: the tenant {tenant} has {} keys already, the most there may be",
        domain::limits::KEYS_MAX
    )]
    LimitReached {
        /// The variable.
        origin: &'static str,
        /// The tenant.
        tenant: domain::Tenant,
    },
    /// The store of keys does not work.
    #[error(transparent)]
    Store(#[from] KeyStoreError),
    /// They could not be kept.
    #[error(transparent)]
    Noted(#[from] NotedKeysError),
}

impl KeyOptions {
    /// Reads the keys that are given.
    ///
    /// # Errors
    /// [`KeyOptionsError`], but for its store.
    pub fn read(&self) -> Result<GivenKeys, KeyOptionsError> {
        let mut keys = Vec::new();
        if !self.api_keys.0.trim().is_empty() {
            keys.extend(parse(API_KEYS, &self.api_keys.0)?);
        }
        if !self.api_keys_file.is_empty() {
            let text = fs::read_to_string(&self.api_keys_file).map_err(KeyOptionsError::File)?;
            keys.extend(parse(API_KEYS_FILE, &text)?);
        }
        if self.demo {
            tracing::warn!(
                "DEMO is on: the demo keys of the documentation send, read and delete logs of the tenant default, and \
                 everybody knows them"
            );
            keys.extend(GivenKey::demo().into_iter().map(|key| (DEMO, key)));
        }
        Ok(GivenKeys { keys })
    }
}

fn parse(origin: &'static str, json: &str) -> Result<Vec<(&'static str, GivenKey)>, KeyOptionsError> {
    let keys = GivenKey::parse_all(json).map_err(|error| KeyOptionsError::Keys { origin, error })?;
    Ok(keys.into_iter().map(|key| (origin, key)).collect())
}

impl GivenKeys {
    /// Keeps the keys that are not there; one that was revoked stays so. Notes those that are new.
    ///
    /// # Errors
    /// [`KeyOptionsError`].
    pub async fn keep_in(
        &self,
        keys: &dyn KeyStore,
        audit: &dyn AuditStore,
        now: Timestamp,
    ) -> Result<(), KeyOptionsError> {
        for (origin, key) in &self.keys {
            // Asked first: a start that brings nothing new does not write.
            if let Some(kept) = keys.find(key.digest()).await? {
                if kept.principal.tenant != key.tenant {
                    let (id, tenant) = (&kept.id, &kept.principal.tenant);
                    tracing::warn!(origin, key_id = id, %tenant, "a key is kept with another tenant, which counts");
                }
                continue;
            }
            let new = key.to_new_key(random_key().id, origin, now);
            let (id, tenant) = (new.id.clone(), new.tenant.clone());
            match (NotedKeys { keys, audit, by: By::means(origin), at: now }).create(new).await? {
                InsertOutcome::Inserted => tracing::info!(origin, key_id = id, %tenant, "key taken"),
                // Another process, which starts at the same time, was faster.
                InsertOutcome::AlreadyThere => {}
                InsertOutcome::LimitReached => return Err(KeyOptionsError::LimitReached { origin, tenant }),
            }
        }
        self.warn_of_left_demo_keys(keys, now).await
    }

    /// Says which demo keys of an earlier start still work.
    async fn warn_of_left_demo_keys(
        &self,
        keys: &dyn KeyStore,
        now: Timestamp,
    ) -> Result<(), KeyOptionsError> {
        if self.keys.iter().any(|(origin, _)| *origin == DEMO) {
            return Ok(());
        }
        for key in GivenKey::demo() {
            let kept = keys.find(key.digest()).await?;
            if let Some(kept) = kept.filter(|kept| kept.state_at(now) == KeyState::Works) {
                let id = kept.id;
                tracing::warn!(
                    key_id = id,
                    "a demo key of an earlier start still works, and everybody knows it; revoke it"
                );
            }
        }
        Ok(())
    }
}

impl From<&KeyOptions> for AuthenticatorOptions {
    fn from(options: &KeyOptions) -> Self {
        Self { extra_header: options.api_key_header.0.clone(), ..Self::default() }
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(..)")
    }
}

impl FromStr for ExtraHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        match HeaderName::try_from(text) {
            Ok(name) if TAKEN_HEADERS.contains(&name) => Err("this header means something else".to_owned()),
            Ok(name) => Ok(Self(Some(name))),
            Err(_) => Err("expected the name of a header, such as X-Logger-Key".to_owned()),
        }
    }
}

fn read_switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected 1 or 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use domain::Tenant;
    use serde_json::json;
    use store::{KeyDigest, MemoryAuditStore, MemoryKeyStore};

    use super::*;

    #[derive(Debug, Parser)]
    struct Options {
        #[command(flatten)]
        keys: KeyOptions,
    }

    const GOOD: &str = r#"{"k7Qz-81nnA-pp0-xw3":"team-a"}"#;

    fn options(arguments: &[&str]) -> Result<KeyOptions, clap::Error> {
        Options::try_parse_from(["service"].iter().chain(arguments)).map(|options| options.keys)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::saturating_from_micros(second * 1_000_000)
    }

    #[test]
    fn nothing_is_given_unless_it_is_said() {
        let options = options(&[]).unwrap();
        assert!(options.read().unwrap().keys.is_empty());
        assert_eq!(AuthenticatorOptions::from(&options).extra_header, None);
        assert!(!KeyOptions::default().demo);
    }

    #[test]
    fn demo_keys_are_taken_when_demo_is_on_and_not_otherwise() {
        let count = |arguments: &[&str]| options(arguments).unwrap().read().unwrap().keys.len();
        assert_eq!([count(&["--demo"]), count(&["--demo=1"]), count(&["--demo=yes"])], [6, 6, 6]);
        assert_eq!([count(&["--demo=0"]), count(&["--demo="])], [0, 0]);
        assert!(options(&["--demo=maybe"]).is_err());
    }

    #[test]
    fn a_further_header_is_one_that_means_nothing_else() {
        let header =
            |name| options(&["--api-key-header", name]).map(|o| AuthenticatorOptions::from(&o).extra_header);
        assert_eq!(header("X-Logger-Key").unwrap(), Some(HeaderName::from_static("x-logger-key")));
        for name in ["Authorization", "cookie", "a b", "ä"] {
            assert!(header(name).is_err(), "{name}");
        }
    }

    #[test]
    fn no_error_and_no_debug_output_shows_a_key() {
        for json in ["hunter2", r#"{"hunter2":"a"}"#, r#"{"hunter2hunter2changeme":"a"}"#, r#"{"hunter2":7}"#]
        {
            let options = options(&["--api-keys", json]).unwrap();
            let shown = format!("{:?} {options:?}", options.read().unwrap_err());
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let given = options(&["--api-keys", GOOD]).unwrap().read().unwrap();
        assert!(!format!("{given:?}").contains("k7Qz"), "{given:?}");
    }

    #[tokio::test]
    async fn given_keys_are_kept_once_and_a_revoked_one_stays_revoked() {
        let (keys, audit) = (MemoryKeyStore::default(), MemoryAuditStore::default());
        let given = options(&["--api-keys", GOOD]).unwrap().read().unwrap();
        given.keep_in(&keys, &audit, at(1)).await.unwrap();
        let kept = keys.find(KeyDigest::of("k7Qz-81nnA-pp0-xw3")).await.unwrap().unwrap();
        keys.revoke(&kept.id, at(2)).await.unwrap();

        given.keep_in(&keys, &audit, at(3)).await.unwrap();

        let listed = keys.list().await.unwrap();
        assert_eq!((listed.len(), listed[0].revoked_at), (1, Some(at(2))));
        assert_eq!(
            (kept.name.as_str(), kept.principal.scopes.to_string().as_str()),
            (API_KEYS, "ingest,read,delete")
        );
        let noted = audit.list(&Tenant::parse("team-a").unwrap(), None, 10).await.unwrap();
        assert_eq!(
            (noted.len(), &noted[0].subject, &noted[0].details["by"]),
            (1, &kept.id, &json!("API_KEYS"))
        );
    }
}
