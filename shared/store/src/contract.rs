//! The trait [`LogStore`]: what every engine does with logs, and the values that go in and out.

use std::time::Instant;

use async_trait::async_trait;
use domain::{Filter, LogRecord, Order, Page, Position, RecordBatch, Severity, Tenant, TimeRange, Timestamp};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

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

/// Records of which each may have a key of its own: those that are new are stored together, or not at all.
#[derive(Debug, Clone)]
pub struct KeyedAppend {
    /// Whose records they are.
    pub tenant: Tenant,
    /// The records; at least one.
    pub batch: RecordBatch,
    /// The key of each record, in the batch's order; `None`, or missing at the end: it has none and is always new.
    pub keys: Vec<Option<RecordKey>>,
}

/// Names a record, so that a repeat of it is not stored again: a digest of what its sender calls it. Unique within the
/// tenant for 24 h from the arrival of the record that was stored, also when that record is deleted meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordKey([u8; 16]);

/// What became of a record with a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    /// It was new, and is stored under this id.
    Stored(i64),
    /// Its key was known, and nothing is stored: the record that came first has this id. Whether it says the same is
    /// not looked at.
    Repeat(i64),
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
    /// Whether the slice is as long as it was asked for, or ends with the last record. `false`: the deadline came
    /// first. What is there is right nevertheless, and `next` goes on behind it, or where the search stopped.
    pub complete: bool,
    /// What it took.
    pub effort: Effort,
}

/// What a search had to look at: for whoever wonders why one is slow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effort {
    /// Blocks of records that lie in the time that is asked for, as far as the search went.
    pub blocks_considered: u64,
    /// Of these, the ones that their services, severities, times and ids ruled out.
    pub blocks_ruled_out_by_summary: u64,
    /// Of these, the ones that their token filters ruled out.
    pub blocks_ruled_out_by_tokens: u64,
    /// The blocks that were read: the ids of the first hundred.
    pub blocks_read: Vec<i64>,
    /// How many blocks were read.
    pub blocks_read_count: u64,
    /// The tokens that token filters were asked for.
    pub tokens: Vec<String>,
    /// The slices of token filters that were read.
    pub token_slices_read: u64,
    /// How many records were looked at one by one, as far as times, services and severities tell.
    pub records_considered: u64,
    /// How many records' texts were decoded.
    pub records_decoded: u64,
}

/// Where a scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan {
    /// Behind this id: above it where ids grow, below it where they fall.
    pub after: i64,
    /// Whether ids grow (ascending) or fall.
    pub order: Order,
    /// Most records to return.
    pub limit: usize,
    /// Most bytes of messages and attributes to return, unless the first record alone has more. An engine has a bound of
    /// its own.
    pub max_bytes: usize,
}

/// Records in the order of their ids, which is that of their commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPage {
    /// The records.
    pub records: Vec<LogRecord>,
    /// Everything was looked at up to this id, and it belongs to it: where the next scan goes on.
    pub reached: i64,
    /// Whether there was nothing beyond when the scan began.
    pub is_end: bool,
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

/// How many records there are per bucket, service and severity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// What was counted, sorted; every count is at least one.
    pub cells: Vec<CountCell>,
    /// Whether everything was counted. `false`: the deadline came first, and there are at least so many.
    pub complete: bool,
}

/// How many records of a service with a severity happened within a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountCell {
    /// The bucket's place; 0 where there are no buckets.
    pub bucket: usize,
    /// The service.
    pub service: String,
    /// The severity.
    pub severity: Severity,
    /// How many.
    pub count: u64,
}

impl Counts {
    /// Returns how many records were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.cells.iter().map(|cell| cell.count).sum()
    }
}

impl RecordKey {
    /// Returns the key of what a sender calls `id` among what it calls `scope`: the first half of a SHA-256.
    #[must_use]
    pub fn of(scope: &str, id: &str) -> Self {
        let mut digest = Sha256::new();
        // The length keeps `ab`, `c` apart from `a`, `bc`.
        digest.update((scope.len() as u64).to_le_bytes());
        digest.update(scope);
        digest.update(id);
        let mut key = [0; 16];
        key.copy_from_slice(&digest.finalize()[..16]);
        Self(key)
    }

    /// Returns the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Returns the key with this digest: for engines, which keep it.
    #[must_use]
    pub fn from_bytes(digest: [u8; 16]) -> Self {
        Self(digest)
    }
}

impl RecordOutcome {
    /// Returns the id of the record that is stored, whichever it is.
    #[must_use]
    pub fn id(self) -> i64 {
        match self {
            Self::Stored(id) | Self::Repeat(id) => id,
        }
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

    /// Stores those of the records whose keys are not known yet, as [`Self::append`] does, and returns what became of
    /// each, in the batch's order. Of equal keys in a batch the first is stored; the ids of those that are stored are
    /// consecutive.
    ///
    /// # Errors
    /// [`StoreError::Unknown`]: they may be stored or not. Every other error: nothing is stored.
    async fn append_keyed(&self, append: KeyedAppend) -> Result<Vec<RecordOutcome>, StoreError>;

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

    /// Returns records that `filter` selects in the order of their ids, from `scan.after` on. Returns fewer than
    /// asked for where it suits the engine, or at the deadline; [`ScanPage::reached`] says how far it got.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn scan(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        scan: &Scan,
        deadline: Instant,
    ) -> Result<ScanPage, StoreError>;

    /// Watches the last id that was given to a record, of whichever tenant. It changes soon after a commit, also one of
    /// another process, for as long as somebody watches; whoever begins to watch looks once for himself.
    fn watch_last_id(&self) -> watch::Receiver<i64>;

    /// Counts the records that `filter` selects per bucket of their timestamps, service and severity; those outside of
    /// all buckets not at all. Stops at `deadline` with what it has.
    ///
    /// # Errors
    /// [`StoreError::TooManyCounts`] beyond [`domain::limits::COUNTS_MAX`] cells; every other [`StoreError`].
    async fn count_by(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        buckets: Option<&Buckets>,
        deadline: Instant,
    ) -> Result<Counts, StoreError>;

    /// Counts the records that `filter` selects.
    ///
    /// # Errors
    /// [`StoreError::DeadlineExceeded`] when it is not done at `deadline`.
    async fn count(&self, tenant: &Tenant, filter: &Filter, deadline: Instant) -> Result<u64, StoreError> {
        let counts = self.count_by(tenant, filter, None, deadline).await?;
        if counts.complete { Ok(counts.total()) } else { Err(StoreError::DeadlineExceeded) }
    }

    /// Returns the exact counts per service and severity, sorted by both, at a cost that does not depend on
    /// the number of records.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn counters(&self, tenant: &Tenant) -> Result<Vec<CounterEntry>, StoreError>;

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
