//! `POST /api/v1/auth/password`

use poem::http::StatusCode;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::{Authenticated, Authenticator, Problem};
use store::AuditAction;

use super::Context;
use super::bodies::{OldAndNew, PasswordsBody};
use super::noting::Note;
use super::password_check::{hash_of, user_of};
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
    let hash = hash_of(context, &name, new_password).await?;
    // Noted first, so that nothing is changed that the audit log does not know.
    context.note(request, Note::by_user(&user, AuditAction::PasswordChanged)).await?;
    let now = context.clock.now();
    let changed = context.users.set_password(&user, hash, now, caller.session()).await;
    let changed = changed.map_err(Problem::from)?;
    Authenticator::of(request)?.forget_user(&name);
    if !changed {
        return Err(Problem::unauthorized().into());
    }
    Ok(ChangeAnswer::Changed)
}
