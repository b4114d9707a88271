//! `GET /api/v1/metrics/system`

use std::cmp::Reverse;
use std::collections::BTreeMap;

use domain::condition::TextField;
use domain::{Clause, Filter, Principal, Timestamp, Verdict};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;
use store::{CounterEntry, Counts};

use super::Context;
use super::asked::{AskedSpan, SPAN_DEFAULT_SECONDS};
use super::overview::{Overview, OverviewSchema};
use super::services::last_logs;
use super::summary::{Summary, SummarySchema, Sums};
use crate::params::Query;

/// The answer to a request for counts of every service.
#[derive(ApiResponse)]
pub(super) enum SystemAnswer {
    /// The counts.
    #[oai(status = 200)]
    Counted(JsonText<SystemSchema>),
}

/// Counts of the logs of a span of time, also by service.
#[derive(Object)]
#[oai(rename = "MetricsSystem", read_only_all)]
pub(super) struct SystemSchema {
    #[oai(flatten)]
    overview: OverviewSchema,
    /// A row for every service, also for those that were quiet; those with the most logs first.
    services: Vec<ServiceRowSchema>,
}

/// Counts of a service's logs.
#[derive(Object)]
#[oai(rename = "MetricsSystemRow", read_only_all)]
struct ServiceRowSchema {
    /// The service.
    service: String,
    #[oai(flatten)]
    summary: SummarySchema,
    /// When the service's newest log happened, of all times and whatever the filters say: RFC 3339, UTC.
    last_log: Option<String>,
}

#[derive(Serialize)]
struct System<'a> {
    #[serde(flatten)]
    overview: Overview<'a>,
    services: Vec<ServiceRow<'a>>,
}

#[derive(Serialize)]
struct ServiceRow<'a> {
    service: &'a str,
    #[serde(flatten)]
    summary: Summary,
    last_log: Option<Timestamp>,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<SystemAnswer> {
    let mut query = Query::of(request)?;
    let span = AskedSpan::read(&mut query, context.clock.now(), SPAN_DEFAULT_SECONDS)?;
    query.finish()?;
    let counts = context.store.count_by(&key.tenant, &span.filter, None, context.deadline()).await;
    let counts = counts.map_err(Problem::from)?;
    let counters = context.store.counters(&key.tenant).await.map_err(Problem::from)?;
    let system = System { overview: Overview::of(&counts, &span), services: rows(&counts, &counters, &span) };
    Ok(SystemAnswer::Counted(JsonText::from_serialize(&system)?))
}

/// Makes a row for every service that was counted, or is known and may have been meant.
fn rows<'a>(counts: &'a Counts, counters: &'a [CounterEntry], span: &AskedSpan) -> Vec<ServiceRow<'a>> {
    let last_logs = last_logs(counters);
    let known = last_logs.keys().filter(|service| may_select(&span.filter, service));
    let mut sums: BTreeMap<&str, Sums> = known.map(|service| (*service, Sums::default())).collect();
    for cell in &counts.cells {
        sums.entry(&cell.service).or_default().add(cell.severity, cell.count);
    }
    let mut sums: Vec<(&str, Sums)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, sums)| Reverse(sums.total));
    let row = |(service, sums): (&'a str, Sums)| ServiceRow {
        service,
        summary: sums.into_summary(span),
        last_log: last_logs.get(service).copied(),
    };
    sums.into_iter().map(row).collect()
}

/// Says whether the filter may select some log of this service.
fn may_select(filter: &Filter, service: &str) -> bool {
    let verdict = filter.condition.verdict(&mut |_, clause| match clause {
        Clause::Text(TextField::Service, test) if test.matches(service) => Verdict::Yes,
        Clause::Text(TextField::Service, _) => Verdict::No,
        _ => Verdict::Unknown,
    });
    filter.selects_service(service) && verdict != Verdict::No
}
