//! `DELETE /api/v1/retention-rules/{id}`

use domain::Principal;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::Problem;
use serde_json::json;
use store::AuditAction;

use super::Context;
use super::noting::Note;
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
    let not_found = || Problem::not_found(format!("there is no retention rule with id {id}"));
    let rules = context.retention.list(&key.tenant).await.map_err(Problem::from)?;
    let rule = rules.into_iter().find(|kept| kept.id == id).ok_or_else(not_found)?.rule;
    let details = [("rule_id", json!(id)), ("filter", json!(rule.filter))];
    let note = Note::by(key, AuditAction::RetentionRuleRemoved, rule.name).with(details);
    context.note(request, note).await?;
    if !context.retention.remove(&key.tenant, id).await.map_err(Problem::from)? {
        return Err(not_found().into());
    }
    tracing::info!(caller = %key.caller, tenant = %key.tenant, rule_id = id, "retention rule removed");
    Ok(RemoveAnswer::Removed)
}
