//! The service as a whole. Only this file names an engine; everything else sees `dyn LogStore`.

use std::sync::Arc;

use domain::{Clock, SystemClock};
use sentinel_http::{Documented, Readiness, Service, Site, SystemApi, document_of};
use store::{LogStore, MemoryLogStore};

use crate::api::{IngestApi, IngestNotes};
use crate::{Config, SERVICE};

const TITLE: &str = "Log Sentinel: ingest";
const DESCRIPTION: &str =
    "Sends logs to Log Sentinel. A 201 means: on disk, and visible to every query from that instant.";

/// What `/` says to a browser.
const PAGE: &str = include_str!("page.html");

type Api = (IngestApi, SystemApi);

/// Opens the stores and puts the service together.
///
/// # Errors
/// When the data directory cannot be used.
pub async fn build(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Service> {
    let stores = store_sqlite::open(&config.service.data_dir.data_dir).await?;
    let readiness = Readiness::default();
    let site = Site {
        api: api(Arc::clone(&stores.logs), Arc::clone(&clock), readiness.clone()),
        title: TITLE,
        document: config.service.docs.is_on().then(document),
        http: config.http.clone(),
    };
    Ok(site.into_service(stores, readiness, clock))
}

fn api(
    store: Arc<dyn LogStore>,
    clock: Arc<dyn Clock>,
    readiness: Readiness,
) -> Documented<Api, IngestNotes> {
    let version = env!("CARGO_PKG_VERSION");
    let system = SystemApi { service: SERVICE, version, readiness, store: Arc::clone(&store), page: PAGE };
    Documented::new((IngestApi { store, clock }, system))
}

/// Returns the service's OpenAPI document.
#[must_use]
pub fn document() -> String {
    // Only the types of an API go into its document; the parts are never used.
    let api = api(Arc::new(MemoryLogStore::default()), Arc::new(SystemClock), Readiness::default());
    document_of(api, TITLE, env!("CARGO_PKG_VERSION"), DESCRIPTION)
}
