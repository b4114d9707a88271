//! `DELETE /api/v1/retention-rules/{id}`

use domain::Principal;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::Problem;

use super::Context;
use crate::params::Query;

/// The answer to the removal of a rule.
#[derive(ApiResponse)]
pub(super) enum RemoveAnswer {
    /// It is removed.
    #[oai(status = 204)]
    Removed,
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    id: i64,
) -> Result<RemoveAnswer> {
    Query::of(request)?.finish()?;
    if !context.retention.remove(&key.tenant, id).await.map_err(Problem::from)? {
        return Err(Problem::not_found(format!("there is no retention rule with id {id}")).into());
    }
    tracing::info!(caller = %key.caller, tenant = %key.tenant, rule_id = id, "retention rule removed");
    Ok(RemoveAnswer::Removed)
}
