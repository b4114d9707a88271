//! The trait [`LogStore`]: what every engine does with logs, and the values that go in and out.

use std::time::Instant;

use async_trait::async_trait;
use domain::{Filter, LogRecord, Page, Position, RecordBatch, Severity, Tenant, TimeRange, Timestamp};

use crate::StoreError;

/// Records to store together, or not at all.
#[derive(Debug, Clone)]
pub struct Append {
    /// Whose records they are.
    pub tenant: Tenant,
    /// The records; at least one.
    pub batch: RecordBatch,
    /// What makes a repeat of this append harmless.
    pub idempotency: Option<Idempotency>,
}

/// Names an append, so that a repeat of it stores nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key; unique within the tenant for 24 h.
    pub key: String,
    /// SHA-256 of the request: the same key with another one is [`StoreError::IdempotencyConflict`].
    pub request_digest: [u8; 32],
}

/// Where records were stored: their ids are consecutive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The first record's id.
    pub first_id: i64,
    /// The last record's id.
    pub last_id: i64,
}

/// A slice of the selected records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPage {
    /// The records, in the page's order.
    pub records: Vec<LogRecord>,
    /// Where the next page starts; `None`: there is none.
    pub next: Option<Position>,
    /// Whether the search got to its end. `false`: the deadline came first, and records that belong in
    /// this slice may be missing.
    pub complete: bool,
}

/// How many records a service sent with one severity, and when the last of them happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterEntry {
    /// The service.
    pub service: String,
    /// The severity.
    pub severity: Severity,
    /// How many records; at least one.
    pub count: u64,
    /// The latest timestamp among them.
    pub last_timestamp: Timestamp,
}

/// Equal spans of time, side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    /// Where the first one starts, in microseconds since the Unix epoch.
    pub start_micros: i64,
    /// How long each is, in microseconds; positive.
    pub width_micros: i64,
    /// How many there are.
    pub count: usize,
}

impl Buckets {
    /// Returns the span that all buckets cover together.
    #[must_use]
    pub fn range(&self) -> TimeRange {
        let length = self.width_micros.saturating_mul(i64::try_from(self.count).unwrap_or(i64::MAX));
        TimeRange { from: Some(self.start_micros), to: Some(self.start_micros.saturating_add(length)) }
    }

    /// Returns the bucket that holds `time`.
    #[must_use]
    pub fn index_of(&self, time: Timestamp) -> Option<usize> {
        let since_start = time.as_micros().checked_sub(self.start_micros)?;
        let index = usize::try_from(since_start.div_euclid(self.width_micros)).ok()?;
        (index < self.count).then_some(index)
    }
}

/// Keeps logs, tenant by tenant.
///
/// Every engine passes the suite in `conformance`. What one process appends, every process that has the
/// same store open sees from the instant that `append` returns.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Stores records and returns their ids once they are durable (they outlive a power cut) and visible to
    /// every other call. Repeated with the same [`Idempotency`] it stores nothing and returns the first ids.
    ///
    /// # Errors
    /// [`StoreError::Unknown`]: they may be stored or not. Every other error: nothing is stored.
    async fn append(&self, append: Append) -> Result<Appended, StoreError>;

    /// Returns a slice of the records that `filter` selects. Stops at `deadline` with what it has.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn search(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        deadline: Instant,
    ) -> Result<SearchPage, StoreError>;

    /// Returns the record with this id, unless there is none or it is another tenant's.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn get(&self, tenant: &Tenant, id: i64) -> Result<Option<LogRecord>, StoreError>;

    /// Counts the records that `filter` selects.
    ///
    /// # Errors
    /// [`StoreError::DeadlineExceeded`] when it is not done at `deadline`.
    async fn count(&self, tenant: &Tenant, filter: &Filter, deadline: Instant) -> Result<u64, StoreError>;

    /// Returns the exact counts per service and severity, sorted by both, at a cost that does not depend on
    /// the number of records.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn counters(&self, tenant: &Tenant) -> Result<Vec<CounterEntry>, StoreError>;

    /// Counts the records that `filter` selects per bucket of their timestamps; one number a bucket.
    ///
    /// # Errors
    /// [`StoreError::DeadlineExceeded`] when it is not done at `deadline`.
    async fn histogram(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        buckets: &Buckets,
        deadline: Instant,
    ) -> Result<Vec<u64>, StoreError>;

    /// Returns the earliest time of arrival such that the records that `filter` selects and that arrived then or
    /// later take at most `max_bytes` of the store; `None` when all of them do. Exact to the unit in which an
    /// engine stores records: what retention by size needs.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn arrival_that_fits(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        max_bytes: u64,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Deletes the records that `filter` selects, of those that are stored when the call begins, and returns
    /// how many they were. They are gone from every other call when it returns. With `dry_run` it only counts.
    ///
    /// # Errors
    /// [`StoreError`]; some of the records may be deleted then.
    async fn delete(&self, tenant: &Tenant, filter: &Filter, dry_run: bool) -> Result<u64, StoreError>;

    /// Says whether the store can take records and answer queries now: what readiness asks.
    ///
    /// # Errors
    /// The [`StoreError`] that an append or a search would meet.
    async fn check(&self) -> Result<(), StoreError>;

    /// Finishes what was accepted and releases every resource. Later calls fail with [`StoreError::Closed`].
    ///
    /// # Errors
    /// [`StoreError`]; what was acknowledged is safe nevertheless.
    async fn close(&self) -> Result<(), StoreError>;
}
