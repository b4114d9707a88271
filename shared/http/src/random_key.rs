//! New keys, from the machine's own randomness.

use store::keys::GeneratedKey;

/// Makes a key. Its text exists only in what is returned.
#[must_use]
pub fn random_key() -> GeneratedKey {
    GeneratedKey::new(|bytes| getrandom::fill(bytes).expect("the kernel gives random bytes"))
}
