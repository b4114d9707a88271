//! `POST /api/v1/retention-rules`

use domain::Principal;
use domain::limits::RETENTION_RULES_MAX;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use sentinel_http::Problem;
use serde_json::json;
use store::{AddOutcome, AuditAction};

use super::Context;
use super::noting::Note;
use super::preview_rules::preview;
use super::rule_body::RuleBody;
use super::rule_schema::{PreviewSchema, RuleSchema};
use crate::params::Query;

/// The answer to a new rule.
#[derive(ApiResponse)]
pub(super) enum AddAnswer {
    /// What the rule would delete now, with `dry_run`: it is not made.
    #[oai(status = 200)]
    Previewed(Json<PreviewSchema>),
    /// The rule as it is kept.
    #[oai(status = 201)]
    Added(Json<RuleSchema>),
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    body: RuleBody,
) -> Result<AddAnswer> {
    let mut query = Query::of(request)?;
    let dry_run = query.take_switch("dry_run")?;
    query.finish()?;
    let now = context.clock.now();
    let rule = body.read(&key.tenant, now)?;
    if dry_run {
        let outcome = preview(context, &rule, now).await?;
        return Ok(AddAnswer::Previewed(Json(PreviewSchema::new(None, rule.name, &outcome))));
    }
    // Noted first, so that nothing is made that the audit log does not know; one too many is found out before.
    if context.retention.list(&key.tenant).await.map_err(Problem::from)?.len() >= RETENTION_RULES_MAX {
        return Err(too_many().into());
    }
    let details = [
        ("filter", json!(rule.filter)),
        ("max_age", json!(rule.keep.max_age().map(|age| age.to_string()))),
        ("max_bytes", json!(rule.keep.max_bytes().map(|size| size.to_string()))),
    ];
    let note = Note::by(key, AuditAction::RetentionRuleAdded, rule.name.clone()).with(details);
    context.note(request, note).await?;
    match context.retention.add(rule).await.map_err(Problem::from)? {
        AddOutcome::Added(added) => {
            tracing::info!(caller = %key.caller, tenant = %key.tenant, rule_id = added.id, "retention rule made");
            Ok(AddAnswer::Added(Json(added.into())))
        }
        AddOutcome::LimitReached => Err(too_many().into()),
    }
}

fn too_many() -> Problem {
    let detail = format!("there are {RETENTION_RULES_MAX} rules, the most there may be; remove one first");
    Problem::conflict("too_many_rules", detail)
}
