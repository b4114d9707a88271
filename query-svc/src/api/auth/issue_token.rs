//! `POST /api/v1/auth/token`

use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::logins::check_same_origin;
use sentinel_http::{Authenticator, client_address};
use store::AuditAction;

use super::Context;
use super::bodies::{Login, TokenBody};
use super::noting::Note;
use super::password_check::user_of;
use crate::params::Query;

/// The answer to a request for an access token.
#[derive(ApiResponse)]
pub(super) enum TokenAnswer {
    /// The token.
    #[oai(status = 200)]
    Issued(Json<TokenSchema>),
}

/// An access token.
#[derive(Object)]
#[oai(rename = "AccessToken", read_only_all)]
pub(super) struct TokenSchema {
    /// The token: a JSON Web Token, signed with HS256.
    access_token: String,
    /// Always `bearer`.
    token_type: String,
    /// For how many seconds it works.
    expires_in: u64,
}

pub(super) async fn handle(context: &Context, request: &Request, body: &TokenBody) -> Result<TokenAnswer> {
    check_same_origin(request)?;
    Query::of(request)?.finish()?;
    let Login { username, password } = body.parse()?;
    let user = user_of(context, request, &username, password).await?;
    let token = Authenticator::of(request)?.logins().signer.sign(&user, context.clock.now());
    let note = Note::by_user(&user, AuditAction::LoggedIn);
    context.note_done(client_address(request), note).await;
    Ok(TokenAnswer::Issued(Json(TokenSchema {
        access_token: token.text,
        token_type: "bearer".to_owned(),
        expires_in: token.expires_in_seconds,
    })))
}
