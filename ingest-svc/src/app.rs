//! The service as a whole. Only this file names an engine; everything else sees `dyn LogStore`.

use std::sync::Arc;

use domain::{Clock, SystemClock};
use sentinel_http::{Documented, Logins, Readiness, Service, SidePort, Site, SystemApi, document_of};
use store::{AppendLimits, LogStore, MemoryLogStore, StoreLimits};

use crate::admission::Admission;
use crate::api::{ERROR_SHAPES, IngestApis, IngestNotes, apis};
use crate::syslog::Syslog;
use crate::{Config, IngestOptions, SERVICE};

const TITLE: &str = "Log Sentinel: ingest";
const DESCRIPTION: &str =
    "Sends logs to Log Sentinel. A 201 means: on disk, and visible to every query from that instant.";

/// What `/` says to a browser.
const PAGE: &str = include_str!("page.html");

/// The operations of the service.
pub type Api = (IngestApis, SystemApi);

/// Opens the stores and puts the service together.
///
/// # Errors
/// When the data directory or the keys that are given cannot be used.
pub async fn build(
    config: &Config,
    clock: Arc<dyn Clock>,
    side_ports: Vec<SidePort>,
) -> anyhow::Result<Service> {
    let given = config.http.keys.read()?;
    let limits = StoreLimits { append: AppendLimits::from(&config.ingest.storing), ..StoreLimits::default() };
    let stores = store_sqlite::open_with(&config.service.data_dir.data_dir, &limits).await?;
    given.keep_in(&*stores.keys, &*stores.audit, clock.now()).await?;
    let readiness = Readiness::default();
    let ingest = apis(&stores.logs, &clock, &config.ingest);
    let admission = ingest.0.admission.clone();
    let site = Site {
        api: api(ingest, readiness.clone()),
        title: TITLE,
        document: config.service.docs.is_on().then(document),
        http: config.http.clone(),
        logins: Arc::new(Logins::open(&config.http.logins, &config.service.data_dir.data_dir)?),
        side_ports,
        shapes: ERROR_SHAPES.to_vec(),
    };
    let mut service = site.into_service(stores, readiness, clock)?;
    open_side_doors(&mut service, &config.ingest, &admission).await?;
    Ok(service)
}

/// Opens the doors that are not HTTP, as the options say.
///
/// # Errors
/// When the address of one cannot be taken, or its key does not work.
pub async fn open_side_doors(
    service: &mut Service,
    options: &IngestOptions,
    admission: &Admission,
) -> anyhow::Result<()> {
    let syslog = Syslog::open(&options.syslog, admission, &service.callers).await?;
    service.side_doors.extend(syslog.map(Syslog::into_side_door));
    Ok(())
}

fn api(ingest: IngestApis, readiness: Readiness) -> Documented<Api, IngestNotes> {
    let (version, store) = (env!("CARGO_PKG_VERSION"), Arc::clone(&ingest.0.admission.store));
    let system = SystemApi { service: SERVICE, version, readiness, store, page: PAGE };
    Documented::new((ingest, system))
}

/// Returns the service's OpenAPI document.
#[must_use]
pub fn document() -> String {
    // Only the types of an API go into its document; the parts are never used.
    let (store, clock): (Arc<dyn LogStore>, Arc<dyn Clock>) =
        (Arc::new(MemoryLogStore::default()), Arc::new(SystemClock));
    let ingest = apis(&store, &clock, &IngestOptions::default());
    document_of(api(ingest, Readiness::default()), TITLE, env!("CARGO_PKG_VERSION"), DESCRIPTION)
}
