//! How retention rules and their previews look in answers.

use domain::{RetentionRule, Timestamp};
use poem_openapi::Object;

use crate::retention::Outcome;

/// A rule by which old logs are deleted.
#[derive(Object)]
#[oai(rename = "RetentionRule", read_only_all)]
pub(super) struct RuleSchema {
    /// Unique; never given twice.
    #[oai(validator(minimum(value = "1")))]
    id: i64,
    /// What its owner calls it.
    name: String,
    /// Which logs it is about, as the query string of `GET /logs`; empty: all.
    filter: String,
    /// How long ago a log may have arrived; null: any time.
    max_age: Option<String>,
    /// How much the logs may take in the store, all together; null: any size.
    max_bytes: Option<String>,
    /// When it was made: RFC 3339, UTC.
    created_at: String,
}

/// What a retention rule would delete now.
#[derive(Object)]
#[oai(rename = "RetentionPreview", read_only_all)]
pub(super) struct PreviewSchema {
    /// The rule's id; null: it is not made yet.
    id: Option<i64>,
    /// What its owner calls it.
    name: String,
    /// How many logs it would delete now: exact.
    would_delete: u64,
    /// Logs that arrived at this time or later are kept: RFC 3339, UTC. Null: all are.
    keeps_from: Option<String>,
}

impl From<RetentionRule> for RuleSchema {
    fn from(kept: RetentionRule) -> Self {
        let RetentionRule { id, rule } = kept;
        Self {
            id,
            name: rule.name,
            filter: rule.filter,
            max_age: rule.keep.max_age().map(|age| age.to_string()),
            max_bytes: rule.keep.max_bytes().map(|size| size.to_string()),
            created_at: rule.created_at.to_string(),
        }
    }
}

impl PreviewSchema {
    pub(super) fn new(id: Option<i64>, name: String, outcome: &Outcome) -> Self {
        let keeps_from = outcome.keeps_from.map(|time: Timestamp| time.to_string());
        Self { id, name, would_delete: outcome.deleted, keeps_from }
    }
}
