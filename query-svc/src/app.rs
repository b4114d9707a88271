//! The service as a whole. Only this file names an engine; everything else sees `dyn LogStore`.

use std::sync::Arc;

use anyhow::Context;
use domain::Clock;
use poem::Response;
use poem::endpoint::BoxEndpoint;
use sentinel_http::{
    Authenticator, AuthenticatorOptions, BodyReader, Documented, LifeError, Readiness, Site, SystemApi,
    document_of, live,
};
use store::{LogStore, MemoryLogStore};
use store_sqlite::{SqliteKeyStore, SqliteLogStore, StoreDirectory};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::api::{QueryApi, QueryNotes};
use crate::{Config, PAGE, SERVICE};

const TITLE: &str = "Log Sentinel: query";
const DESCRIPTION: &str = "Finds, counts and deletes the logs in Log Sentinel. What was stored is visible from the instant of its 201.";

type Api = (QueryApi, SystemApi);

/// The service, ready to run.
pub struct App {
    listener: TcpListener,
    endpoint: BoxEndpoint<'static, Response>,
    readiness: Readiness,
    store: Arc<SqliteLogStore>,
    keys: Arc<SqliteKeyStore>,
}

impl App {
    /// Opens the stores and puts the service together.
    ///
    /// # Errors
    /// When the data directory cannot be used.
    pub async fn build(
        config: &Config,
        listener: TcpListener,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let directory = StoreDirectory::prepare(&config.data_dir.data_dir)?;
        let keys = Arc::new(SqliteKeyStore::open(&directory).await.context("cannot open the keys")?);
        let store = Arc::new(SqliteLogStore::open(&directory).await.context("cannot open the logs")?);
        let readiness = Readiness::default();
        let authenticator =
            Authenticator::new(keys.clone(), Arc::clone(&clock), AuthenticatorOptions::default());
        let site = Site {
            api: api(store.clone(), clock, readiness.clone()),
            title: TITLE,
            document: (config.docs == "on").then(document),
            authenticator: Arc::new(authenticator),
            body_reader: BodyReader::default(),
        };
        Ok(Self { listener, endpoint: site.into_endpoint(), readiness, store, keys })
    }

    /// Serves until `shutdown` is cancelled, and ends in order.
    ///
    /// # Errors
    /// [`LifeError`].
    pub async fn run_until(self, shutdown: CancellationToken) -> Result<(), LifeError> {
        let failed = self.store.failed();
        let lived = live(self.listener, self.endpoint, self.readiness, &*self.store, failed, shutdown).await;
        if let Err(error) = self.keys.close().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the keys' file was not closed in order"
            );
        }
        lived
    }
}

fn api(store: Arc<dyn LogStore>, clock: Arc<dyn Clock>, readiness: Readiness) -> Documented<Api, QueryNotes> {
    let version = env!("CARGO_PKG_VERSION");
    let system = SystemApi { service: SERVICE, version, readiness, store: Arc::clone(&store), page: PAGE };
    Documented::new((QueryApi { store, clock }, system))
}

/// Returns the service's OpenAPI document.
#[must_use]
pub fn document() -> String {
    // Only the types of an API go into its document; the parts are never used.
    let api = api(Arc::new(MemoryLogStore::default()), Arc::new(domain::SystemClock), Readiness::default());
    document_of(api, TITLE, env!("CARGO_PKG_VERSION"), DESCRIPTION)
}
