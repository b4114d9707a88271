//! A page of logs with what there is to say of it: how many there are in all, and where the next page starts.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use domain::{LogRecord, Page, PageStart, Principal};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;
use store::Counts;

use super::Context;
use super::find::{FoundPage, answer};
use super::record_schema::LogRecordSchema;
use crate::params::Question;

/// The answer to a search in an envelope.
#[derive(ApiResponse)]
pub(super) enum EnvelopeAnswer {
    /// The logs, in order, and how many there are in all.
    #[oai(status = 200)]
    Found(
        JsonText<EnvelopeSchema>,
        /// The address of the next page, if there is one: `<...>; rel="next"`.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

/// A page of logs.
#[derive(Object)]
#[oai(rename = "LogsPage", read_only_all)]
pub(super) struct EnvelopeSchema {
    /// The logs of this page, in order.
    logs: Vec<LogRecordSchema>,
    /// How many logs the filters select, on all pages: exact, counted right after this page was read; with
    /// `complete: false` at least so many.
    total: u64,
    /// The cursor of the next page; null: this is the last one.
    next_cursor: Option<String>,
    /// Which page this is, from 1; null behind a cursor.
    page: Option<u64>,
    /// Most logs of a page.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
    page_size: u32,
    /// Whether everything was done in the time that a search may take. False: what is here is right, but there may be
    /// more logs, to which `next_cursor` leads, and more than `total`.
    complete: bool,
    /// How long the store took, in milliseconds.
    query_time_ms: f64,
    /// How many logs there are of each kind. In answers to `POST /api/v1/logs/search`.
    #[oai(skip_serializing_if_is_none)]
    aggregations: Option<AggregationsSchema>,
}

/// How many of all logs that the filters select there are of each kind: exact, unless `complete` is false.
#[derive(Object)]
#[oai(rename = "Aggregations", read_only_all)]
struct AggregationsSchema {
    /// How many of each severity, in the spelling of `level`.
    by_level: HashMap<String, u64>,
    /// How many of each service.
    by_service: HashMap<String, u64>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    logs: &'a [LogRecord],
    total: u64,
    next_cursor: Option<&'a str>,
    page: Option<u64>,
    page_size: u32,
    complete: bool,
    query_time_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregations: Option<Aggregations<'a>>,
}

#[derive(Default, Serialize)]
struct Aggregations<'a> {
    by_level: BTreeMap<&'static str, u64>,
    by_service: BTreeMap<&'a str, u64>,
}

/// An envelope that is written, and the page in it.
pub(super) struct Enveloped {
    pub(super) text: JsonText<EnvelopeSchema>,
    pub(super) found: FoundPage,
}

impl<'a> Aggregations<'a> {
    fn of(counts: &'a Counts) -> Self {
        let mut aggregations = Self::default();
        for cell in &counts.cells {
            *aggregations.by_level.entry(cell.severity.level_text()).or_default() += cell.count;
            *aggregations.by_service.entry(&cell.service).or_default() += cell.count;
        }
        aggregations
    }
}

/// Answers a question in an envelope.
pub(super) async fn envelop(
    context: &Context,
    key: &Principal,
    question: Question,
    with_aggregations: bool,
) -> Result<Enveloped, Problem> {
    let begun = Instant::now();
    let found = answer(context, key, question).await?;
    let question = &found.question;
    let counts = found.turn.store.count_by(&key.tenant, &question.filter, None, found.deadline).await?;
    let envelope = Envelope {
        logs: &found.records,
        // A count that ended early may not have come as far as the search.
        total: counts.total().max(found.records.len() as u64),
        next_cursor: found.cursor.as_deref(),
        page: number_of(&question.page),
        page_size: question.page.limit,
        complete: found.is_complete && counts.complete,
        query_time_ms: milliseconds_since(begun),
        aggregations: with_aggregations.then(|| Aggregations::of(&counts)),
    };
    Ok(Enveloped { text: JsonText::from_serialize(&envelope)?, found })
}

/// Returns the time since then in milliseconds, exact to a microsecond.
pub(super) fn milliseconds_since(begun: Instant) -> f64 {
    (begun.elapsed().as_secs_f64() * 1_000_000.0).round() / 1000.0
}

/// Returns which page it is, from 1: the one that its first row would be on.
fn number_of(page: &Page) -> Option<u64> {
    match page.start {
        PageStart::First => Some(1),
        PageStart::Offset(rows) => Some(rows / u64::from(page.limit.max(1)) + 1),
        PageStart::After(_) => None,
    }
}
