//! `POST /api/v1/auth/logout`

use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::credentials::find_session;
use sentinel_http::logins::check_same_origin;
use sentinel_http::{Authenticator, Problem, client_address};
use store::AuditAction;

use super::Context;
use super::noting::Note;
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
        // Anybody may come with any cookie: only a session that is there costs a write.
        let session = context.users.find_session(token.digest()).await.map_err(Problem::from)?;
        if let Some(session) = session
            && context.users.end_session(token.digest()).await.map_err(Problem::from)?
        {
            Authenticator::of(request)?.forget_session(&token);
            let note = Note::by_user(&session.user, AuditAction::LoggedOut);
            context.note_done(client_address(request), note).await;
        }
    }
    Ok(LogoutAnswer::LoggedOut(no_cookie(request)?))
}
