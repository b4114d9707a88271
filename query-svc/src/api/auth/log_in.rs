//! `POST /api/v1/auth/login`

use poem::{Request, Result};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use sentinel_http::client_address;
use sentinel_http::logins::check_same_origin;
use store::AuditAction;

use super::Context;
use super::bodies::{Login, LoginBody};
use super::noting::Note;
use super::password_check::user_of;
use super::session::{SessionSchema, begin};
use crate::params::Query;

/// The answer to a login.
#[derive(ApiResponse)]
pub(super) enum LoginAnswer {
    /// A session began.
    #[oai(status = 200)]
    LoggedIn(
        Json<SessionSchema>,
        /// The session's cookie: `HttpOnly`, `SameSite=Strict`.
        #[oai(header = "Set-Cookie")]
        String,
    ),
}

pub(super) async fn handle(context: &Context, request: &Request, body: &LoginBody) -> Result<LoginAnswer> {
    check_same_origin(request)?;
    Query::of(request)?.finish()?;
    let Login { username, password } = body.parse_private()?;
    let user = user_of(context, request, &username, password).await?;
    let (session, cookie) = begin(context, request, &user).await?;
    let note = Note::by_user(&user, AuditAction::LoggedIn);
    context.note_done(client_address(request), note).await;
    Ok(LoginAnswer::LoggedIn(Json(session), cookie))
}
