//! The part of Elasticsearch's API that log shippers use, below `/elasticsearch`: what is sent to its bulk API is stored,
//! and what shippers ask before they send is answered as a cluster would that has all it needs.
//!
//! * `bulk` the bulk API, `bulk_body` its body, `bulk_answer` what becomes of each item
//! * `cluster` what shippers ask at their start
//! * `with_slash` a path with a slash at its end
//! * `answer` JSON as Elasticsearch's clients expect it, and errors in its shape
//!
//! Not here: searches, mappings, anything that would change or delete a document.

mod answer;
mod bulk;
mod bulk_answer;
mod bulk_body;
mod cluster;
mod with_slash;

use poem::{Request, Result};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use sentinel_http::{Authorized, ErrorShape, Ingest};

use answer::EsAnswer;
use bulk_body::BulkBody;
use cluster::Setting;
use with_slash::WithSlash;

use super::Group;
use crate::admission::Admission;

/// Errors below `/elasticsearch` have Elasticsearch's shape.
pub const ERROR_SHAPE: ErrorShape = ErrorShape { path: "/elasticsearch", write: answer::write_problem };

/// The operation at the path with a slash at its end.
pub type ElasticsearchRoot = WithSlash<ElasticsearchRootApi>;

/// The operations that log shippers know.
#[derive(Clone)]
pub struct ElasticsearchApi {
    /// The one way in for what they send.
    pub admission: Admission,
}

#[OpenApi(tag = "Group::Elasticsearch")]
impl ElasticsearchApi {
    /// Send logs as to Elasticsearch's bulk API
    ///
    /// Stores the documents of the actions `create` and `index`, the valid ones together, in one transaction. A 200 means
    /// that every item with a status of 200 or 201 is on disk and visible to every query. `errors` says whether there are
    /// others, which are not stored. A document whose index and `_id` were stored within 24 h is not stored again: its
    /// item has the status 200. The body may also be of type `application/vnd.elasticsearch+x-ndjson`.
    #[oai(path = "/elasticsearch/_bulk", method = "post", operation_id = "postElasticsearchBulk")]
    async fn post_bulk(
        &self,
        key: Authorized<Ingest>,
        /// Which members the answer has. Example: `errors,items.*.error`.
        filter_path: Query<Option<String>>,
        request: &Request,
        body: BulkBody,
    ) -> Result<EsAnswer> {
        bulk::handle(self, &key, None, filter_path.0.as_deref(), request, body).await
    }

    /// Send logs as to Elasticsearch's bulk API
    ///
    /// The same as `POST /elasticsearch/_bulk`.
    #[oai(path = "/elasticsearch/_bulk", method = "put", operation_id = "putElasticsearchBulk")]
    async fn put_bulk(
        &self,
        key: Authorized<Ingest>,
        /// Which members the answer has. Example: `errors,items.*.error`.
        filter_path: Query<Option<String>>,
        request: &Request,
        body: BulkBody,
    ) -> Result<EsAnswer> {
        bulk::handle(self, &key, None, filter_path.0.as_deref(), request, body).await
    }

    /// Send logs of one index as to Elasticsearch's bulk API
    ///
    /// The same as `POST /elasticsearch/_bulk`, with an index for actions that name none.
    #[oai(path = "/elasticsearch/:index/_bulk", method = "post", operation_id = "postElasticsearchIndexBulk")]
    async fn post_index_bulk(
        &self,
        key: Authorized<Ingest>,
        /// The index. Example: `logs-nginx-default`.
        index: Path<String>,
        /// Which members the answer has. Example: `errors,items.*.error`.
        filter_path: Query<Option<String>>,
        request: &Request,
        body: BulkBody,
    ) -> Result<EsAnswer> {
        bulk::handle(self, &key, Some(index.0), filter_path.0.as_deref(), request, body).await
    }

    /// Send logs of one index as to Elasticsearch's bulk API
    ///
    /// The same as `POST /elasticsearch/{index}/_bulk`.
    #[oai(path = "/elasticsearch/:index/_bulk", method = "put", operation_id = "putElasticsearchIndexBulk")]
    async fn put_index_bulk(
        &self,
        key: Authorized<Ingest>,
        /// The index. Example: `logs-nginx-default`.
        index: Path<String>,
        /// Which members the answer has. Example: `errors,items.*.error`.
        filter_path: Query<Option<String>>,
        request: &Request,
        body: BulkBody,
    ) -> Result<EsAnswer> {
        bulk::handle(self, &key, Some(index.0), filter_path.0.as_deref(), request, body).await
    }

    /// What Elasticsearch says about itself
    #[oai(path = "/elasticsearch", method = "get", operation_id = "getElasticsearch")]
    async fn get_info(&self, _key: Authorized<Ingest>, request: &Request) -> EsAnswer {
        EsAnswer::new(request, &cluster::info())
    }

    /// The licence that shippers ask for
    #[oai(path = "/elasticsearch/_license", method = "get", operation_id = "getElasticsearchLicense")]
    async fn get_license(&self, _key: Authorized<Ingest>, request: &Request) -> EsAnswer {
        EsAnswer::new(request, &cluster::license())
    }

    /// The features that shippers ask for
    #[oai(path = "/elasticsearch/_xpack", method = "get", operation_id = "getElasticsearchFeatures")]
    async fn get_features(&self, _key: Authorized<Ingest>, request: &Request) -> EsAnswer {
        EsAnswer::new(request, &cluster::features())
    }

    /// The health that shippers ask for
    #[oai(path = "/elasticsearch/_cluster/health", method = "get", operation_id = "getElasticsearchHealth")]
    async fn get_health(&self, _key: Authorized<Ingest>, request: &Request) -> EsAnswer {
        EsAnswer::new(request, &cluster::health())
    }

    /// The health that shippers ask for, in a short form
    #[oai(path = "/elasticsearch/_cat/health", method = "get", operation_id = "getElasticsearchCatHealth")]
    async fn get_cat_health(&self, _key: Authorized<Ingest>, request: &Request) -> EsAnswer {
        EsAnswer::new(request, &cluster::cat_health())
    }

    /// An index template
    ///
    /// Every one is there, so that no shipper sends its own.
    #[oai(
        path = "/elasticsearch/_index_template/:name",
        method = "get",
        operation_id = "getElasticsearchTemplate"
    )]
    async fn get_template(
        &self,
        _key: Authorized<Ingest>,
        /// Its name. Example: `filebeat-8.19.0`.
        name: Path<String>,
        request: &Request,
    ) -> EsAnswer {
        EsAnswer::new(request, &cluster::setting(Setting::IndexTemplate, &name.0))
    }

    /// Set an index template
    ///
    /// Is acknowledged, and changes nothing.
    #[oai(
        path = "/elasticsearch/_index_template/:name",
        method = "put",
        operation_id = "putElasticsearchTemplate"
    )]
    async fn put_template(
        &self,
        _key: Authorized<Ingest>,
        /// Its name. Example: `filebeat-8.19.0`.
        #[oai(name = "name")]
        _name: Path<String>,
        request: &Request,
    ) -> EsAnswer {
        EsAnswer::new(request, &cluster::acknowledged())
    }

    /// A lifecycle policy
    ///
    /// Every one is there, so that no shipper sends its own. How long logs are kept is what retention rules say.
    #[oai(path = "/elasticsearch/_ilm/policy/:name", method = "get", operation_id = "getElasticsearchPolicy")]
    async fn get_policy(
        &self,
        _key: Authorized<Ingest>,
        /// Its name. Example: `filebeat`.
        name: Path<String>,
        request: &Request,
    ) -> EsAnswer {
        EsAnswer::new(request, &cluster::setting(Setting::LifecyclePolicy, &name.0))
    }

    /// Set a lifecycle policy
    ///
    /// Is acknowledged, and changes nothing.
    #[oai(path = "/elasticsearch/_ilm/policy/:name", method = "put", operation_id = "putElasticsearchPolicy")]
    async fn put_policy(
        &self,
        _key: Authorized<Ingest>,
        /// Its name. Example: `filebeat`.
        #[oai(name = "name")]
        _name: Path<String>,
        request: &Request,
    ) -> EsAnswer {
        EsAnswer::new(request, &cluster::acknowledged())
    }

    /// An ingest pipeline
    ///
    /// Every one is there, so that no shipper sends its own; none changes a document.
    #[oai(
        path = "/elasticsearch/_ingest/pipeline/:name",
        method = "get",
        operation_id = "getElasticsearchPipeline"
    )]
    async fn get_pipeline(
        &self,
        _key: Authorized<Ingest>,
        /// Its name. Example: `filebeat-8.19.0-nginx-access-pipeline`.
        name: Path<String>,
        request: &Request,
    ) -> EsAnswer {
        EsAnswer::new(request, &cluster::setting(Setting::IngestPipeline, &name.0))
    }

    /// Set an ingest pipeline
    ///
    /// Is acknowledged, and changes nothing.
    #[oai(
        path = "/elasticsearch/_ingest/pipeline/:name",
        method = "put",
        operation_id = "putElasticsearchPipeline"
    )]
    async fn put_pipeline(
        &self,
        _key: Authorized<Ingest>,
        /// Its name. Example: `filebeat-8.19.0-nginx-access-pipeline`.
        #[oai(name = "name")]
        _name: Path<String>,
        request: &Request,
    ) -> EsAnswer {
        EsAnswer::new(request, &cluster::acknowledged())
    }

    /// An index
    ///
    /// Every one is there.
    #[oai(path = "/elasticsearch/:index", method = "get", operation_id = "getElasticsearchIndex")]
    async fn get_index(
        &self,
        _key: Authorized<Ingest>,
        /// Its name. Example: `logs-nginx-default`.
        index: Path<String>,
        request: &Request,
    ) -> EsAnswer {
        EsAnswer::new(request, &cluster::setting(Setting::Index, &index.0))
    }
}

/// What is at the root of what shippers take for the server.
#[derive(Debug, Clone, Copy)]
pub struct ElasticsearchRootApi;

#[OpenApi(tag = "Group::Elasticsearch")]
impl ElasticsearchRootApi {
    /// What Elasticsearch says about itself
    ///
    /// The same as `GET /elasticsearch`.
    #[oai(path = "/elasticsearch", method = "get", operation_id = "getElasticsearchRoot")]
    async fn get_root(&self, _key: Authorized<Ingest>, request: &Request) -> EsAnswer {
        EsAnswer::new(request, &cluster::info())
    }
}

/// Returns the operation at the path with a slash at its end.
#[must_use]
pub fn root() -> ElasticsearchRoot {
    WithSlash(ElasticsearchRootApi)
}
