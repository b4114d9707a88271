//! `GET /api/v1/auth/me`

use domain::Scope;
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{Authenticated, Problem};

use super::Context;
use crate::params::Query;

/// The answer to who one is.
#[derive(ApiResponse)]
pub(super) enum MeAnswer {
    /// This is who asks.
    #[oai(status = 200)]
    Known(Json<Me>),
}

/// Who asks.
#[derive(Object)]
#[oai(rename = "Me", read_only_all)]
pub(super) struct Me {
    /// `user:` and the user's name, or `key:` and the key's public id.
    caller: String,
    /// The user's name; null: a key.
    username: Option<String>,
    /// The user's role: viewer, editor or admin; null: a key.
    role: Option<String>,
    /// Whose logs are reached.
    tenant: String,
    /// What may be done: some of ingest, read, delete, alerts and admin.
    scopes: Vec<String>,
    /// The one service that logs may be sent of; null: any.
    service: Option<String>,
}

pub(super) async fn handle(context: &Context, caller: &Authenticated, request: &Request) -> Result<MeAnswer> {
    Query::of(request)?.finish()?;
    let user = match caller.user() {
        Some(name) => context.users.find(&name).await.map_err(Problem::from)?,
        None => None,
    };
    let scopes = Scope::ALL.into_iter().filter(|scope| caller.scopes.contains(*scope));
    Ok(MeAnswer::Known(Json(Me {
        caller: caller.caller.to_string(),
        username: caller.user().map(|name| name.to_string()),
        role: user.map(|user| user.role.to_string()),
        tenant: caller.tenant.to_string(),
        scopes: scopes.map(|scope| scope.name().to_owned()).collect(),
        service: caller.service.as_ref().map(ToString::to_string),
    })))
}
