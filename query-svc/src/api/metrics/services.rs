//! `GET /api/v1/services`

use std::collections::BTreeMap;

use domain::{Principal, Timestamp};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;
use store::CounterEntry;

use super::Context;
use super::summary::Sums;
use crate::params::Query;

/// The answer to a request for all services.
#[derive(ApiResponse)]
pub(super) enum ServicesAnswer {
    /// The services, by name.
    #[oai(status = 200)]
    Listed(JsonText<Vec<ServiceSchema>>),
}

/// A service that has logs.
#[derive(Object)]
#[oai(rename = "KnownService", read_only_all)]
pub(super) struct ServiceSchema {
    /// The service.
    service: String,
    /// How many logs it has: exact.
    total: u64,
    /// How many of each level; levels that there are none of are not listed.
    by_level: std::collections::HashMap<String, u64>,
    /// When the newest of them happened: RFC 3339, UTC.
    last_log: String,
}

#[derive(Serialize)]
struct KnownService<'a> {
    service: &'a str,
    total: u64,
    by_level: BTreeMap<&'static str, u64>,
    last_log: Timestamp,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<ServicesAnswer> {
    Query::of(request)?.finish()?;
    let counters = context.store.counters(&key.tenant).await.map_err(Problem::from)?;
    Ok(ServicesAnswer::Listed(JsonText::from_serialize(&list(&counters))?))
}

/// Returns when the newest log of each service happened.
pub(super) fn last_logs(counters: &[CounterEntry]) -> BTreeMap<&str, Timestamp> {
    let mut last_logs = BTreeMap::new();
    for entry in counters {
        let last = last_logs.entry(entry.service.as_str()).or_insert(Timestamp::MIN);
        *last = entry.last_timestamp.max(*last);
    }
    last_logs
}

fn list(counters: &[CounterEntry]) -> Vec<KnownService<'_>> {
    let mut sums: BTreeMap<&str, Sums> = BTreeMap::new();
    for entry in counters {
        sums.entry(&entry.service).or_default().add(entry.severity, entry.count);
    }
    // Both have the same services, in the same order.
    let last_logs = last_logs(counters).into_values();
    let known = |((service, sums), last_log): ((_, Sums), _)| {
        let Sums { total, by_level, .. } = sums;
        KnownService { service, total, by_level, last_log }
    };
    sums.into_iter().zip(last_logs).map(known).collect()
}
