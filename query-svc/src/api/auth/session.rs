//! How a session begins, and its cookie.

use std::time::Duration;

use domain::Timestamp;
use poem::Request;
use poem_openapi::Object;
use sentinel_http::credentials::SESSION_COOKIE;
use sentinel_http::logins::random_token;
use sentinel_http::{Authenticator, Problem, is_encrypted};
use store::{NewSession, User};

use super::Context;
use super::password_check::wrong;

/// A session that just began.
#[derive(Object)]
#[oai(rename = "Session", read_only_all)]
pub(super) struct SessionSchema {
    /// The user's name.
    username: String,
    /// What the user may do: viewer, editor or admin.
    role: String,
    /// Whose logs the user reaches.
    tenant: String,
    /// When the session ends: RFC 3339, UTC.
    expires_at: String,
}

/// Begins a session of a user who was let in. Returns it and its cookie.
///
/// # Errors
/// 401 when the user was removed or got another password meanwhile; the store's.
pub(super) async fn begin(
    context: &Context,
    request: &Request,
    user: &User,
) -> Result<(SessionSchema, String), Problem> {
    let logins = Authenticator::of(request)?.logins();
    let (token, now, lasts) = (random_token(), context.clock.now(), logins.session_time);
    let session = NewSession {
        digest: token.digest(),
        user: user.name.clone(),
        password_changed_at: user.password_changed_at,
        created_at: now,
        expires_at: later(now, lasts),
    };
    let shown = SessionSchema {
        username: user.name.to_string(),
        role: user.role.to_string(),
        tenant: user.tenant.to_string(),
        expires_at: session.expires_at.to_string(),
    };
    if !context.users.begin_session(session).await? {
        return Err(wrong());
    }
    let is_secure = logins.secure_cookies || is_encrypted(request);
    Ok((shown, cookie(token.expose(), lasts.as_secs(), is_secure)))
}

/// Returns the cookie that takes the session's away.
pub(super) fn no_cookie(request: &Request) -> Result<String, Problem> {
    let is_secure = Authenticator::of(request)?.logins().secure_cookies || is_encrypted(request);
    Ok(cookie("", 0, is_secure))
}

fn cookie(token: &str, max_age_seconds: u64, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{SESSION_COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age_seconds}{secure}")
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp::saturating_from_micros(now.as_micros().saturating_add(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_for_no_script_and_no_other_site_and_for_encrypted_connections_if_it_says_so() {
        let plain = cookie("T", 60, false);
        assert_eq!(plain, "sentinel_session=T; HttpOnly; SameSite=Strict; Path=/; Max-Age=60");
        assert_eq!(cookie("T", 60, true), format!("{plain}; Secure"));
    }
}
