//! [`SecretToken`]: what a session or a set-up link is known by.

use std::fmt;

use crate::KeyDigest;
use crate::keys::{SECRET_CHARS, random_chars};

/// 256 random bits as 43 characters of `0-9 A-Z a-z`. The text exists only here: hand it over once and drop it.
pub struct SecretToken(String);

impl SecretToken {
    /// Makes a token from `fill_random`, which has to fill its argument with cryptographically random bytes.
    pub fn new(mut fill_random: impl FnMut(&mut [u8])) -> Self {
        Self(random_chars(SECRET_CHARS, &mut fill_random))
    }

    /// Returns what is kept of it.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.0)
    }

    /// Returns the text, to go to its owner and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_plain_and_does_not_show_in_debug_output() {
        let mut next = 0_u8;
        let token = SecretToken::new(|bytes| {
            bytes.fill(next);
            next = next.wrapping_add(17);
        });
        assert_eq!(token.expose().len(), 43);
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(token.digest(), KeyDigest::of(token.expose()));
        assert_eq!(format!("{token:?}"), "SecretToken(..)");
    }
}
