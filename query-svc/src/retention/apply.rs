//! What one rule deletes.

use domain::{Filter, NewRetentionRule, Timestamp};
use store::{LogStore, StoreError};

/// What a rule deleted, or would delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// How many records: exact.
    pub deleted: u64,
    /// Records that arrived then or later are kept; `None`: all are.
    pub keeps_from: Option<Timestamp>,
}

/// Deletes what a rule no longer keeps at `now`; `filter` is what the text of its filter means.
///
/// # Errors
/// [`StoreError`]; some of the records may be deleted then.
pub async fn apply(
    logs: &dyn LogStore,
    rule: &NewRetentionRule,
    filter: Filter,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    run(logs, rule, filter, now, false).await
}

/// Counts what [`apply`] would delete.
///
/// # Errors
/// [`StoreError`].
pub async fn rehearse(
    logs: &dyn LogStore,
    rule: &NewRetentionRule,
    filter: Filter,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    run(logs, rule, filter, now, true).await
}

async fn run(
    logs: &dyn LogStore,
    rule: &NewRetentionRule,
    mut filter: Filter,
    now: Timestamp,
    dry_run: bool,
) -> Result<Outcome, StoreError> {
    let by_age = rule.keep.max_age().map(|age| age.before(now));
    let by_size = match rule.keep.max_bytes() {
        Some(size) => logs.arrival_that_fits(&rule.tenant, &filter, size.as_bytes()).await?,
        None => None,
    };
    let by_size = by_size.map(Timestamp::as_micros);
    let Some(keeps_from) = by_age.max(by_size) else {
        return Ok(Outcome { deleted: 0, keeps_from: None });
    };
    filter.received_at.end_before(keeps_from);
    let deleted = logs.delete(&rule.tenant, &filter, dry_run).await?;
    Ok(Outcome { deleted, keeps_from: Some(Timestamp::saturating_from_micros(keeps_from)) })
}
