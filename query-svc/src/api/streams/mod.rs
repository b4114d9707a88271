//! Answers that are streams: the live tail, and exports.

mod export_logs;
mod names;
mod payloads;
mod tail_logs;

use std::sync::Arc;

use poem::{Request, Result};
use poem_openapi::OpenApi;
use sentinel_http::{Authorized, OperationNotes, Problem, ProblemNote, Read, Readiness};
use store::LogStore;

use super::{Context, Group};
use crate::config::ReadOptions;
use crate::export::{ExportLimits, Exports};
use crate::memory::MemoryLimits;
use crate::params::names::FILTER;
use crate::places::AllTaken;
use crate::tail::Tails;
use export_logs::{ExportAnswer, ReportAnswer};
use tail_logs::TailAnswer;

/// The operations that answer with streams.
pub struct StreamsApi(pub Context);

/// What the streams of a service have in common. Clones share it.
#[derive(Clone)]
pub struct Streams {
    /// Where logs are kept. Streams have bounds of their own.
    pub(super) store: Arc<dyn LogStore>,
    pub(super) tails: Arc<Tails>,
    pub(super) exports: Arc<Exports>,
    pub(super) readiness: Readiness,
}

impl Streams {
    /// Makes the streams of a service; live ones end when it is not ready any more.
    pub fn new(
        store: &Arc<dyn LogStore>,
        options: &ReadOptions,
        memory: MemoryLimits,
        readiness: Readiness,
    ) -> Self {
        let tails = Arc::new(Tails::new(Arc::clone(store), options.tail.into(), memory.tail_bytes));
        let exports = Arc::new(Exports::new(ExportLimits::within(options.export, memory.export_bytes)));
        Self { store: Arc::clone(store), tails, exports, readiness }
    }
}

/// When to come back after all places were taken.
const RETRY_AFTER_SECONDS: u32 = 10;

fn too_many(what: &str, code: &'static str, taken: AllTaken) -> Problem {
    match taken {
        AllTaken::InAll { max } => {
            let detail = format!("there are as many {what} as there may be: {max}");
            Problem::unavailable(code, detail, RETRY_AFTER_SECONDS)
        }
        AllTaken::OfTenant { max } => {
            let detail = format!("this tenant has as many {what} as it may: {max}");
            Problem::too_many_requests(code, detail, RETRY_AFTER_SECONDS)
        }
    }
}

const TOO_MANY: ProblemNote = ProblemNote {
    status: 429,
    description: "The tenant has as many as it may, or the key's quota is used up.",
};

/// What the document says of these operations beside what their code says.
pub(super) const NOTES: &[OperationNotes] = &[
    OperationNotes {
        operations: &["tailLogs", "tailLogsV1"],
        query: &[FILTER, names::TAIL],
        problems: &[TOO_MANY],
    },
    OperationNotes { operations: &["exportLogs"], query: &[FILTER, names::EXPORT], problems: &[TOO_MANY] },
    OperationNotes { operations: &["getReport"], query: &[FILTER], problems: &[TOO_MANY] },
];

#[OpenApi]
impl StreamsApi {
    /// Follow logs
    ///
    /// Sends the logs that all given filters select as server-sent events, in the order in which they were stored, each
    /// as soon as it is. `Last-Event-ID`, or a first time such as `from`, sends what is there already first, without a gap
    /// or a repeat in between. `event: log` carries a log, and its id; a reader that is too slow for what comes in is
    /// moved to the present with `event: gap`, which says how many logs it missed.
    #[oai(path = "/logs/tail", method = "get", operation_id = "tailLogs", tag = "Group::Logs")]
    async fn tail_logs(&self, key: Authorized<Read>, request: &Request) -> Result<TailAnswer> {
        tail_logs::handle(&self.0, &key, request).await
    }

    /// Follow logs
    ///
    /// The same as `GET /logs/tail`.
    #[oai(path = "/api/v1/logs/tail", method = "get", operation_id = "tailLogsV1", tag = "Group::Logs")]
    async fn tail_logs_v1(&self, key: Authorized<Read>, request: &Request) -> Result<TailAnswer> {
        tail_logs::handle(&self.0, &key, request).await
    }

    /// Export logs
    ///
    /// Returns all logs that the given filters select, in the order in which they were stored, as one file: CSV with all
    /// columns, or a log's JSON a line. Logs that come in meanwhile are not in it. In CSV, a text that a spreadsheet would
    /// run has a `'` in front. Travels compressed for clients that accept zstd or gzip.
    #[oai(path = "/api/v1/logs/export", method = "get", operation_id = "exportLogs", tag = "Group::Logs")]
    async fn export_logs(&self, key: Authorized<Read>, request: &Request) -> Result<ExportAnswer> {
        export_logs::handle_export(&self.0, &key, request).await
    }

    /// Export logs for a report
    ///
    /// The same as `GET /api/v1/logs/export`, as CSV with the columns `id,timestamp,level,message`.
    #[oai(path = "/report/csv", method = "get", operation_id = "getReport", tag = "Group::Logs")]
    async fn report(&self, key: Authorized<Read>, request: &Request) -> Result<ReportAnswer> {
        export_logs::handle_report(&self.0, &key, request).await
    }
}
