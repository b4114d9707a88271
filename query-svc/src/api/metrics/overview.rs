//! `GET /api/v1/metrics/overview`

use std::collections::BTreeMap;

use domain::{Principal, Timestamp};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;
use store::Counts;

use super::Context;
use super::asked::{AskedSpan, SPAN_DEFAULT_SECONDS};
use super::summary::{Summary, SummarySchema, Sums};
use crate::params::Query;

/// The answer to a request for counts of all services together.
#[derive(ApiResponse)]
pub(super) enum OverviewAnswer {
    /// The counts.
    #[oai(status = 200)]
    Counted(JsonText<OverviewSchema>),
}

/// Counts of the logs of a span of time.
#[derive(Default, Object)]
#[oai(rename = "MetricsOverview", read_only_all)]
pub(super) struct OverviewSchema {
    /// The first moment that was counted: RFC 3339, UTC.
    from: String,
    /// The first moment that was no longer counted: RFC 3339, UTC.
    to: String,
    #[oai(flatten)]
    summary: SummarySchema,
    /// How many logs of each service.
    by_service: std::collections::HashMap<String, u64>,
    /// Whether everything was counted; false: time ran out, and there are at least so many.
    complete: bool,
}

/// Counts of the logs of a span of time, as an answer has them.
#[derive(Serialize)]
pub(super) struct Overview<'a> {
    from: Timestamp,
    to: Timestamp,
    #[serde(flatten)]
    summary: Summary,
    by_service: BTreeMap<&'a str, u64>,
    complete: bool,
}

impl<'a> Overview<'a> {
    pub(super) fn of(counts: &'a Counts, span: &AskedSpan) -> Self {
        let (mut sums, mut by_service) = (Sums::default(), BTreeMap::new());
        for cell in &counts.cells {
            sums.add(cell.severity, cell.count);
            *by_service.entry(cell.service.as_str()).or_default() += cell.count;
        }
        let (from, to, complete) = (span.from, span.to, counts.complete);
        Self { from, to, summary: sums.into_summary(span), by_service, complete }
    }
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<OverviewAnswer> {
    let mut query = Query::of(request)?;
    let span = AskedSpan::read(&mut query, context.clock.now(), SPAN_DEFAULT_SECONDS)?;
    query.finish()?;
    let counts = context.store.count_by(&key.tenant, &span.filter, None, context.deadline()).await;
    let counts = counts.map_err(Problem::from)?;
    Ok(OverviewAnswer::Counted(JsonText::from_serialize(&Overview::of(&counts, &span))?))
}
