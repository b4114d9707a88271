//! `DELETE /api/v1/keys/{id}`

use domain::Principal;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use sentinel_http::Problem;

use super::Context;
use super::key_schema::KeySchema;
use crate::params::Query;

/// The answer to the end of a key.
#[derive(ApiResponse)]
pub(super) enum RevokeAnswer {
    /// The key, which is revoked.
    #[oai(status = 200)]
    Revoked(Json<KeySchema>),
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    id: &str,
) -> Result<RevokeAnswer> {
    Query::of(request)?.finish()?;
    let noting = context.keys_by(key, request);
    let Some(revoked) = noting.revoke(Some(&key.tenant), id).await.map_err(Problem::from)? else {
        return Err(Problem::not_found("there is no key with this id that is not revoked").into());
    };
    tracing::info!(caller = %key.caller, tenant = %key.tenant, key_id = id, "key revoked");
    Ok(RevokeAnswer::Revoked(Json(KeySchema::new(revoked, noting.at))))
}
