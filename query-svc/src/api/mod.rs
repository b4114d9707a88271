//! The routes of query-svc, by group. A group is a folder: its `mod.rs` is the page of its routes, and each operation
//! has a file beside it.
//!
//! | group | routes |
//! |---|---|
//! | [`logs`] | `/logs`, `/api/v1/logs`, `/stats`, `/api/v1/query/explain`: finding, counting and deleting logs |
//! | [`metrics`] | `/api/v1/metrics`, `/api/v1/services`, `/api/v1/fields`: summing logs up |
//! | [`streams`] | `/logs/tail`, `/api/v1/logs/export`, `/report/csv`: the live tail, and exports |
//! | [`retention`] | `/api/v1/retention-rules`: rules that delete old logs by themselves |
//! | [`keys`] | `/api/v1/keys`: a tenant's API keys |
//! | [`audit`] | `/api/v1/audit`: what was done by whom |
//! | [`auth`] | `/api/v1/auth`, `/setup`: logging in and out, access tokens, the set-up link |
//! | [`users`] | `/api/v1/users`: the users of a tenant |
//!
//! A new group is a folder with a struct around a [`Context`] and a table `NOTES`; it joins in three places: the
//! table above, [`QueryNotes`], and `app::Api`.
//!
//! What groups share: [`Context`], `record_schema` how a record looks in the document, `json_body` how a body is read, `noting`
//! how it is noted what was done.

pub mod audit;
pub mod auth;
mod json_body;
pub mod keys;
pub mod logs;
pub mod metrics;
mod noting;
mod record_schema;
pub mod retention;
pub mod streams;
#[cfg(test)]
pub(crate) mod tests;
pub mod users;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Clock;
use poem_openapi::Tags;
use sentinel_http::{Notes, OperationNotes, Readiness};
use store::{AuditStore, KeyStore, LogStore, RetentionStore, Stores, UserStore};

use crate::accounts::Passwords;
use crate::config::ReadOptions;
use crate::fair_store::FairLogStore;
use crate::memory::{MemoryBudget, MemoryLimits};
use crate::turn::Turns;
use streams::Streams;

/// What every operation needs. Cheap to clone: each group has its own.
#[derive(Clone)]
pub struct Context {
    /// Where logs are kept, of which each tenant asks so much at a time.
    pub store: Arc<dyn LogStore>,
    /// The turns of questions whose answers may be large.
    pub turns: Turns,
    /// Where retention rules are kept.
    pub retention: Arc<dyn RetentionStore>,
    /// Where keys are kept.
    pub keys: Arc<dyn KeyStore>,
    /// Where it is kept what was done by whom.
    pub audit: Arc<dyn AuditStore>,
    /// Where users and their sessions are kept.
    pub users: Arc<dyn UserStore>,
    /// What hashes and compares passwords.
    pub passwords: Arc<Passwords>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// How long a question may take.
    pub query_timeout: Duration,
    /// What live tails and exports have in common.
    pub streams: Streams,
}

impl Context {
    /// Makes the context of operations on these stores.
    #[must_use]
    pub fn new(stores: &Stores, options: &ReadOptions, readiness: &Readiness, clock: Arc<dyn Clock>) -> Self {
        let memory = MemoryLimits::from(&options.memory);
        let store = Arc::new(FairLogStore::new(
            Arc::clone(&stores.logs),
            options.tenant.tenant_max_queries,
            options.tenant.tenant_max_waiting_queries,
        ));
        let questions = MemoryBudget::new(memory.question_bytes);
        Self {
            streams: Streams::new(&stores.logs, options, memory, readiness.clone()),
            query_timeout: options.query.timeout(),
            turns: Turns::new(Arc::clone(&store), questions.clone(), memory.reads().question_bytes()),
            store,
            retention: Arc::clone(&stores.retention),
            keys: Arc::clone(&stores.keys),
            audit: Arc::clone(&stores.audit),
            users: Arc::clone(&stores.users),
            passwords: Arc::new(Passwords::new(questions.clone())),
            clock,
        }
    }

    /// Returns when a question that begins now has to be done.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.query_timeout
    }
}

/// The groups that Swagger UI shows operations in.
#[derive(Tags)]
pub(crate) enum Group {
    /// Finding, counting and deleting logs.
    Logs,
    /// Summing logs up: counts, rates, services, fields.
    Metrics,
    /// Rules that delete old logs by themselves.
    Retention,
    /// The keys that programs identify themselves with.
    Keys,
    /// What was done by whom.
    Audit,
    /// Logging in and out, and the users.
    Users,
}

/// What the document says of the operations beside what their code says: a table for each group.
#[derive(Debug)]
pub struct QueryNotes;

impl Notes for QueryNotes {
    const OPERATIONS: &'static [&'static [OperationNotes]] = &[
        logs::NOTES,
        streams::NOTES,
        metrics::NOTES,
        retention::NOTES,
        keys::NOTES,
        audit::NOTES,
        auth::NOTES,
        users::NOTES,
    ];
}
