//! `DELETE /api/v1/users/{name}`

use domain::{Caller, Principal, Role, UserName};
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::{Authenticator, Problem};
use store::{AuditAction, RemoveUserOutcome};

use super::Context;
use super::noting::Note;
use crate::params::Query;

/// The answer to the removal of a user.
#[derive(ApiResponse)]
pub(super) enum RemoveAnswer {
    /// The user is removed; all sessions have ended.
    #[oai(status = 204)]
    Removed,
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    name: &str,
) -> Result<RemoveAnswer> {
    Query::of(request)?.finish()?;
    let not_found = || Problem::not_found("there is no user of this name");
    let name = UserName::parse(name).map_err(|_| not_found())?;
    if key.caller == Caller::User(name.to_string()) {
        let detail = "this is you; another admin can remove you";
        return Err(Problem::conflict("own_account", detail).into());
    }
    // Noted first, so that nobody is removed of whom the audit log does not know; what is asked for in vain is found
    // out before.
    let users = context.users.list(&key.tenant).await.map_err(Problem::from)?;
    let user = users.iter().find(|user| user.name == name).ok_or_else(not_found)?;
    let admins = users.iter().filter(|user| user.role == Role::Admin).count();
    if user.role == Role::Admin && admins == 1 {
        return Err(last_admin().into());
    }
    context.note(request, Note::by(key, AuditAction::UserRemoved, name.to_string())).await?;
    let removed = context.users.remove(&key.tenant, &name).await.map_err(Problem::from)?;
    match removed {
        RemoveUserOutcome::Removed => {}
        RemoveUserOutcome::NotFound => return Err(not_found().into()),
        RemoveUserOutcome::LastAdmin => return Err(last_admin().into()),
    }
    Authenticator::of(request)?.forget_user(&name);
    Ok(RemoveAnswer::Removed)
}

fn last_admin() -> Problem {
    Problem::conflict("last_admin", "this is the last admin; make another one first")
}
