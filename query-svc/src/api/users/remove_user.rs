//! `DELETE /api/v1/users/{name}`

use domain::{Caller, Principal, UserName};
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::Problem;
use store::{AuditAction, RemoveUserOutcome};

use super::Context;
use super::noting::Note;
use super::password_check::authenticator_of;
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
    let removed = context.users.remove(&key.tenant, &name).await.map_err(Problem::from)?;
    match removed {
        RemoveUserOutcome::Removed => {}
        RemoveUserOutcome::NotFound => return Err(not_found().into()),
        RemoveUserOutcome::LastAdmin => {
            let detail = "this is the last admin; make another one first";
            return Err(Problem::conflict("last_admin", detail).into());
        }
    }
    authenticator_of(request)?.forget_user(&name);
    let note = Note {
        tenant: key.tenant.clone(),
        caller: Some(key.caller.clone()),
        action: AuditAction::UserRemoved,
        subject: name.to_string(),
    };
    note.keep(context, request).await;
    Ok(RemoveAnswer::Removed)
}
