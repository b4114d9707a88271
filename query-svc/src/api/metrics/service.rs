//! `GET /api/v1/metrics/service/{name}`

use domain::{Filter, LogRecord, Principal, Timestamp};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;

use super::Context;
use super::asked::{AskedSpan, SPAN_DEFAULT_SECONDS, read_number};
use super::error_templates::{ERROR_TEMPLATES_MAX, ErrorTemplates, TopError, TopErrorSchema};
use super::scan_newest::{ScanBounds, scan_newest};
use super::services::last_logs;
use super::summary::{Summary, SummarySchema, Sums, errors};
use crate::params::Query;

/// How many error messages are listed when the client does not say.
const TOP_DEFAULT: usize = 10;

/// Most error messages that are listed.
const TOP_MAX: usize = 100;

/// Most errors whose messages are looked at, the newest.
const ERRORS_MAX: usize = 1_000_000;

/// The answer to a request for one service's counts.
#[derive(ApiResponse)]
pub(super) enum ServiceAnswer {
    /// The counts; zero for a service that there is no log of.
    #[oai(status = 200)]
    Counted(JsonText<ServiceMetricsSchema>),
}

/// Counts of a service's logs of a span of time, and what its errors say.
#[derive(Object)]
#[oai(rename = "MetricsService", read_only_all)]
pub(super) struct ServiceMetricsSchema {
    /// The service.
    service: String,
    /// The first moment that was counted: RFC 3339, UTC.
    from: String,
    /// The first moment that was no longer counted: RFC 3339, UTC.
    to: String,
    #[oai(flatten)]
    summary: SummarySchema,
    /// When the service's newest log happened, of all times and whatever the filters say: RFC 3339, UTC.
    last_log: Option<String>,
    /// The most frequent messages of ERROR and FATAL, those of one template together; the most frequent first.
    top_errors: Vec<TopErrorSchema>,
    /// How many errors were looked at, the newest first.
    errors_sampled: u64,
    /// How many of them have templates that are not listed.
    errors_other: u64,
    /// Most templates that are told apart: further ones, which only older errors have, count as not listed.
    templates_max: u64,
    /// Whether everything was counted, every error was looked at, and every template told apart.
    complete: bool,
}

#[derive(Serialize)]
struct ServiceMetrics<'a> {
    service: &'a str,
    from: Timestamp,
    to: Timestamp,
    #[serde(flatten)]
    summary: Summary,
    last_log: Option<Timestamp>,
    top_errors: Vec<TopError>,
    errors_sampled: usize,
    errors_other: u64,
    templates_max: usize,
    complete: bool,
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    service: &str,
) -> Result<ServiceAnswer> {
    let mut query = Query::of(request)?;
    let mut span = AskedSpan::read(&mut query, context.clock.now(), SPAN_DEFAULT_SECONDS)?;
    let top = read_number(&mut query, "top", TOP_DEFAULT, TOP_MAX)?;
    query.finish()?;
    let meant = span.filter.selects_service(service);
    span.filter.services = Some(meant.then(|| service.to_owned()).into_iter().collect());

    let (store, deadline) = (&*context.store, context.deadline());
    let counts = store.count_by(&key.tenant, &span.filter, None, deadline).await.map_err(Problem::from)?;
    let counters = store.counters(&key.tenant).await.map_err(Problem::from)?;
    let mut sums = Sums::default();
    counts.cells.iter().for_each(|cell| sums.add(cell.severity, cell.count));

    let severities = span.filter.severities.intersection(errors());
    let of_errors = Filter { severities, ..span.filter.clone() };
    let bounds = ScanBounds { max_records: ERRORS_MAX, deadline };
    let templates = ErrorTemplates::default();
    let add = |templates: &mut ErrorTemplates, record: &LogRecord| templates.add(record);
    let scanned = scan_newest(&context.turns, &key.tenant, &of_errors, bounds, templates, add).await?;

    let complete = counts.complete && scanned.complete && scanned.gathered.has_all();
    let (top_errors, errors_other) = scanned.gathered.into_top(top);
    let metrics = ServiceMetrics {
        service,
        from: span.from,
        to: span.to,
        summary: sums.into_summary(&span),
        last_log: last_logs(&counters).get(service).copied(),
        top_errors,
        errors_sampled: scanned.records,
        errors_other,
        templates_max: ERROR_TEMPLATES_MAX,
        complete,
    };
    Ok(ServiceAnswer::Counted(JsonText::from_serialize(&metrics)?))
}
