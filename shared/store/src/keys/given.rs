//! Keys that an operator brings along: those of an older system, as `{"key":"tenant"}`, so that its clients go on working;
//! and the documented keys of demonstrations.
//!
//! They may send, read and delete, and are kept like any other: only a digest, and one that was revoked stays revoked.
//! No error shows a key.

use std::fmt;

use domain::limits::{GIVEN_KEY_MAX_CHARS, GIVEN_KEY_MIN_CHARS};
use domain::{Scope, ScopeSet, ServiceName, Tenant, Timestamp};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use super::{KeyDigest, NewKey, is_mistyped};

/// What such a key may be used for.
const SCOPES: [Scope; 3] = [Scope::Ingest, Scope::Read, Scope::Delete];

/// The keys that the documentation of older systems shows, and the service that each is bound to, if it is.
const DEMO_KEYS: [(&str, Option<&str>); 6] = [
    ("svc-reports-123", Some("reports")),
    ("svc-payments-456", Some("payments")),
    ("svc-chat-789", Some("chat")),
    ("auth-service-token-001", None),
    ("payment-service-token-002", None),
    ("notification-service-token-003", None),
];

/// Parts by which a key shows that it was never chosen.
const PLACEHOLDERS: [&str; 14] = [
    "changeme",
    "change-me",
    "change_me",
    "admin123",
    "password",
    "your-api-key",
    "your_api_key",
    "my-api-key",
    "my_api_key",
    "secret-key",
    "secret_key",
    "example",
    "1234567890",
    "abcdefghij",
];

/// A key that is brought along.
pub struct GivenKey {
    text: String,
    /// Whose logs it reaches.
    pub tenant: Tenant,
    /// The one service that it may send logs of, if it is bound to one.
    pub service: Option<ServiceName>,
}

/// Why keys are not taken. Says which one by its place, from 1, and shows none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GivenKeysError {
    /// Not of the form that is asked for.
    #[error(r#"expected a JSON object {{"key":"tenant"}}; it goes wrong at line {line}, column {column}"#)]
    Malformed {
        /// Where, from 1.
        line: usize,
        /// Where, from 1; 0: at the beginning.
        column: usize,
    },
    /// What stands behind a key is no tenant's name.
    #[error("what stands behind key {0} is no tenant's name: 1 to 64 characters of a-z, 0-9, '-' and '_'")]
    Tenant(usize),
    /// A key that is easily guessed because of its length.
    #[error("key {0} has fewer than {GIVEN_KEY_MIN_CHARS} characters")]
    TooShort(usize),
    /// A key that is too long.
    #[error("key {0} has more than {GIVEN_KEY_MAX_CHARS} characters")]
    TooLong(usize),
    /// A key that no client can send.
    #[error("key {0} has characters that a header cannot carry: expected visible ASCII without spaces")]
    Unsendable(usize),
    /// A key that everybody knows.
    #[error("key {0} is a well-known placeholder or example; choose a random one")]
    WellKnown(usize),
    /// A key in our form with a wrong checksum: it would never be looked up.
    #[error("key {0} begins like a key of Log Sentinel, but its checksum is wrong: it was mistyped")]
    Mistyped(usize),
    /// A key that is there twice.
    #[error("key {0} is there twice")]
    Twice(usize),
}

/// The members of an object, in order, with those that are there twice.
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl GivenKey {
    /// Reads keys and their tenants from a JSON object `{"key":"tenant"}`.
    ///
    /// # Errors
    /// [`GivenKeysError`].
    pub fn parse_all(json: &str) -> Result<Vec<Self>, GivenKeysError> {
        // The error of the JSON reader may show a piece of a key: only its place is passed on.
        let Members(members) = serde_json::from_str(json)
            .map_err(|error| GivenKeysError::Malformed { line: error.line(), column: error.column() })?;
        let mut keys: Vec<Self> = Vec::new();
        for (number, (text, tenant)) in (1..).zip(members) {
            check(&text, number)?;
            if keys.iter().any(|known| KeyDigest::of(&known.text) == KeyDigest::of(&text)) {
                return Err(GivenKeysError::Twice(number));
            }
            let tenant = Tenant::parse(&tenant).map_err(|_| GivenKeysError::Tenant(number))?;
            keys.push(Self { text, tenant, service: None });
        }
        Ok(keys)
    }

    /// Returns the documented keys of demonstrations, of the default tenant. Everybody knows them.
    #[must_use]
    pub fn demo() -> Vec<Self> {
        let bound = |name| ServiceName::parse(name).expect("the table has services' names");
        let demo = DEMO_KEYS.into_iter().map(|(text, service)| Self {
            text: text.to_owned(),
            tenant: Tenant::parse(Tenant::DEFAULT_NAME).expect("the default tenant has a valid name"),
            service: service.map(bound),
        });
        demo.collect()
    }

    /// Returns the digest of the key.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.text)
    }

    /// Returns the key as it is to be kept, under a public id that says nothing about it.
    #[must_use]
    pub fn to_new_key(&self, id: String, name: &str, created_at: Timestamp) -> NewKey {
        NewKey {
            id,
            digest: self.digest(),
            name: name.to_owned(),
            tenant: self.tenant.clone(),
            scopes: ScopeSet::of(&SCOPES),
            service: self.service.clone(),
            created_at,
            expires_at: None,
        }
    }
}

impl fmt::Debug for GivenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenKey").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Checks the key with this number.
fn check(text: &str, number: usize) -> Result<(), GivenKeysError> {
    let chars = text.chars().count();
    if chars < GIVEN_KEY_MIN_CHARS {
        return Err(GivenKeysError::TooShort(number));
    }
    if chars > GIVEN_KEY_MAX_CHARS {
        return Err(GivenKeysError::TooLong(number));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(GivenKeysError::Unsendable(number));
    }
    if is_well_known(text) {
        return Err(GivenKeysError::WellKnown(number));
    }
    if is_mistyped(text) {
        return Err(GivenKeysError::Mistyped(number));
    }
    Ok(())
}

/// Says whether a key is documented somewhere, holds a placeholder, or repeats very few characters.
fn is_well_known(text: &str) -> bool {
    /// A random key of the shortest length has this many different characters but for one in millions.
    const DIFFERENT_CHARS_MIN: usize = 5;

    let lower = text.to_ascii_lowercase();
    let mut chars: Vec<u8> = lower.bytes().collect();
    chars.sort_unstable();
    chars.dedup();
    chars.len() < DIFFERENT_CHARS_MIN
        || DEMO_KEYS.iter().any(|(demo, _)| *demo == lower)
        || PLACEHOLDERS.iter().any(|placeholder| lower.contains(placeholder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> GivenKeysError {
        GivenKey::parse_all(json).expect_err(json)
    }

    #[test]
    fn keys_are_read_with_their_tenants() {
        let keys =
            GivenKey::parse_all(r#" {"k7Qz-81nnA-pp0-xw3": "team-a", "Zr!x9$w2Lm#44Qpt": "b"} "#).unwrap();
        let tenants: Vec<&str> = keys.iter().map(|key| key.tenant.as_str()).collect();
        assert_eq!(tenants, ["team-a", "b"]);
        assert_eq!(keys[0].digest(), KeyDigest::of("k7Qz-81nnA-pp0-xw3"));
        let new = keys[0].to_new_key("id".to_owned(), "n", Timestamp::MIN);
        assert_eq!((new.scopes.to_string().as_str(), new.service), ("ingest,read,delete", None));
        assert!(GivenKey::parse_all("{}").unwrap().is_empty());
    }

    #[test]
    fn keys_that_are_no_secret_are_refused_by_their_place() {
        let good = r#""k7Qz-81nnA-pp0-xw3":"a""#;
        for (second, expected) in [
            ("changeme", GivenKeysError::TooShort(2)),
            ("admin123", GivenKeysError::TooShort(2)),
            ("123456789012345", GivenKeysError::TooShort(2)),
            ("ChangeMe-ChangeMe", GivenKeysError::WellKnown(2)),
            ("0123456789abcdef-xyz-1234567890", GivenKeysError::WellKnown(2)),
            ("xyxyxyxyxyxyxyxyxyxy", GivenKeysError::WellKnown(2)),
            ("svc-payments-456", GivenKeysError::WellKnown(2)),
            ("k7Qz 81nnA pp0 xw3", GivenKeysError::Unsendable(2)),
            ("k7Qz-81nnA-pp0-xwä", GivenKeysError::Unsendable(2)),
            ("ls_k7Qz81nn_pp0xw3", GivenKeysError::Mistyped(2)),
            ("k7Qz-81nnA-pp0-xw3", GivenKeysError::Twice(2)),
            (&"k7Qz-81nnA-pp0-xw3".repeat(30), GivenKeysError::TooLong(2)),
        ] {
            assert_eq!(refused(&format!(r#"{{{good},"{second}":"a"}}"#)), expected, "{second}");
        }
        assert_eq!(refused(r#"{"k7Qz-81nnA-pp0-xw3":"Team A"}"#), GivenKeysError::Tenant(1));
    }

    #[test]
    fn what_is_malformed_is_refused_without_its_content() {
        for json in [
            "hunter2",
            r#"["hunter2"]"#,
            r#"{"hunter2":7}"#,
            r#"{"hunter2":"a""#,
            r#"{"hunter2":{}}"#,
            r#""hunter2""#,
            "",
        ] {
            let error = refused(json);
            assert!(matches!(error, GivenKeysError::Malformed { .. }), "{json}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_demonstrations_keys_are_the_documented_ones() {
        let keys = GivenKey::demo();
        assert_eq!(keys.len(), 6);
        let services: Vec<_> =
            keys.iter().filter_map(|key| key.service.as_ref()).map(ServiceName::as_str).collect();
        assert_eq!(services, ["reports", "payments", "chat"]);
        assert!(!format!("{keys:?}").contains("svc-reports-123"));
    }
}
