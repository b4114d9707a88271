//! `GET /api/v1/retention-rules`

use domain::Principal;
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::Problem;

use super::Context;
use super::rule_schema::RuleSchema;
use crate::params::Query;

/// The answer to a request for the rules.
#[derive(ApiResponse)]
pub(super) enum RulesAnswer {
    /// The rules.
    #[oai(status = 200)]
    Listed(Json<Rules>),
}

/// The retention rules that there are.
#[derive(Object)]
#[oai(rename = "RetentionRules", read_only_all)]
pub(super) struct Rules {
    /// The rules, oldest first.
    rules: Vec<RuleSchema>,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<RulesAnswer> {
    Query::of(request)?.finish()?;
    let rules = context.retention.list(&key.tenant).await.map_err(Problem::from)?;
    Ok(RulesAnswer::Listed(Json(Rules { rules: rules.into_iter().map(RuleSchema::from).collect() })))
}
