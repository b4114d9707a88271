//! The service as a whole. Only this file names an engine; everything else sees `dyn LogStore`.

use std::sync::Arc;

use domain::{Clock, SystemClock};
use sentinel_http::{Documented, Logins, Readiness, Service, Site, SystemApi, UndeclaredScopes, document_of};
use store::{StoreLimits, Stores};

use crate::api::audit::AuditApi;
use crate::api::auth::AuthApi;
use crate::api::keys::KeysApi;
use crate::api::logs::LogsApi;
use crate::api::metrics::MetricsApi;
use crate::api::retention::RetentionApi;
use crate::api::streams::StreamsApi;
use crate::api::users::UsersApi;
use crate::api::{Context, QueryNotes};
use crate::config::ReadOptions;
use crate::memory::MemoryLimits;
use crate::{Config, PAGE, SERVICE};

const TITLE: &str = "Log Sentinel: query";
const DESCRIPTION: &str = "Finds, counts and deletes the logs in Log Sentinel. What was stored is visible from the instant of its 201.";

/// The groups of operations that query-svc has, beside those that every service has.
pub type Api = (LogsApi, StreamsApi, MetricsApi, RetentionApi, KeysApi, AuditApi, AuthApi, UsersApi);

/// Puts the groups together: each has the context.
#[must_use]
pub fn api(context: &Context) -> Api {
    let context = || context.clone();
    (
        LogsApi(context()),
        StreamsApi(context()),
        MetricsApi(context()),
        RetentionApi(context()),
        KeysApi(context()),
        AuditApi(context()),
        AuthApi(context()),
        UsersApi(context()),
    )
}

/// Opens the stores and puts the service together.
///
/// # Errors
/// When the data directory or the keys that are given cannot be used.
pub async fn build(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Service> {
    let given = config.http.keys.read()?;
    let read = MemoryLimits::from(&config.read.memory).reads();
    let limits = StoreLimits { read, ..StoreLimits::default() };
    let stores = store_sqlite::open_with(&config.service.data_dir.data_dir, &limits).await?;
    given.keep_in(&*stores.keys, &*stores.audit, clock.now()).await?;
    let readiness = Readiness::default();
    let context = Context::new(&stores, &config.read, &readiness, clock);
    let logins = Arc::new(Logins::open(&config.http.logins, &config.service.data_dir.data_dir)?);
    Ok(around(&context, stores, readiness, config, logins)?)
}

/// Puts the service together around what its operations need.
///
/// # Errors
/// When an operation declares no scope.
pub(crate) fn around(
    context: &Context,
    stores: Stores,
    readiness: Readiness,
    config: &Config,
    logins: Arc<Logins>,
) -> Result<Service, UndeclaredScopes> {
    let clock = Arc::clone(&context.clock);
    let site = Site {
        api: documented(context, readiness.clone()),
        title: TITLE,
        document: config.service.docs.is_on().then(document),
        http: config.http.clone(),
        logins,
        side_ports: vec![],
        shapes: Vec::new(),
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
    let readiness = Readiness::default();
    let context =
        Context::new(&Stores::in_memory(), &ReadOptions::default(), &readiness, Arc::new(SystemClock));
    document_of(documented(&context, readiness), TITLE, env!("CARGO_PKG_VERSION"), DESCRIPTION)
}
