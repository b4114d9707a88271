//! Both services as one: their operations on one origin, over one store. Only this file names an engine.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use domain::Clock;
use ingest_svc::api::IngestApi;
use poem::Response;
use poem::endpoint::BoxEndpoint;
use query_svc::api::QueryApi;
use sentinel_http::openapi::merge_documents;
use sentinel_http::{
    Authenticator, AuthenticatorOptions, BodyReader, LifeError, Readiness, Site, SystemApi, live,
};
use store::{KeyStore, LogStore};
use store_sqlite::{SqliteKeyStore, SqliteLogStore, StoreDirectory};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const TITLE: &str = "Log Sentinel";

/// Both services, ready to run.
pub(crate) struct App {
    endpoint: BoxEndpoint<'static, Response>,
    readiness: Readiness,
    store: Arc<SqliteLogStore>,
    keys: Arc<SqliteKeyStore>,
}

impl App {
    /// Opens the stores and puts the services together.
    ///
    /// # Errors
    /// When the data directory cannot be used.
    pub(crate) async fn build(data_dir: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let directory = StoreDirectory::prepare(data_dir)?;
        let keys = Arc::new(SqliteKeyStore::open(&directory).await.context("cannot open the keys")?);
        let store = Arc::new(SqliteLogStore::open(&directory).await.context("cannot open the logs")?);
        let readiness = Readiness::default();
        let authenticator =
            Authenticator::new(keys.clone(), Arc::clone(&clock), AuthenticatorOptions::default());
        let logs: Arc<dyn LogStore> = store.clone();
        let system = SystemApi {
            service: "sentinel",
            version: env!("CARGO_PKG_VERSION"),
            readiness: readiness.clone(),
            store: Arc::clone(&logs),
            page: query_svc::PAGE,
        };
        let ingest = IngestApi { store: Arc::clone(&logs), clock: Arc::clone(&clock) };
        let query = QueryApi { store: logs, clock };
        let document = merge_documents(&query_svc::app::document(), &ingest_svc::app::document())
            .context("the services' documents do not fit together")?;
        let site = Site {
            api: (ingest, query, system),
            title: TITLE,
            document: Some(document),
            authenticator: Arc::new(authenticator),
            body_reader: BodyReader::default(),
        };
        Ok(Self { endpoint: site.into_endpoint(), readiness, store, keys })
    }

    /// Returns where the keys are kept.
    pub(crate) fn keys(&self) -> &dyn KeyStore {
        &*self.keys
    }

    /// Serves until `shutdown` is cancelled, and ends in order.
    ///
    /// # Errors
    /// [`LifeError`].
    pub(crate) async fn run_until(
        self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> Result<(), LifeError> {
        let failed = self.store.failed();
        let lived = live(listener, self.endpoint, self.readiness, &*self.store, failed, shutdown).await;
        if let Err(error) = self.keys.close().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the keys' file was not closed in order"
            );
        }
        lived
    }
}
