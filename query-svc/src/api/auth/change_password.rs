//! `POST /api/v1/auth/password`

use poem::http::StatusCode;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::{Authenticated, Problem};
use store::AuditAction;

use super::Context;
use super::bodies::{OldAndNew, PasswordsBody};
use super::noting::Note;
use super::password_check::{authenticator_of, busy, user_of};
use crate::accounts::check_password;
use crate::params::Query;

/// The answer to a new password.
#[derive(ApiResponse)]
pub(super) enum ChangeAnswer {
    /// The password is changed; all other sessions of the user have ended.
    #[oai(status = 204)]
    Changed,
}

pub(super) async fn handle(
    context: &Context,
    caller: &Authenticated,
    request: &Request,
    body: &PasswordsBody,
) -> Result<ChangeAnswer> {
    Query::of(request)?.finish()?;
    let OldAndNew { old_password, new_password } = body.parse_private()?;
    let Some(name) = caller.user() else {
        let detail = "a key has no password; log in to change yours";
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_a_user", detail).into());
    };
    let user = user_of(context, request, name.as_str(), old_password).await.map_err(|problem| {
        if problem.status() != StatusCode::UNAUTHORIZED {
            return problem;
        }
        Problem::new(StatusCode::FORBIDDEN, "wrong_password", "the old password is wrong")
    })?;
    check_password(&new_password, &name)
        .map_err(|error| Problem::bad_request("invalid_password", error.to_string()))?;
    let hash = context.passwords.hash(new_password).await.map_err(busy)?;
    let now = context.clock.now();
    let changed = context.users.set_password(&name, hash, now, caller.session()).await;
    let changed = changed.map_err(Problem::from)?;
    authenticator_of(request)?.forget_user(&name);
    if !changed {
        return Err(Problem::unauthorized().into());
    }
    Note::by(&user, AuditAction::PasswordChanged, &name).keep(context, request).await;
    Ok(ChangeAnswer::Changed)
}
