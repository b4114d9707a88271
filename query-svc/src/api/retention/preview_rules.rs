//! `GET /api/v1/retention-rules/preview`

use domain::{NewRetentionRule, Principal, Timestamp};
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::Problem;
use store::StoreError;
use tokio::time::timeout_at;

use super::Context;
use super::rule_schema::PreviewSchema;
use crate::params::{Query, parse_timeless_filter};
use crate::retention::{Outcome, rehearse};

/// The answer to a request for previews.
#[derive(ApiResponse)]
pub(super) enum PreviewsAnswer {
    /// The previews.
    #[oai(status = 200)]
    Previewed(Json<Previews>),
}

/// What the retention rules would delete now.
#[derive(Object)]
#[oai(rename = "RetentionPreviews", read_only_all)]
pub(super) struct Previews {
    /// One for each rule, oldest first.
    previews: Vec<PreviewSchema>,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<PreviewsAnswer> {
    Query::of(request)?.finish()?;
    let now = context.clock.now();
    let deadline = context.deadline().into();
    let mut previews = Vec::new();
    for kept in context.retention.list(&key.tenant).await.map_err(Problem::from)? {
        let previewed = timeout_at(deadline, preview(context, &kept.rule, now)).await;
        let outcome = previewed.map_err(|_| Problem::from(StoreError::DeadlineExceeded))??;
        previews.push(PreviewSchema::new(Some(kept.id), kept.rule.name, &outcome));
    }
    Ok(PreviewsAnswer::Previewed(Json(Previews { previews })))
}

/// Works out what a rule would delete at `now`.
pub(super) async fn preview(
    context: &Context,
    rule: &NewRetentionRule,
    now: Timestamp,
) -> Result<Outcome, Problem> {
    let filter = parse_timeless_filter(&rule.filter)?;
    Ok(rehearse(&*context.store, rule, filter, now).await?)
}
