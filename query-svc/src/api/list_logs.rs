//! `GET /api/v1/logs`

use std::time::Instant;

use domain::{LogRecord, Page, PageStart, Principal};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;

use super::QueryApi;
use super::record_schema::LogRecordSchema;
use super::search_logs::find;

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
    /// How many logs the filters select, on all pages: exact, counted right after this page was read.
    total: u64,
    /// The cursor of the next page; null: this is the last one.
    next_cursor: Option<String>,
    /// Which page this is, from 1; null behind a cursor.
    page: Option<u64>,
    /// Most logs of a page.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
    page_size: u32,
    /// How long the store took, in milliseconds.
    query_time_ms: f64,
}

#[derive(Serialize)]
struct Envelope<'a> {
    logs: &'a [LogRecord],
    total: u64,
    next_cursor: Option<&'a str>,
    page: Option<u64>,
    page_size: u32,
    query_time_ms: f64,
}

pub(super) async fn handle(api: &QueryApi, key: &Principal, request: &Request) -> Result<EnvelopeAnswer> {
    let begun = Instant::now();
    let found = find(api, key, request).await?;
    let total = api.store.count(&key.tenant, &found.filter, found.deadline).await.map_err(Problem::from)?;
    let envelope = Envelope {
        logs: &found.records,
        total,
        next_cursor: found.cursor.as_deref(),
        page: number_of(&found.page),
        page_size: found.page.limit,
        query_time_ms: (begun.elapsed().as_secs_f64() * 1_000_000.0).round() / 1000.0,
    };
    Ok(EnvelopeAnswer::Found(JsonText::from_serialize(&envelope)?, found.link))
}

/// Returns which page it is, from 1: the one that its first row would be on.
fn number_of(page: &Page) -> Option<u64> {
    match page.start {
        PageStart::First => Some(1),
        PageStart::Offset(rows) => Some(rows / u64::from(page.limit.max(1)) + 1),
        PageStart::After(_) => None,
    }
}
