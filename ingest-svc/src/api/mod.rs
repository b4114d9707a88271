//! The routes of ingest-svc. Each operation has a file of its own, and each other protocol a folder with a page of its
//! routes.

mod delivered;
pub mod elasticsearch;
mod logs_body;
mod loki;
mod otlp;
mod post_logs;
mod pushed_body;

use std::sync::Arc;

use domain::Clock;
use poem::{Request, Result};
use poem_openapi::param::{Header, Query};
use poem_openapi::{OpenApi, Tags};
use sentinel_http::{Authorized, ErrorShape, Ingest, Notes, OperationNotes, ProblemNote};
use store::LogStore;

use elasticsearch::{ElasticsearchApi, ElasticsearchRoot};
use logs_body::LogsBody;
use loki::{Loki, LokiAnswer};
use otlp::{Otlp, OtlpAnswer};
use post_logs::{Options, StoredAnswer};
use pushed_body::PushedBody;

use crate::IngestOptions;
use crate::admission::Admission;

/// The operations of ingest-svc.
#[derive(Clone)]
pub struct IngestApi {
    /// The one way in for what they read.
    pub admission: Admission,
}

/// The operations of all protocols.
pub type IngestApis = (IngestApi, ElasticsearchApi, ElasticsearchRoot);

/// Where errors have the shape of another protocol.
pub const ERROR_SHAPES: [ErrorShape; 3] = [otlp::ERROR_SHAPE, loki::ERROR_SHAPE, elasticsearch::ERROR_SHAPE];

/// Makes the operations of all protocols on a store.
#[must_use]
pub fn apis(store: &Arc<dyn LogStore>, clock: &Arc<dyn Clock>, options: &IngestOptions) -> IngestApis {
    let admission = Admission {
        store: Arc::clone(store),
        clock: Arc::clone(clock),
        limits: (&options.records).into(),
        timeout: options.storing.ingest_timeout.duration(),
    };
    (IngestApi { admission: admission.clone() }, ElasticsearchApi { admission }, elasticsearch::root())
}

/// The groups that Swagger UI shows operations in.
#[derive(Tags)]
enum Group {
    /// Sending logs.
    Ingest,
    /// Sending logs as to Elasticsearch.
    Elasticsearch,
}

// Examples of parameters stand in their descriptions: as members of their own, Swagger UI would fill them in, and
// the second try of everybody would be a repeat of the first.
#[OpenApi(tag = "Group::Ingest")]
impl IngestApi {
    /// Send logs
    ///
    /// Stores one log, or many: the valid ones together, in one transaction. A 201 means that they are on disk
    /// and visible to every query. Records that are not valid are reported, each with its index and field, and
    /// do not keep the others from being stored. 400 when none is valid.
    #[oai(path = "/logs", method = "post", operation_id = "postLogs")]
    async fn post_logs(
        &self,
        key: Authorized<Ingest>,
        /// Reject the whole request if one record is not valid. Example: `true`.
        atomic: Query<Option<bool>>,
        /// Makes a repeat harmless: within 24 h, the same key with the same body stores nothing and gets the first
        /// answer again. The same key with another body is a 422. Example: `5f0c9c8e-payments-000017`.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        request: &Request,
        body: LogsBody,
    ) -> Result<StoredAnswer> {
        let options = Options::of(atomic.0, idempotency_key.0, request)?;
        post_logs::handle(self, &key, options, request, body).await
    }

    /// Send logs
    ///
    /// The same as `POST /logs`.
    #[oai(path = "/api/v1/logs", method = "post", operation_id = "postLogsV1")]
    async fn post_logs_v1(
        &self,
        key: Authorized<Ingest>,
        /// Reject the whole request if one record is not valid. Example: `true`.
        atomic: Query<Option<bool>>,
        /// Makes a repeat harmless. Example: `5f0c9c8e-payments-000017`.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        request: &Request,
        body: LogsBody,
    ) -> Result<StoredAnswer> {
        let options = Options::of(atomic.0, idempotency_key.0, request)?;
        post_logs::handle(self, &key, options, request, body).await
    }

    /// Send logs
    ///
    /// The same as `POST /logs`.
    #[oai(path = "/api/v1/logs/batch", method = "post", operation_id = "postLogsBatch")]
    async fn post_logs_batch(
        &self,
        key: Authorized<Ingest>,
        /// Reject the whole request if one record is not valid. Example: `true`.
        atomic: Query<Option<bool>>,
        /// Makes a repeat harmless. Example: `5f0c9c8e-payments-000017`.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        request: &Request,
        body: LogsBody,
    ) -> Result<StoredAnswer> {
        let options = Options::of(atomic.0, idempotency_key.0, request)?;
        post_logs::handle(self, &key, options, request, body).await
    }

    /// Send logs by OpenTelemetry's protocol
    ///
    /// OTLP/HTTP, in protobuf or JSON. The valid records are stored together, in one transaction. A 200 means that they are on
    /// disk and visible to every query; `partialSuccess` says how many were not valid. The resource's `service.name` is the
    /// service, its `host.name` the host; all other attributes of resource, scope and record are attributes.
    #[oai(path = "/v1/logs", method = "post", operation_id = "postOtlpLogs")]
    async fn post_otlp_logs(
        &self,
        key: Authorized<Ingest>,
        /// Makes a repeat harmless. Example: `5f0c9c8e-payments-000017`.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        request: &Request,
        body: PushedBody<Otlp>,
    ) -> Result<OtlpAnswer> {
        let options = Options::of(None, idempotency_key.0, request)?;
        Ok(otlp::handle(self, &key, options, request, body).await?)
    }

    /// Send logs by Loki's protocol
    ///
    /// Loki's push API, in JSON or protobuf. The valid lines are stored together, in one transaction. A 204 means that all are on
    /// disk and visible to every query. The first of the labels `service_name`, `service`, `app` and those that Loki goes by is the
    /// service; `level`, `host`, `trace_id` and `span_id` have their places; all others are attributes.
    #[oai(path = "/loki/api/v1/push", method = "post", operation_id = "postLokiPush")]
    async fn post_loki_push(
        &self,
        key: Authorized<Ingest>,
        /// Makes a repeat harmless. Example: `5f0c9c8e-payments-000017`.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        request: &Request,
        body: PushedBody<Loki>,
    ) -> Result<LokiAnswer> {
        let options = Options::of(None, idempotency_key.0, request)?;
        Ok(loki::handle(self, &key, options, request, body).await?)
    }
}

/// What the document says of the operations beside what their code says.
#[derive(Debug)]
pub struct IngestNotes;

impl Notes for IngestNotes {
    const OPERATIONS: &'static [&'static [OperationNotes]] = &[&[OperationNotes {
        operations: &["postLogs", "postLogsV1", "postLogsBatch"],
        query: &[],
        problems: &[
            ProblemNote { status: 422, description: "The idempotency key was used for another request." },
            ProblemNote { status: 429, description: "The key's quota is used up; nothing was stored." },
            ProblemNote { status: 507, description: "The disk is full; nothing was stored." },
        ],
    }]];
}
