//! API keys: how they look, what is kept of them, and the trait [`KeyStore`].
//!
//! A key is `ls_<id>_<secret><check>`: an id of 8 characters that is public, a secret of 43 characters
//! (256 random bits) and a checksum of 6, all of `0-9 A-Z a-z`. The checksum (CRC-32 of all before it)
//! tells a mistyped key from a wrong one without a look-up. Kept is only SHA-256 of the whole key: with 256
//! random bits a slow hash would add nothing but a way to overload the service.
//!
//! Keys that older systems used do not have this form; they are kept and looked up in the same way.
//!
//! What the time of an answer tells: two digests are compared in constant time wherever the program compares them.
//! An engine that looks a digest up in an index does not, and how long it takes depends on how many leading bytes of
//! the digest of the *guess* other digests begin with. Who guesses cannot choose those bytes without having computed
//! SHA-256 of each guess, and a digest's bytes say nothing about the key or about which guess would be closer: so it
//! tells at most the first bytes of the digests that are kept, and nothing about any key.
//!
//! * [`rotation`] how a key is replaced by a successor
//! * [`given`] keys that an operator brings along: those of older systems, and of demonstrations
//! * [`noted`] what is done to keys, noted in the audit log
//! * `memory` [`MemoryKeyStore`], the reference

pub mod given;
mod memory;
pub mod noted;
pub mod rotation;

use std::fmt;
use std::hash::{Hash, Hasher};

use async_trait::async_trait;
use domain::limits::KEY_NAME_MAX_BYTES;
use domain::{Caller, Principal, ScopeSet, ServiceName, Tenant, Timestamp};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::KeyStoreError;

pub use memory::MemoryKeyStore;
pub use noted::{By, NotedKeys, NotedKeysError};
pub use rotation::{RotateOutcome, Rotated, Rotation};

const PREFIX: &str = "ls_";
const ID_CHARS: usize = 8;
/// 43 characters of 62 are 256 bits.
pub(crate) const SECRET_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// SHA-256 of a key: all that is kept of it. Two are compared in constant time.
#[derive(Clone, Copy)]
pub struct KeyDigest(pub [u8; 32]);

/// A key that was just made. Its text exists only here: show it once and drop it.
pub struct GeneratedKey {
    /// The public id.
    pub id: String,
    /// The whole key, as a client sends it.
    pub text: String,
}

/// A key to keep.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The public id; unique.
    pub id: String,
    /// The digest of the whole key; unique.
    pub digest: KeyDigest,
    /// What its owner calls it.
    pub name: String,
    /// Whose logs it reaches.
    pub tenant: Tenant,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// The one service that it may send logs of, if it is bound to one.
    pub service: Option<ServiceName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
}

/// A text that cannot be a key's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a key's name is 1 to {KEY_NAME_MAX_BYTES} bytes without control characters")]
pub struct InvalidKeyName;

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The public id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Whom it stands for.
    pub principal: Principal,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to a minute; `None`: never.
    pub last_used_at: Option<Timestamp>,
    /// The id of the key that replaces it, if one does.
    pub successor: Option<String>,
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It does.
    Works,
    /// It no longer does: its time is over.
    Expired,
    /// It no longer does: it was revoked.
    Revoked,
}

/// What became of a key that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertOutcome {
    /// It is kept.
    Inserted,
    /// One with its id or its digest is there already, and left as it is.
    AlreadyThere,
    /// Its tenant has as many keys that work as it may have ([`KEYS_MAX`](domain::limits::KEYS_MAX)). Revoke one first.
    LimitReached,
}

/// Keeps API keys. Every process that has the same store open sees a change at once.
///
/// What a tenant may do to its own keys has a call that takes the tenant; the calls that take none are for the owner of
/// the machine.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Keeps a key. One that is kept already, by id or by digest, is left as it is, also when it is revoked.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn insert(&self, key: NewKey) -> Result<InsertOutcome, KeyStoreError>;

    /// Returns the key with this digest, also when it is expired or revoked.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn find(&self, digest: KeyDigest) -> Result<Option<KeyRecord>, KeyStoreError>;

    /// Returns the keys of all tenants, oldest first.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn list(&self) -> Result<Vec<KeyRecord>, KeyStoreError>;

    /// Returns the keys of a tenant, oldest first.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn list_of(&self, tenant: &Tenant) -> Result<Vec<KeyRecord>, KeyStoreError>;

    /// Revokes the key with this id, whose ever it is; returns whether there was one that was not revoked.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn revoke(&self, id: &str, at: Timestamp) -> Result<bool, KeyStoreError>;

    /// Revokes a tenant's key; returns whether it has one with this id that was not revoked.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn revoke_of(&self, tenant: &Tenant, id: &str, at: Timestamp) -> Result<bool, KeyStoreError>;

    /// Replaces a key by a successor, both in one step; of this tenant, or of any.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn rotate(&self, of: Option<&Tenant>, rotation: &Rotation) -> Result<RotateOutcome, KeyStoreError>;

    /// Notes when keys were last used, by id. An earlier time than the one that is kept changes nothing, nor does an
    /// unknown id.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn note_used(&self, uses: &[(String, Timestamp)]) -> Result<(), KeyStoreError>;

    /// Releases every resource.
    ///
    /// # Errors
    /// [`KeyStoreError`]; what was stored is safe nevertheless.
    async fn close(&self) -> Result<(), KeyStoreError>;
}

// === impl KeyDigest ===

impl KeyDigest {
    /// Returns the digest of a key's text.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

impl PartialEq for KeyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyDigest {}

impl Hash for KeyDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

// === impl GeneratedKey ===

impl GeneratedKey {
    /// Makes a key from `fill_random`, which has to fill its argument with cryptographically random bytes.
    pub fn new(mut fill_random: impl FnMut(&mut [u8])) -> Self {
        let id = random_chars(ID_CHARS, &mut fill_random);
        let body = format!("{PREFIX}{id}_{}", random_chars(SECRET_CHARS, &mut fill_random));
        Self { id, text: format!("{body}{}", checksum(&body)) }
    }
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratedKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Says whether `key` claims our form but fails its checksum: then no store has to be asked.
#[must_use]
pub fn is_mistyped(key: &str) -> bool {
    if !key.starts_with(PREFIX) {
        return false;
    }
    let expected_len = PREFIX.len() + ID_CHARS + 1 + SECRET_CHARS + CHECK_CHARS;
    if key.len() != expected_len || !key.is_ascii() {
        return true;
    }
    let (body, check) = key.split_at(expected_len - CHECK_CHARS);
    checksum(body) != check
}

/// Returns `count` characters of the alphabet, each equally likely.
pub(crate) fn random_chars(count: usize, fill_random: &mut impl FnMut(&mut [u8])) -> String {
    /// The largest multiple of 62 below 256: bytes from here on would favour the first characters.
    const FAIR_BELOW: u8 = 248;
    let mut chars = String::with_capacity(count);
    while chars.len() < count {
        let mut byte = [0];
        fill_random(&mut byte);
        if byte[0] < FAIR_BELOW {
            chars.push(char::from(ALPHABET[usize::from(byte[0] % 62)]));
        }
    }
    chars
}

/// Returns CRC-32 of `body` as 6 characters of the alphabet.
fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes()) as usize;
    let mut digits = String::with_capacity(CHECK_CHARS);
    for _ in 0..CHECK_CHARS {
        digits.push(char::from(ALPHABET[rest % 62]));
        rest /= 62;
    }
    digits
}

// === impl NewKey ===

impl NewKey {
    /// Checks what a key is to be called.
    ///
    /// # Errors
    /// [`InvalidKeyName`].
    pub fn check_name(name: &str) -> Result<(), InvalidKeyName> {
        if name.trim().is_empty() || name.len() > KEY_NAME_MAX_BYTES || name.contains(char::is_control) {
            return Err(InvalidKeyName);
        }
        Ok(())
    }

    /// Returns the key as it is kept.
    #[must_use]
    pub fn into_record(self) -> KeyRecord {
        let principal = Principal {
            caller: Caller::Key(self.id.clone()),
            tenant: self.tenant,
            scopes: self.scopes,
            service: self.service,
        };
        KeyRecord {
            id: self.id,
            name: self.name,
            principal,
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: None,
            last_used_at: None,
            successor: None,
        }
    }
}

// === impl KeyRecord ===

impl KeyRecord {
    /// Returns whether the key works at `now`.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            KeyState::Expired
        } else {
            KeyState::Works
        }
    }

    /// Returns the principal if the key works at `now`.
    #[must_use]
    pub fn principal_at(&self, now: Timestamp) -> Option<&Principal> {
        (self.state_at(now) == KeyState::Works).then_some(&self.principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting_bytes() -> impl FnMut(&mut [u8]) {
        let mut next = 0_u8;
        move |bytes| {
            for byte in bytes {
                *byte = next;
                next = next.wrapping_add(41);
            }
        }
    }

    #[test]
    fn a_made_key_has_the_documented_form_and_a_valid_checksum() {
        let key = GeneratedKey::new(counting_bytes());
        assert_eq!(key.text.len(), 3 + 8 + 1 + 43 + 6);
        assert!(key.text.starts_with(&format!("ls_{}_", key.id)));
        assert!(!is_mistyped(&key.text));
    }

    #[test]
    fn one_wrong_character_is_noticed_without_a_look_up() {
        let key = GeneratedKey::new(counting_bytes()).text;
        for at in 3..key.len() {
            let mut wrong = key.clone().into_bytes();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            assert!(is_mistyped(&String::from_utf8(wrong).unwrap()), "position {at}");
        }
        assert!(is_mistyped(&key[..key.len() - 1]));
        assert!(!is_mistyped("svc-reports-123"), "keys of older systems have no checksum");
    }

    #[test]
    fn neither_a_key_nor_its_digest_shows_in_debug_output() {
        let key = GeneratedKey::new(counting_bytes());
        let shown = format!("{key:?} {:?}", KeyDigest::of(&key.text));
        assert!(!shown.contains(&key.text[12..]), "{shown}");
    }

    #[test]
    fn digests_are_equal_when_all_of_their_bytes_are() {
        let digest = KeyDigest::of("K");
        assert_eq!(digest, KeyDigest::of("K"));
        for at in 0..32 {
            let mut other = digest;
            other.0[at] ^= 1;
            assert_ne!(digest, other, "byte {at}");
        }
    }
}
