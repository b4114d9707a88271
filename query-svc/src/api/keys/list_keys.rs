//! `GET /api/v1/keys`

use domain::Principal;
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::Problem;

use super::Context;
use super::key_schema::KeySchema;
use crate::params::Query;

/// The answer to a request for the keys.
#[derive(ApiResponse)]
pub(super) enum KeysAnswer {
    /// The keys.
    #[oai(status = 200)]
    Listed(Json<Keys>),
}

/// The API keys that there are.
#[derive(Object)]
#[oai(rename = "ApiKeys", read_only_all)]
pub(super) struct Keys {
    /// The keys, oldest first.
    keys: Vec<KeySchema>,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<KeysAnswer> {
    Query::of(request)?.finish()?;
    let now = context.clock.now();
    let keys = context.keys.list_of(&key.tenant).await.map_err(Problem::from)?;
    Ok(KeysAnswer::Listed(Json(Keys {
        keys: keys.into_iter().map(|key| KeySchema::new(key, now)).collect(),
    })))
}
