//! Whether a name and a password belong together. Whoever is wrong too often waits, before any work is done.

use std::sync::Arc;

use domain::UserName;
use poem::Request;
use poem::http::header::WWW_AUTHENTICATE;
use poem::http::{HeaderValue, StatusCode};
use sentinel_http::{Authenticator, Problem};
use store::users::tenant_of_the_first_user;
use store::{AuditAction, User};

use super::Context;
use super::noting::Note;
use crate::accounts::PasswordsBusy;

/// Returns what lets callers in.
///
/// # Errors
/// A 500 when the service is not put together.
pub(in crate::api) fn authenticator_of(request: &Request) -> Result<&Authenticator, Problem> {
    let authenticator = request.data::<Arc<Authenticator>>().map(|authenticator| &**authenticator);
    authenticator.ok_or_else(|| Problem::internal("no Authenticator is in the request's data"))
}

/// Returns what is answered when too many passwords wait.
pub(in crate::api) fn busy(busy: PasswordsBusy) -> Problem {
    Problem::unavailable("overloaded", busy.to_string(), 1)
}

/// Returns the user of this name and password.
///
/// # Errors
/// 401 when there is none, without saying which of the two is wrong; 429 after too many of these, 503 when it cannot be
/// said now.
pub(super) async fn user_of(
    context: &Context,
    request: &Request,
    username: &str,
    password: String,
) -> Result<User, Problem> {
    let failures = &authenticator_of(request)?.logins().failures;
    let name = UserName::parse(username).ok();
    let attempt = failures.attempt(request, name.as_ref())?;
    let compared = compare(context, name.as_ref(), password).await;
    let (user, is_right) = match compared {
        Ok(compared) => compared,
        Err(problem) => {
            attempt.not_made();
            return Err(problem);
        }
    };
    match user {
        Some(user) if is_right => {
            attempt.succeeded();
            Ok(user)
        }
        user => {
            let note = Note {
                tenant: user.map_or_else(tenant_of_the_first_user, |user| user.tenant),
                caller: None,
                action: AuditAction::LoginFailed,
                subject: name.map(|name| name.to_string()).unwrap_or_default(),
            };
            note.keep(context, request).await;
            Err(wrong())
        }
    }
}

async fn compare(
    context: &Context,
    name: Option<&UserName>,
    password: String,
) -> Result<(Option<User>, bool), Problem> {
    let user = match name {
        Some(name) => context.users.find(name).await?,
        None => None,
    };
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let is_right = context.passwords.verify(hash, password).await.map_err(busy)?;
    Ok((user, is_right))
}

/// Returns what a wrong name or password is answered. A browser is not told to ask for them itself.
pub(super) fn wrong() -> Problem {
    let detail = "the user name or the password is wrong";
    Problem::new(StatusCode::UNAUTHORIZED, "login_failed", detail)
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="log-sentinel""#))
}
