//! `POST /api/v1/auth/setup`

use domain::{Role, UserName};
use poem::http::StatusCode;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use sentinel_http::Problem;
use sentinel_http::logins::check_same_origin;
use store::users::tenant_of_the_first_user;
use store::{AuditAction, KeyDigest, PasswordHash, SetUpOutcome, User};

use super::Context;
use super::bodies::{SetUp, SetUpBody};
use super::noting::Note;
use super::password_check::{authenticator_of, busy};
use super::session::{SessionSchema, begin};
use crate::accounts::check_password;
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
    let attempt = authenticator_of(request)?.logins().failures.attempt(request, None)?;
    let (digest, now) = (KeyDigest::of(&set_up.token), context.clock.now());
    // Looked at before the password is hashed: only who has the link makes that work.
    if !context.users.has_set_up_token(digest, now).await.map_err(Problem::from)? {
        return Err(link_over().into());
    }
    attempt.succeeded();
    let user = user_to_make(context, set_up).await?;
    match context.users.use_set_up_token(digest, user.clone()).await.map_err(Problem::from)? {
        SetUpOutcome::Done => {}
        SetUpOutcome::TokenUnknown => return Err(link_over().into()),
        SetUpOutcome::NameTaken => {
            let detail = format!("there is a user {} already; take another name", user.name);
            return Err(Problem::conflict("name_taken", detail).into());
        }
    }
    Note::by(&user, AuditAction::SetUp, &user.name).keep(context, request).await;
    let (session, cookie) = begin(context, request, &user).await?;
    Ok(SetUpAnswer::Done(Json(session), cookie))
}

async fn user_to_make(context: &Context, set_up: SetUp) -> Result<User, Problem> {
    let name = UserName::parse(&set_up.username)
        .map_err(|error| Problem::bad_request("invalid_user", error.to_string()))?;
    check_password(&set_up.password, &name)
        .map_err(|error| Problem::bad_request("invalid_password", error.to_string()))?;
    let password_hash: PasswordHash = context.passwords.hash(set_up.password).await.map_err(busy)?;
    let now = context.clock.now();
    Ok(User {
        name,
        tenant: tenant_of_the_first_user(),
        role: Role::Admin,
        password_hash,
        created_at: now,
        password_changed_at: now,
    })
}

fn link_over() -> Problem {
    let detail = "this set-up link was used or renewed, or its time is over; `sentinel users setup-link` makes another";
    Problem::new(StatusCode::UNAUTHORIZED, "set_up_link_over", detail)
}
