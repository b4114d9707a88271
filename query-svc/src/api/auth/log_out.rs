//! `POST /api/v1/auth/logout`

use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::Problem;
use sentinel_http::credentials::find_session;
use sentinel_http::logins::check_same_origin;
use store::AuditAction;

use super::Context;
use super::noting::Note;
use super::password_check::authenticator_of;
use super::session::no_cookie;
use crate::params::Query;

/// The answer to a logout.
#[derive(ApiResponse)]
pub(super) enum LogoutAnswer {
    /// There is no session any more.
    #[oai(status = 204)]
    LoggedOut(
        /// Takes the session's cookie away.
        #[oai(header = "Set-Cookie")]
        String,
    ),
}

pub(super) async fn handle(context: &Context, request: &Request) -> Result<LogoutAnswer> {
    check_same_origin(request)?;
    Query::of(request)?.finish()?;
    if let Some(token) = find_session(request.headers()).map_err(Problem::from)? {
        let session = context.users.find_session(token.digest()).await.map_err(Problem::from)?;
        let ended = context.users.end_session(token.digest()).await.map_err(Problem::from)?;
        authenticator_of(request)?.forget_session(&token);
        if let Some(session) = session.filter(|_| ended) {
            let user = &session.user;
            Note::by(user, AuditAction::LoggedOut, &user.name).keep(context, request).await;
        }
    }
    Ok(LogoutAnswer::LoggedOut(no_cookie(request)?))
}
