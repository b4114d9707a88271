//! Both services as one: their operations on one origin, over one store. Only this file names an engine.

use std::sync::Arc;

use anyhow::Context as _;
use domain::Clock;
use ingest_svc::api::{ERROR_SHAPES, apis};
use ingest_svc::app::open_side_doors;
use query_svc::api::Context;
use query_svc::memory::MemoryLimits;
use sentinel_http::openapi::merge_documents;
use sentinel_http::{Logins, Readiness, Service, SidePort, Site, SystemApi};
use store::{AppendLimits, StoreLimits};

use crate::up::UpOptions;

const TITLE: &str = "Log Sentinel";
const DESCRIPTION: &str = "Sends, finds, counts and deletes logs. A 201 means: on disk, and visible to every query from that instant.";

/// The service's name, as it goes in logs and metrics.
pub(crate) const SERVICE: &str = "sentinel";

/// Opens the stores and puts the services together.
///
/// # Errors
/// When the data directory cannot be used.
pub(crate) async fn build(
    options: &UpOptions,
    clock: Arc<dyn Clock>,
    side_ports: Vec<SidePort>,
) -> anyhow::Result<Service> {
    let limits = StoreLimits {
        append: AppendLimits::from(&options.ingest.storing),
        read: MemoryLimits::from(&options.read.memory).reads(),
    };
    let stores = store_sqlite::open_with(&options.data_dir.data_dir, &limits).await?;
    let readiness = Readiness::default();
    let store = &stores.logs;
    let system = SystemApi {
        service: SERVICE,
        version: env!("CARGO_PKG_VERSION"),
        readiness: readiness.clone(),
        store: Arc::clone(store),
        page: query_svc::PAGE,
    };
    let ingest = apis(store, &clock, &options.ingest);
    let admission = ingest.0.admission.clone();
    let context = Context::new(&stores, &options.read, &readiness, Arc::clone(&clock));
    let query = query_svc::app::api(&context);
    let document = options.docs.is_on().then(document).transpose()?;
    let logins = Arc::new(Logins::open(&options.http.logins, &options.data_dir.data_dir)?);
    let site = Site {
        api: (ingest, query, system),
        title: TITLE,
        document,
        http: options.http.clone(),
        logins,
        side_ports,
        shapes: ERROR_SHAPES.to_vec(),
    };
    let mut service = site.into_service(stores, readiness, clock)?;
    open_side_doors(&mut service, &options.ingest, &admission).await?;
    Ok(service)
}

fn document() -> anyhow::Result<String> {
    merge_documents(TITLE, DESCRIPTION, &query_svc::app::document(), &ingest_svc::app::document())
        .context("the services' documents do not fit together")
}
