//! Whether a name and a password belong together. Whoever is wrong too often waits, before any work is done.

use domain::{Role, Tenant, UserName};
use poem::Request;
use poem::http::header::WWW_AUTHENTICATE;
use poem::http::{HeaderValue, StatusCode};
use sentinel_http::{Authenticator, Problem, client_address};
use store::users::tenant_of_the_first_user;
use store::{AuditAction, PasswordHash, User};

use super::Context;
use super::noting::Note;
use crate::accounts::{PasswordsBusy, check_password};

/// Returns what is answered when too many passwords wait.
fn busy(busy: PasswordsBusy) -> Problem {
    Problem::unavailable("overloaded", busy.to_string(), 1)
}

/// Returns the hash of a password that is to be `name`'s from now on.
///
/// # Errors
/// 400 when it is not fit for one, 503 when too many passwords wait.
pub(super) async fn hash_of(
    context: &Context,
    name: &UserName,
    password: String,
) -> Result<PasswordHash, Problem> {
    check_password(&password, name)
        .map_err(|error| Problem::bad_request("invalid_password", error.to_string()))?;
    context.passwords.hash(password).await.map_err(busy)
}

/// Returns a user to keep, as of now.
///
/// # Errors
/// As [`hash_of`].
pub(in crate::api) async fn user_to_make(
    context: &Context,
    name: UserName,
    tenant: Tenant,
    role: Role,
    password: String,
) -> Result<User, Problem> {
    let password_hash = hash_of(context, &name, password).await?;
    let now = context.clock.now();
    Ok(User { name, tenant, role, password_hash, created_at: now, password_changed_at: now })
}

/// Returns what is answered when a name is somebody's already, perhaps in another tenant: whoever logs in says no tenant.
pub(in crate::api) fn name_taken(name: &UserName) -> Problem {
    Problem::conflict("name_taken", format!("there is a user {name} already; take another name"))
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
    let failures = &Authenticator::of(request)?.logins().failures;
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
            let tenant = user.map_or_else(tenant_of_the_first_user, |user| user.tenant);
            let subject = name.map(|name| name.to_string()).unwrap_or_default();
            let note = Note::by_nobody(tenant, AuditAction::LoginFailed, subject);
            context.note_done(client_address(request), note).await;
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
