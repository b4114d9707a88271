//! Finding, counting and deleting logs: the page of routes.

mod delete_logs;
mod envelope;
mod explain;
mod find;
mod get_log;
mod list_logs;
mod post_search;
mod search_body;
mod search_logs;
mod stats;
mod surroundings;

use domain::limits::PAGE_DEFAULT_ROWS;
use poem::{Request, Result};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use sentinel_http::{Authorized, Delete, OperationNotes, ProblemNote, Read};

use super::{Context, Group, json_body, noting, record_schema};
use crate::params::names;
use delete_logs::DeleteAnswer;
use envelope::EnvelopeAnswer;
use explain::ExplainAnswer;
use get_log::LogAnswer;
use post_search::FoundAnswer;
use search_body::SearchBody;
use search_logs::LogsAnswer;
use stats::StatsAnswer;
use surroundings::SurroundingsAnswer;

/// How many logs `recent` answers with when the client does not say.
const RECENT_DEFAULT_ROWS: u32 = 50;

/// The operations on logs.
#[derive(Clone)]
pub struct LogsApi(pub Context);

#[OpenApi]
impl LogsApi {
    /// Search logs
    ///
    /// Returns the logs that all given filters select, newest first, as a bare array. When there are more, the
    /// header `Link` has the address of the next page and `X-Next-Cursor` its cursor.
    #[oai(path = "/logs", method = "get", operation_id = "searchLogs", tag = "Group::Logs")]
    async fn search_logs(&self, key: Authorized<Read>, request: &Request) -> Result<LogsAnswer> {
        search_logs::handle(&self.0, &key, request).await
    }

    /// Search logs, and count them
    ///
    /// Returns the logs that all given filters select, as `GET /logs` does, in an envelope: with the exact number of
    /// all of them, and the cursor of the next page.
    #[oai(path = "/api/v1/logs", method = "get", operation_id = "listLogs", tag = "Group::Logs")]
    async fn list_logs(&self, key: Authorized<Read>, request: &Request) -> Result<EnvelopeAnswer> {
        list_logs::handle(&self.0, &key, request, PAGE_DEFAULT_ROWS).await
    }

    /// Search logs by a body
    ///
    /// Returns what `GET /api/v1/logs` does, and how many logs of each level and service the search selects, on all pages.
    #[oai(
        path = "/api/v1/logs/search",
        method = "post",
        operation_id = "searchLogsByBody",
        tag = "Group::Logs"
    )]
    async fn post_search(
        &self,
        key: Authorized<Read>,
        request: &Request,
        body: SearchBody,
    ) -> Result<FoundAnswer> {
        post_search::handle(&self.0, &key, request, body).await
    }

    /// List the newest logs
    ///
    /// The same as `GET /api/v1/logs`, with 50 logs on a page unless `limit` is given.
    #[oai(path = "/api/v1/logs/recent", method = "get", operation_id = "listRecentLogs", tag = "Group::Logs")]
    async fn recent_logs(&self, key: Authorized<Read>, request: &Request) -> Result<EnvelopeAnswer> {
        list_logs::handle(&self.0, &key, request, RECENT_DEFAULT_ROWS).await
    }

    /// Get one log
    #[oai(path = "/logs/:id", method = "get", operation_id = "getLog", tag = "Group::Logs")]
    async fn get_log(
        &self,
        key: Authorized<Read>,
        /// The log's id.
        #[oai(example = "example_id")]
        id: Path<i64>,
    ) -> Result<LogAnswer> {
        get_log::handle(&self.0, &key, id.0).await
    }

    /// Get one log
    ///
    /// The same as `GET /logs/{id}`.
    #[oai(path = "/api/v1/logs/:id", method = "get", operation_id = "getLogV1", tag = "Group::Logs")]
    async fn get_log_v1(
        &self,
        key: Authorized<Read>,
        /// The log's id.
        #[oai(example = "example_id")]
        id: Path<i64>,
    ) -> Result<LogAnswer> {
        get_log::handle(&self.0, &key, id.0).await
    }

    /// Get one log and those around it
    ///
    /// Returns the logs that happened right before and right after it, oldest first: those of the same service and host,
    /// or, with any filter, those that the filters select.
    #[oai(path = "/logs/:id/context", method = "get", operation_id = "getLogContext", tag = "Group::Logs")]
    async fn get_log_context(
        &self,
        key: Authorized<Read>,
        request: &Request,
        /// The log's id.
        #[oai(example = "example_id")]
        id: Path<i64>,
    ) -> Result<SurroundingsAnswer> {
        surroundings::handle(&self.0, &key, request, id.0).await
    }

    /// Get one log and those around it
    ///
    /// The same as `GET /logs/{id}/context`.
    #[oai(
        path = "/api/v1/logs/:id/context",
        method = "get",
        operation_id = "getLogContextV1",
        tag = "Group::Logs"
    )]
    async fn get_log_context_v1(
        &self,
        key: Authorized<Read>,
        request: &Request,
        /// The log's id.
        #[oai(example = "example_id")]
        id: Path<i64>,
    ) -> Result<SurroundingsAnswer> {
        surroundings::handle(&self.0, &key, request, id.0).await
    }

    /// Delete logs
    ///
    /// Deletes the logs that all given filters select. At least one filter is required. They are gone from
    /// every answer when this one arrives.
    #[oai(path = "/logs", method = "delete", operation_id = "deleteLogs", tag = "Group::Logs")]
    async fn delete_logs(&self, key: Authorized<Delete>, request: &Request) -> Result<DeleteAnswer> {
        delete_logs::handle(&self.0, &key, request).await
    }

    /// Explain a search
    ///
    /// Returns what all given filters mean together, as a tree, and what the search for the page takes: it is done.
    #[oai(path = "/api/v1/query/explain", method = "get", operation_id = "explainQuery", tag = "Group::Logs")]
    async fn explain_query(&self, key: Authorized<Read>, request: &Request) -> Result<ExplainAnswer> {
        explain::handle(&self.0, &key, request).await
    }

    /// Count logs
    ///
    /// Returns exact counts per service and per severity, and the time of each service's newest log. As fast
    /// with a hundred million logs as with ten.
    #[oai(path = "/stats", method = "get", operation_id = "getStats", tag = "Group::Logs")]
    async fn get_stats(&self, key: Authorized<Read>, request: &Request) -> Result<StatsAnswer> {
        stats::handle(&self.0, &key, request).await
    }
}

fn example_id() -> i64 {
    1842
}

/// What the document says of these operations beside what their code says.
pub(super) const NOTES: &[OperationNotes] = &[
    OperationNotes {
        operations: &["searchLogs", "listLogs", "listRecentLogs", "explainQuery"],
        query: &[names::FILTER, names::PAGING],
        problems: &[],
    },
    OperationNotes { operations: &["deleteLogs"], query: &[names::FILTER, names::DELETE], problems: &[] },
    OperationNotes {
        operations: &["getLogContext", "getLogContextV1"],
        query: &[names::CONTEXT, names::FILTER],
        problems: &[],
    },
    OperationNotes {
        operations: &["getLog", "getLogV1", "getLogContext", "getLogContextV1"],
        query: &[],
        problems: &[ProblemNote { status: 404, description: "There is no log with this id." }],
    },
];
