//! `GET /stats`

use std::collections::BTreeMap;

use domain::{Principal, Timestamp};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;
use store::CounterEntry;

use super::Context;
use crate::params::Query;

/// The answer to a request for counts.
#[derive(ApiResponse)]
pub(super) enum StatsAnswer {
    /// The counts.
    #[oai(status = 200)]
    Counted(JsonText<StatsSchema>),
}

/// Exact counts of the logs that are stored.
#[derive(Object)]
#[oai(rename = "Stats", read_only_all)]
pub(super) struct StatsSchema {
    /// How many logs each service sent.
    logs_per_service: std::collections::HashMap<String, u64>,
    /// How many logs there are of each severity.
    logs_per_severity: std::collections::HashMap<String, u64>,
    /// When each service's newest log happened: RFC 3339, UTC.
    last_log_per_service: std::collections::HashMap<String, String>,
    /// How many logs there are.
    total: u64,
}

#[derive(Default, Serialize)]
struct Stats<'a> {
    logs_per_service: BTreeMap<&'a str, u64>,
    logs_per_severity: BTreeMap<&'static str, u64>,
    last_log_per_service: BTreeMap<&'a str, Timestamp>,
    total: u64,
}

impl<'a> Stats<'a> {
    fn of(counters: &'a [CounterEntry]) -> Self {
        let mut stats = Self::default();
        for entry in counters {
            *stats.logs_per_service.entry(&entry.service).or_default() += entry.count;
            *stats.logs_per_severity.entry(entry.severity.severity_text()).or_default() += entry.count;
            let last = stats.last_log_per_service.entry(&entry.service).or_default();
            *last = entry.last_timestamp.max(*last);
            stats.total += entry.count;
        }
        stats
    }
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<StatsAnswer> {
    Query::of(request)?.finish()?;
    let counters = context.store.counters(&key.tenant).await.map_err(Problem::from)?;
    Ok(StatsAnswer::Counted(JsonText::from_serialize(&Stats::of(&counters))?))
}
