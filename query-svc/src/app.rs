//! The service as a whole. Only this file names an engine; everything else sees `dyn LogStore`.

use std::sync::Arc;

use domain::{Clock, SystemClock};
use sentinel_http::{Documented, Readiness, Service, Site, SystemApi, document_of};
use store::{LogStore, MemoryLogStore, MemoryRetentionStore, RetentionStore, Stores};

use crate::api::{QueryApi, QueryNotes};
use crate::{Config, PAGE, SERVICE};

const TITLE: &str = "Log Sentinel: query";
const DESCRIPTION: &str = "Finds, counts and deletes the logs in Log Sentinel. What was stored is visible from the instant of its 201.";

type Api = (QueryApi, SystemApi);

/// Opens the stores and puts the service together.
///
/// # Errors
/// When the data directory cannot be used.
pub async fn build(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Service> {
    let stores = store_sqlite::open(&config.service.data_dir.data_dir).await?;
    Ok(over(stores, config.service.docs.is_on(), clock))
}

/// Puts the service together over stores that are open; `with_docs`: it describes itself.
#[must_use]
pub fn over(stores: Stores, with_docs: bool, clock: Arc<dyn Clock>) -> Service {
    let readiness = Readiness::default();
    let (store, retention) = (Arc::clone(&stores.logs), Arc::clone(&stores.retention));
    let site = Site {
        api: api(QueryApi { store, retention, clock: Arc::clone(&clock) }, readiness.clone()),
        title: TITLE,
        document: with_docs.then(document),
    };
    site.into_service(stores, readiness, clock)
}

fn api(query: QueryApi, readiness: Readiness) -> Documented<Api, QueryNotes> {
    let (version, store) = (env!("CARGO_PKG_VERSION"), Arc::clone(&query.store));
    let system = SystemApi { service: SERVICE, version, readiness, store, page: PAGE };
    Documented::new((query, system))
}

/// Returns the service's OpenAPI document.
#[must_use]
pub fn document() -> String {
    // Only the types of an API go into its document; the parts are never used.
    let store: Arc<dyn LogStore> = Arc::new(MemoryLogStore::default());
    let retention: Arc<dyn RetentionStore> = Arc::new(MemoryRetentionStore::default());
    let api = api(QueryApi { store, retention, clock: Arc::new(SystemClock) }, Readiness::default());
    document_of(api, TITLE, env!("CARGO_PKG_VERSION"), DESCRIPTION)
}
