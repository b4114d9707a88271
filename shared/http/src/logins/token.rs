//! Access tokens: JSON Web Tokens (RFC 7519), signed with HMAC-SHA-256 (`HS256`) and with nothing else.
//!
//! A token is `header.claims.signature`, each part base64url without padding. Claims: `sub` the user's name, `iat` and
//! `exp` seconds since 1970, and `ver`, when the user's password was set (microseconds since 1970): a token is good for that
//! password only, so that a new password ends it, and the removal of its user.
//!
//! Written here, in a page of code, because the libraries for it bring RSA and elliptic curves, or a C toolchain, for
//! algorithms that must not be accepted anyway.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Timestamp, UserName};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use store::User;

use super::TokenSecret;

/// How the base64url of every JSON object begins.
const OBJECT_PREFIX: &str = "eyJ";

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Signs and reads access tokens.
#[derive(Clone)]
pub struct TokenSigner {
    mac: Hmac<Sha256>,
    lifetime: Duration,
}

/// A token that was just signed. Its text goes to its owner and nowhere else.
pub struct SignedToken {
    /// The token.
    pub text: String,
    /// For how many seconds it works.
    pub expires_in_seconds: u64,
}

/// What a token says that we signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose it is.
    pub user: UserName,
    /// When the password was set that it is good for.
    pub password_changed_at: Timestamp,
    /// From when on it does not work, in seconds since 1970.
    pub expires_at_seconds: i64,
}

#[derive(Serialize, Deserialize)]
struct ClaimsText {
    sub: String,
    iat: i64,
    exp: i64,
    ver: i64,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    crit: Option<serde::de::IgnoredAny>,
}

/// Says whether a credential looks like a token, rather than a key.
#[must_use]
pub fn is_token(credential: &str) -> bool {
    credential.starts_with(OBJECT_PREFIX) && credential.split('.').count() == 3
}

impl TokenSigner {
    /// Makes a signer; its tokens work for `lifetime`.
    ///
    /// # Panics
    /// Never: HMAC takes keys of every length.
    #[must_use]
    pub fn new(secret: &TokenSecret, lifetime: Duration) -> Self {
        let mac = Hmac::new_from_slice(secret.expose()).expect("HMAC takes keys of every length");
        Self { mac, lifetime }
    }

    /// Signs a token for a user.
    ///
    /// # Panics
    /// Never: texts and numbers always become JSON.
    #[must_use]
    pub fn sign(&self, user: &User, now: Timestamp) -> SignedToken {
        let iat = seconds_of(now);
        let lifetime = self.lifetime.as_secs();
        let claims = ClaimsText {
            sub: user.name.to_string(),
            iat,
            exp: iat.saturating_add_unsigned(lifetime),
            ver: user.password_changed_at.as_micros(),
        };
        let claims = serde_json::to_vec(&claims).expect("texts and numbers always become JSON");
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.mac_of(&signed).finalize().into_bytes());
        SignedToken { text: format!("{signed}.{signature}"), expires_in_seconds: lifetime }
    }

    /// Returns what a token says, if we signed it and its time is not over.
    #[must_use]
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac_of(signed).verify_slice(&signature).ok()?;

        let (header, claims) = signed.split_once('.')?;
        let header: Header = read(header)?;
        if header.alg != "HS256" || header.crit.is_some() {
            return None;
        }
        let claims: ClaimsText = read(claims)?;
        let claims = Claims {
            user: UserName::parse(&claims.sub).ok()?,
            password_changed_at: Timestamp::from_micros(claims.ver).ok()?,
            expires_at_seconds: claims.exp,
        };
        claims.are_good_at(now).then_some(claims)
    }

    fn mac_of(&self, signed: &str) -> Hmac<Sha256> {
        self.mac.clone().chain_update(signed)
    }
}

impl Claims {
    /// Says whether the token's time is not over.
    #[must_use]
    pub fn are_good_at(&self, now: Timestamp) -> bool {
        seconds_of(now) < self.expires_at_seconds
    }
}

impl std::fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenSigner").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SignedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedToken")
            .field("expires_in_seconds", &self.expires_in_seconds)
            .finish_non_exhaustive()
    }
}

fn read<T: for<'a> Deserialize<'a>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn seconds_of(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(MICROS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use domain::{Role, Tenant};
    use store::PasswordHash;

    use super::*;

    fn signer() -> TokenSigner {
        TokenSigner::new(&TokenSecret::of_bytes(&[7; 32]), Duration::from_secs(1800))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_743_508_800_000_000 + seconds * MICROS_PER_SECOND).unwrap()
    }

    fn ann() -> User {
        User {
            name: UserName::parse("ann").unwrap(),
            tenant: Tenant::parse("a").unwrap(),
            role: Role::Viewer,
            password_hash: PasswordHash(String::new()),
            created_at: at(-9),
            password_changed_at: at(-1),
        }
    }

    /// Signs any header and claims, as who knows the secret could.
    fn signed(header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = signer().mac_of(&signed).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn a_token_says_whose_it_is_until_its_time_is_over() {
        let token = signer().sign(&ann(), at(0));
        let claims = signer().verify(&token.text, at(1799)).unwrap();
        assert_eq!((claims.user, claims.password_changed_at), (ann().name, ann().password_changed_at));
        assert_eq!(token.expires_in_seconds, 1800);
        assert_eq!(signer().verify(&token.text, at(1800)), None);
        assert!(is_token(&token.text) && !is_token("ls_a.b.c") && !is_token("eyJ.b"));
    }

    #[test]
    fn the_signature_is_that_of_rfc_7515() {
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let signer = TokenSigner::new(
            &TokenSecret::of_bytes(&URL_SAFE_NO_PAD.decode(secret).unwrap()),
            Duration::ZERO,
        );
        let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0d\
                      HA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = URL_SAFE_NO_PAD.encode(signer.mac_of(signed).finalize().into_bytes());
        assert_eq!(signature, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    }

    #[test]
    fn no_character_of_a_token_can_be_changed() {
        let token = signer().sign(&ann(), at(0)).text;
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(signer().verify(&changed, at(1)), None, "position {index}");
        }
        let other = TokenSigner::new(&TokenSecret::of_bytes(&[8; 32]), Duration::from_secs(1800));
        assert_eq!(other.verify(&token, at(1)), None, "another secret");
    }

    #[test]
    fn only_hs256_with_all_claims_is_read() {
        const HS256: &str = r#"{"alg":"HS256"}"#;
        let claims = format!(r#"{{"sub":"ann","iat":0,"exp":{},"ver":5}}"#, seconds_of(at(9)));
        assert!(signer().verify(&signed(HS256, &claims), at(1)).is_some());

        for header in [r#"{"alg":"none"}"#, r#"{"alg":"hs256"}"#, r#"{"alg":"HS512"}"#, r#"{"alg":"RS256"}"#]
        {
            assert_eq!(signer().verify(&signed(header, &claims), at(1)), None, "{header}");
        }
        let critical = r#"{"alg":"HS256","crit":["b64"]}"#;
        for header in ["{}", "", critical] {
            assert_eq!(signer().verify(&signed(header, &claims), at(1)), None, "{header}");
        }
        for missing in ["sub", "exp", "ver"] {
            let claims = claims.replace(missing, "x");
            assert_eq!(signer().verify(&signed(HS256, &claims), at(1)), None, "{claims}");
        }
        let unsigned =
            format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(&claims));
        assert_eq!(signer().verify(&unsigned, at(1)), None);
    }
}
