//! `POST /api/v1/auth/setup`

use domain::{Role, UserName};
use poem::http::StatusCode;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use sentinel_http::logins::check_same_origin;
use sentinel_http::{Authenticator, Problem};
use store::users::tenant_of_the_first_user;
use store::{AuditAction, KeyDigest, SetUpOutcome};

use super::Context;
use super::bodies::{SetUp, SetUpBody};
use super::noting::Note;
use super::password_check::{name_taken, user_to_make};
use super::session::{SessionSchema, begin};
use crate::params::Query;

/// The answer to a set-up.
#[derive(ApiResponse)]
pub(super) enum SetUpAnswer {
    /// The user is made, and a session began.
    #[oai(status = 201)]
    Done(
        Json<SessionSchema>,
        /// The session's cookie: `HttpOnly`, `SameSite=Strict`.
        #[oai(header = "Set-Cookie")]
        String,
    ),
}

pub(super) async fn handle(context: &Context, request: &Request, body: &SetUpBody) -> Result<SetUpAnswer> {
    check_same_origin(request)?;
    Query::of(request)?.finish()?;
    let set_up: SetUp = body.parse_private()?;
    let attempt = Authenticator::of(request)?.logins().failures.attempt(request, None)?;
    let (digest, now) = (KeyDigest::of(&set_up.token), context.clock.now());
    // Looked at before the password is hashed: only who has the link makes that work.
    match context.users.has_set_up_token(digest, now).await {
        Ok(true) => attempt.succeeded(),
        Ok(false) => return Err(link_over().into()),
        Err(error) => {
            attempt.not_made();
            return Err(Problem::from(error).into());
        }
    }
    let name = UserName::parse(&set_up.username)
        .map_err(|error| Problem::bad_request("invalid_user", error.to_string()))?;
    let user = user_to_make(context, name, tenant_of_the_first_user(), Role::Admin, set_up.password).await?;
    // Noted first, so that nobody is made whom the audit log does not know; a taken name is found out before.
    if context.users.find(&user.name).await.map_err(Problem::from)?.is_some() {
        return Err(name_taken(&user.name).into());
    }
    context.note(request, Note::by_user(&user, AuditAction::SetUp)).await?;
    match context.users.use_set_up_token(digest, user.clone()).await.map_err(Problem::from)? {
        SetUpOutcome::Done => {}
        SetUpOutcome::TokenUnknown => return Err(link_over().into()),
        SetUpOutcome::NameTaken => return Err(name_taken(&user.name).into()),
    }
    let (session, cookie) = begin(context, request, &user).await?;
    Ok(SetUpAnswer::Done(Json(session), cookie))
}

fn link_over() -> Problem {
    let detail = "this set-up link was used or renewed, or its time is over; `sentinel users setup-link` makes another";
    Problem::new(StatusCode::UNAUTHORIZED, "set_up_link_over", detail)
}
