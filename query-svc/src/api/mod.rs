//! The routes of query-svc, on one page. Each operation has a file of its own.

mod add_rule;
mod delete_logs;
mod get_log;
mod list_logs;
mod list_rules;
mod preview_rules;
mod record_schema;
mod remove_rule;
mod rule_body;
mod rule_schema;
mod search_logs;
mod stats;
#[cfg(test)]
pub(crate) mod tests;
mod timeseries;

use std::sync::Arc;

use domain::Clock;
use poem::{Request, Result};
use poem_openapi::param::Path;
use poem_openapi::{OpenApi, Tags};
use sentinel_http::{Authorized, Delete, Notes, OperationNotes, ProblemNote, Read};
use store::{LogStore, RetentionStore};

use crate::params::names;
use add_rule::AddAnswer;
use delete_logs::DeleteAnswer;
use get_log::LogAnswer;
use list_logs::EnvelopeAnswer;
use list_rules::RulesAnswer;
use preview_rules::PreviewsAnswer;
use remove_rule::RemoveAnswer;
use rule_body::RuleBody;
use search_logs::LogsAnswer;
use stats::StatsAnswer;
use timeseries::SeriesAnswer;

/// The operations of query-svc.
#[derive(Clone)]
pub struct QueryApi {
    /// Where logs are kept.
    pub store: Arc<dyn LogStore>,
    /// Where retention rules are kept.
    pub retention: Arc<dyn RetentionStore>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

/// The groups that Swagger UI shows operations in.
#[derive(Tags)]
enum Group {
    /// Finding, counting and deleting logs.
    Logs,
    /// Rules that delete old logs by themselves.
    Retention,
}

#[OpenApi]
impl QueryApi {
    /// Search logs
    ///
    /// Returns the logs that all given filters select, newest first, as a bare array. When there are more, the
    /// header `Link` has the address of the next page and `X-Next-Cursor` its cursor.
    #[oai(path = "/logs", method = "get", operation_id = "searchLogs", tag = "Group::Logs")]
    async fn search_logs(&self, key: Authorized<Read>, request: &Request) -> Result<LogsAnswer> {
        search_logs::handle(self, &key, request).await
    }

    /// Search logs, and count them
    ///
    /// Returns the logs that all given filters select, as `GET /logs` does, in an envelope: with the exact number of
    /// all of them, and the cursor of the next page.
    #[oai(path = "/api/v1/logs", method = "get", operation_id = "listLogs", tag = "Group::Logs")]
    async fn list_logs(&self, key: Authorized<Read>, request: &Request) -> Result<EnvelopeAnswer> {
        list_logs::handle(self, &key, request).await
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
        get_log::handle(self, &key, id.0).await
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
        get_log::handle(self, &key, id.0).await
    }

    /// Delete logs
    ///
    /// Deletes the logs that all given filters select. At least one filter is required. They are gone from
    /// every answer when this one arrives.
    #[oai(path = "/logs", method = "delete", operation_id = "deleteLogs", tag = "Group::Logs")]
    async fn delete_logs(&self, key: Authorized<Delete>, request: &Request) -> Result<DeleteAnswer> {
        delete_logs::handle(self, &key, request).await
    }

    /// Count logs
    ///
    /// Returns exact counts per service and per severity, and the time of each service's newest log. As fast
    /// with a hundred million logs as with ten.
    #[oai(path = "/stats", method = "get", operation_id = "getStats", tag = "Group::Logs")]
    async fn get_stats(&self, key: Authorized<Read>, request: &Request) -> Result<StatsAnswer> {
        stats::handle(self, &key, request).await
    }

    /// Count logs over time
    ///
    /// Returns how many of the logs that all given filters select happened in each interval; also where there are
    /// none. The first interval starts at a multiple of its length, at `from` or before it.
    #[oai(
        path = "/api/v1/metrics/timeseries",
        method = "get",
        operation_id = "getTimeseries",
        tag = "Group::Logs"
    )]
    async fn get_timeseries(&self, key: Authorized<Read>, request: &Request) -> Result<SeriesAnswer> {
        timeseries::handle(self, &key, request).await
    }

    /// List retention rules
    ///
    /// Returns the rules by which old logs are deleted, oldest first.
    #[oai(
        path = "/api/v1/retention-rules",
        method = "get",
        operation_id = "listRetentionRules",
        tag = "Group::Retention"
    )]
    async fn list_rules(&self, key: Authorized<Delete>, request: &Request) -> Result<RulesAnswer> {
        list_rules::handle(self, &key, request).await
    }

    /// Make a retention rule
    ///
    /// From now on, the logs that its filter selects are deleted when they arrived longer ago than `max_age`, or
    /// when newer ones take `max_bytes`; by the time of arrival, whatever their senders say. Applied every minute.
    #[oai(
        path = "/api/v1/retention-rules",
        method = "post",
        operation_id = "addRetentionRule",
        tag = "Group::Retention"
    )]
    async fn add_rule(
        &self,
        key: Authorized<Delete>,
        request: &Request,
        body: RuleBody,
    ) -> Result<AddAnswer> {
        add_rule::handle(self, &key, request, body).await
    }

    /// Preview retention rules
    ///
    /// Returns for every rule how many logs it would delete now, exactly, and from which time of arrival on it
    /// keeps them. A log that two rules select is counted by both.
    #[oai(
        path = "/api/v1/retention-rules/preview",
        method = "get",
        operation_id = "previewRetentionRules",
        tag = "Group::Retention"
    )]
    async fn preview_rules(&self, key: Authorized<Delete>, request: &Request) -> Result<PreviewsAnswer> {
        preview_rules::handle(self, &key, request).await
    }

    /// Remove a retention rule
    ///
    /// What it has deleted stays deleted.
    #[oai(
        path = "/api/v1/retention-rules/:id",
        method = "delete",
        operation_id = "removeRetentionRule",
        tag = "Group::Retention"
    )]
    async fn remove_rule(
        &self,
        key: Authorized<Delete>,
        request: &Request,
        /// The rule's id.
        #[oai(example = "example_rule_id")]
        id: Path<i64>,
    ) -> Result<RemoveAnswer> {
        remove_rule::handle(self, &key, request, id.0).await
    }
}

fn example_id() -> i64 {
    1842
}

fn example_rule_id() -> i64 {
    3
}

/// What the document says of the operations beside what their code says.
#[derive(Debug)]
pub struct QueryNotes;

impl Notes for QueryNotes {
    const OPERATIONS: &'static [OperationNotes] = &[
        OperationNotes {
            operations: &["searchLogs", "listLogs"],
            query: &[names::FILTER, names::PAGING],
            problems: &[],
        },
        OperationNotes {
            operations: &["getTimeseries"],
            query: &[names::FILTER, names::SERIES],
            problems: &[],
        },
        OperationNotes { operations: &["deleteLogs"], query: &[names::FILTER, names::DELETE], problems: &[] },
        OperationNotes {
            operations: &["getLog", "getLogV1"],
            query: &[],
            problems: &[ProblemNote { status: 404, description: "There is no log with this id." }],
        },
        OperationNotes {
            operations: &["addRetentionRule"],
            query: &[names::NEW_RULE],
            problems: &[
                ProblemNote { status: 409, description: "There are as many rules as there may be: 100." },
                ProblemNote { status: 507, description: "The disk is full; no rule was made." },
            ],
        },
        OperationNotes {
            operations: &["removeRetentionRule"],
            query: &[],
            problems: &[ProblemNote { status: 404, description: "There is no rule with this id." }],
        },
    ];
}
