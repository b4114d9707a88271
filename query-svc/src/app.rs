//! The service as a whole. Only this file names an engine; everything else sees `dyn LogStore`.

use std::sync::Arc;
use std::time::Duration;

use domain::{Clock, SystemClock};
use sentinel_http::{Documented, Readiness, Service, Site, SystemApi, document_of};
use store::{LogStore, MemoryLogStore, MemoryRetentionStore, RetentionStore, Stores};

use crate::api::logs::LogsApi;
use crate::api::metrics::MetricsApi;
use crate::api::retention::RetentionApi;
use crate::api::streams::{Streams, StreamsApi};
use crate::api::{Context, QueryNotes};
use crate::tail::{TailLimits, TailOptions};
use crate::{Config, PAGE, SERVICE};

const TITLE: &str = "Log Sentinel: query";
const DESCRIPTION: &str = "Finds, counts and deletes the logs in Log Sentinel. What was stored is visible from the instant of its 201.";

/// The groups of operations that query-svc has, beside those that every service has.
pub type Api = (LogsApi, StreamsApi, MetricsApi, RetentionApi);

/// Puts the groups together: each has the context.
#[must_use]
pub fn api(context: &Context) -> Api {
    let context = || context.clone();
    (LogsApi(context()), StreamsApi(context()), MetricsApi(context()), RetentionApi(context()))
}

/// Opens the stores and puts the service together.
///
/// # Errors
/// When the data directory cannot be used.
pub async fn build(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Service> {
    let stores = store_sqlite::open(&config.service.data_dir.data_dir).await?;
    Ok(over(stores, config.service.docs.is_on(), config.query.timeout(), config.tail.into(), clock))
}

/// Puts the service together over stores that are open; `with_docs`: it describes itself.
#[must_use]
pub fn over(
    stores: Stores,
    with_docs: bool,
    query_timeout: Duration,
    tails: TailLimits,
    clock: Arc<dyn Clock>,
) -> Service {
    let readiness = Readiness::default();
    let (store, retention) = (Arc::clone(&stores.logs), Arc::clone(&stores.retention));
    let streams = Streams::new(&store, tails, readiness.clone());
    let context = Context { store, retention, clock: Arc::clone(&clock), query_timeout, streams };
    let site = Site {
        api: documented(&context, readiness.clone()),
        title: TITLE,
        document: with_docs.then(document),
    };
    site.into_service(stores, readiness, clock)
}

fn documented(context: &Context, readiness: Readiness) -> Documented<(Api, SystemApi), QueryNotes> {
    let (version, store) = (env!("CARGO_PKG_VERSION"), Arc::clone(&context.store));
    let system = SystemApi { service: SERVICE, version, readiness, store, page: PAGE };
    Documented::new((api(context), system))
}

/// Returns the service's OpenAPI document.
#[must_use]
pub fn document() -> String {
    // Only the types of an API go into its document; the parts are never used.
    let store: Arc<dyn LogStore> = Arc::new(MemoryLogStore::default());
    let retention: Arc<dyn RetentionStore> = Arc::new(MemoryRetentionStore::default());
    let (clock, readiness) = (Arc::new(SystemClock), Readiness::default());
    let streams = Streams::new(&store, TailOptions::default().into(), readiness.clone());
    let context = Context { store, retention, clock, query_timeout: Duration::ZERO, streams };
    document_of(documented(&context, readiness), TITLE, env!("CARGO_PKG_VERSION"), DESCRIPTION)
}
