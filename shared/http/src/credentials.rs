//! Where a request carries its API key or access token, or else the token of its session.
//!
//! | header | value |
//! |---|---|
//! | `Authorization` | `Token K`, `Bearer K`, or `Basic` with K as the password (the user name is not looked at) |
//! | `Authorization` | `ApiKey`, as Elasticsearch's clients send it: base64 of `id:K` (the id is not looked at) |
//! | `X-API-Key` | `K` |
//! | one more, if the service is told its name | `K` |
//!
//! | `Cookie` | `sentinel_session=T`, where T is the token of a session |
//!
//! The same key in several places is fine; two different ones are an error, because whichever was taken, the
//! client might have meant the other.

use std::fmt;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use poem::http::header::{AUTHORIZATION, COOKIE};
use poem::http::{HeaderMap, HeaderName, HeaderValue};
use store::KeyDigest;
use thiserror::Error;

use crate::Problem;

/// The header that carries nothing but a key.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The cookie that carries the token of a session.
pub const SESSION_COOKIE: &str = "sentinel_session";

/// Clients differ in whether they pad; either is clear.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key as a client sent it. Never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// The token of a session as a browser sent it. Never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

/// Why a request has no one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CredentialsError {
    /// There is none, or it cannot be read.
    #[error("no API key")]
    Missing,
    /// There are two different ones.
    #[error("two different API keys")]
    Twofold,
}

impl ApiKey {
    /// Returns the text, to be digested and to go nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

impl SessionToken {
    /// Returns what is kept of it.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.0)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(..)")
    }
}

impl From<CredentialsError> for Problem {
    fn from(error: CredentialsError) -> Self {
        match error {
            CredentialsError::Missing => Self::unauthorized(),
            CredentialsError::Twofold => Self::bad_request(
                "twofold_credentials",
                "the request carries two different credentials; send one",
            ),
        }
    }
}

/// Finds the one key of a request. `extra_header` is the name of a further header that may carry it.
///
/// # Errors
/// [`CredentialsError`]. A credential that cannot be read counts as one that differs from every other.
pub fn find_key(headers: &HeaderMap, extra_header: Option<&HeaderName>) -> Result<ApiKey, CredentialsError> {
    let authorization = headers.get_all(AUTHORIZATION).iter().map(key_of_authorization);
    let alone = headers.get_all(X_API_KEY).iter();
    let extra = extra_header.into_iter().flat_map(|name| headers.get_all(name));
    let bare = alone.chain(extra).map(key_of_bare_header);

    let mut found = authorization.chain(bare);
    let first = found.next().ok_or(CredentialsError::Missing)?;
    if found.any(|other| other.is_none() || other != first) {
        return Err(CredentialsError::Twofold);
    }
    first.map(ApiKey).ok_or(CredentialsError::Missing)
}

/// Says whether any header is there that may carry a key, readable or not.
pub(crate) fn has_header_credential(headers: &HeaderMap, extra_header: Option<&HeaderName>) -> bool {
    let names = [Some(&AUTHORIZATION), Some(&X_API_KEY), extra_header];
    names.into_iter().flatten().any(|name| headers.contains_key(name))
}

/// Finds the token of the session that a request belongs to, if it does.
///
/// # Errors
/// [`CredentialsError::Twofold`].
pub fn find_session(headers: &HeaderMap) -> Result<Option<SessionToken>, CredentialsError> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let tokens = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| {
        let (name, value) = cookie.split_once('=')?;
        (name.trim() == SESSION_COOKIE).then(|| value.trim().trim_matches('"'))
    });
    let mut tokens = tokens.filter(|token| !token.is_empty());
    let Some(first) = tokens.next() else { return Ok(None) };
    if tokens.any(|other| other != first) {
        return Err(CredentialsError::Twofold);
    }
    Ok(Some(SessionToken(first.to_owned())))
}

/// Says whether a key came by HTTP Basic, which browsers remember and send unasked, as they do cookies.
pub(crate) fn is_basic(headers: &HeaderMap) -> bool {
    let schemes = headers
        .get_all(AUTHORIZATION)
        .iter()
        .filter_map(|value| value.to_str().ok()?.trim().split(' ').next());
    schemes.into_iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

fn key_of_authorization(value: &HeaderValue) -> Option<String> {
    let (scheme, rest) = value.to_str().ok()?.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer") {
        return some_key(rest);
    }
    if !["basic", "apikey"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(rest).ok()?).ok()?;
    some_key(decoded.split_once(':')?.1)
}

fn key_of_bare_header(value: &HeaderValue) -> Option<String> {
    some_key(value.to_str().ok()?.trim())
}

fn some_key(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const S4_HEADER: HeaderName = HeaderName::from_static("x-logger-key");

    fn found(headers: &[(&'static str, &str)]) -> Result<String, CredentialsError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        find_key(&map, Some(&S4_HEADER)).map(|key| key.expose().to_owned())
    }

    fn basic(user_and_password: &str) -> String {
        format!("Basic {}", BASE64.encode(user_and_password))
    }

    #[test]
    fn every_place_for_a_key_is_looked_at() {
        let table = [
            ("authorization", "Token K-1".to_owned(), "K-1"),
            ("authorization", "token K-1".to_owned(), "K-1"),
            ("authorization", "BEARER   K-1 ".to_owned(), "K-1"),
            ("authorization", basic("shipper:K-1"), "K-1"),
            ("authorization", basic(":a:b"), "a:b"),
            ("authorization", basic("u:K-12").trim_end_matches('=').to_owned(), "K-12"),
            ("authorization", basic("u:K-12").replace("Basic", "bAsIc"), "K-12"),
            ("authorization", basic("id:K-1").replace("Basic", "ApiKey"), "K-1"),
            ("authorization", basic(":K-1").replace("Basic", "apikey"), "K-1"),
            ("x-api-key", " K-1 ".to_owned(), "K-1"),
            ("x-logger-key", "K-1".to_owned(), "K-1"),
        ];
        for (name, value, key) in table {
            assert_eq!(found(&[(name, &value)]).as_deref(), Ok(key), "{name}: {value}");
        }
    }

    #[test]
    fn what_holds_no_key_is_none() {
        assert_eq!(found(&[]), Err(CredentialsError::Missing));
        let values = [
            "K-1",
            "Token",
            "Token ",
            "Digest K-1",
            "Basic !!!",
            &basic("no colon"),
            &basic("user:"),
            "ApiKey K-1",
        ];
        for value in values {
            assert_eq!(found(&[("authorization", value)]), Err(CredentialsError::Missing), "{value}");
        }
        assert_eq!(found(&[("x-api-key", "")]), Err(CredentialsError::Missing));
    }

    #[test]
    fn the_same_key_twice_is_fine() {
        let same = [("authorization", "Token K"), ("authorization", "Bearer K"), ("x-api-key", "K")];
        assert_eq!(found(&same).as_deref(), Ok("K"));
    }

    #[test]
    fn two_different_credentials_are_an_error() {
        let pairs = [
            [("authorization", "Token K"), ("x-api-key", "L")],
            [("authorization", "Token K"), ("authorization", "Token L")],
            [("x-api-key", "K"), ("x-api-key", "k")],
            [("x-api-key", "K"), ("x-logger-key", "L")],
            [("authorization", "Digest K"), ("x-api-key", "K")],
        ];
        for pair in pairs {
            assert_eq!(found(&pair), Err(CredentialsError::Twofold), "{pair:?}");
        }
    }

    #[test]
    fn a_session_is_found_among_other_cookies() {
        let found = |cookies: &[&str]| {
            let pairs = cookies.iter().map(|value| (COOKIE, HeaderValue::from_str(value).unwrap()));
            let mut map = HeaderMap::new();
            map.extend(pairs);
            find_session(&map).map(|token| token.map(|token| token.0))
        };
        let token = || Ok(Some("T-1".to_owned()));
        assert_eq!(found(&["a=b; sentinel_session=T-1; c=d"]), token());
        assert_eq!(found(&["a=b", "sentinel_session=\"T-1\""]), token());
        assert_eq!(found(&["sentinel_session=T-1;sentinel_session=T-1"]), token());
        for none in [&[][..], &["a=b"], &["sentinel_session="], &["Sentinel_session=x; xsentinel_session=x"]]
        {
            assert_eq!(found(none), Ok(None), "{none:?}");
        }
        assert_eq!(found(&["sentinel_session=T-1", "sentinel_session=T-2"]), Err(CredentialsError::Twofold));
    }

    #[test]
    fn neither_a_key_nor_a_session_shows_in_debug_output() {
        let shown = format!("{:?} {:?}", ApiKey("secret".into()), SessionToken("secret".into()));
        assert_eq!(shown, "ApiKey(..) SessionToken(..)");
    }
}
