//! `GET /api/v1/users`

use domain::Principal;
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::Problem;

use super::Context;
use super::user_schema::UserSchema;
use crate::params::Query;

/// The answer to a request for the users.
#[derive(ApiResponse)]
pub(super) enum UsersAnswer {
    /// The users.
    #[oai(status = 200)]
    Listed(Json<Users>),
}

/// The users of a tenant.
#[derive(Object)]
#[oai(rename = "Users", read_only_all)]
pub(super) struct Users {
    /// The users, by name.
    users: Vec<UserSchema>,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<UsersAnswer> {
    Query::of(request)?.finish()?;
    let users = context.users.list(&key.tenant).await.map_err(Problem::from)?;
    Ok(UsersAnswer::Listed(Json(Users { users: users.into_iter().map(UserSchema::from).collect() })))
}
