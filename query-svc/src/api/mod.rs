//! The routes of query-svc, on one page. Each operation has a file of its own.

mod delete_logs;
mod get_log;
mod record_schema;
mod search_logs;
mod stats;

use std::sync::Arc;

use domain::Clock;
use poem::{Request, Result};
use poem_openapi::param::Path;
use poem_openapi::{OpenApi, Tags};
use sentinel_http::{Authorized, Delete, Notes, OperationNotes, ProblemNote, Read};
use store::LogStore;

use crate::params::names;
use delete_logs::DeleteAnswer;
use get_log::LogAnswer;
use search_logs::LogsAnswer;
use stats::StatsAnswer;

/// The operations of query-svc.
#[derive(Clone)]
pub struct QueryApi {
    /// Where logs are kept.
    pub store: Arc<dyn LogStore>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

/// The groups that Swagger UI shows operations in.
#[derive(Tags)]
enum Group {
    /// Finding, counting and deleting logs.
    Logs,
}

#[OpenApi(tag = "Group::Logs")]
impl QueryApi {
    /// Search logs
    ///
    /// Returns the logs that all given filters select, newest first, as a bare array. When there are more, the
    /// header `Link` has the address of the next page and `X-Next-Cursor` its cursor.
    #[oai(path = "/logs", method = "get", operation_id = "searchLogs")]
    async fn search_logs(&self, key: Authorized<Read>, request: &Request) -> Result<LogsAnswer> {
        search_logs::handle(self, &key, request).await
    }

    /// Get one log
    #[oai(path = "/logs/:id", method = "get", operation_id = "getLog")]
    async fn get_log(
        &self,
        key: Authorized<Read>,
        /// The log's id.
        #[oai(example = "example_id")]
        id: Path<i64>,
    ) -> Result<LogAnswer> {
        get_log::handle(self, &key, id.0).await
    }

    /// Get one log
    ///
    /// The same as `GET /logs/{id}`.
    #[oai(path = "/api/v1/logs/:id", method = "get", operation_id = "getLogV1")]
    async fn get_log_v1(
        &self,
        key: Authorized<Read>,
        /// The log's id.
        #[oai(example = "example_id")]
        id: Path<i64>,
    ) -> Result<LogAnswer> {
        get_log::handle(self, &key, id.0).await
    }

    /// Delete logs
    ///
    /// Deletes the logs that all given filters select. At least one filter is required. They are gone from
    /// every answer when this one arrives.
    #[oai(path = "/logs", method = "delete", operation_id = "deleteLogs")]
    async fn delete_logs(&self, key: Authorized<Delete>, request: &Request) -> Result<DeleteAnswer> {
        delete_logs::handle(self, &key, request).await
    }

    /// Count logs
    ///
    /// Returns exact counts per service and per severity, and the time of each service's newest log. As fast
    /// with a hundred million logs as with ten.
    #[oai(path = "/stats", method = "get", operation_id = "getStats")]
    async fn get_stats(&self, key: Authorized<Read>, request: &Request) -> Result<StatsAnswer> {
        stats::handle(self, &key, request).await
    }
}

fn example_id() -> i64 {
    1842
}

/// What the document says of the operations beside what their code says.
#[derive(Debug)]
pub struct QueryNotes;

impl Notes for QueryNotes {
    const OPERATIONS: &'static [OperationNotes] = &[
        OperationNotes { operations: &["searchLogs"], query: &[names::FILTER, names::PAGING], problems: &[] },
        OperationNotes { operations: &["deleteLogs"], query: &[names::FILTER, names::DELETE], problems: &[] },
        OperationNotes {
            operations: &["getLog", "getLogV1"],
            query: &[],
            problems: &[ProblemNote { status: 404, description: "There is no log with this id." }],
        },
    ];
}
