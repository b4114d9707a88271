//! A store for tests: the reference store, which can be made to answer in small pages, or not at all, and counts its scans.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use domain::{Filter, LogRecord, Page, Tenant, Timestamp};
use store::{
    Append, Appended, Buckets, CounterEntry, Counts, KeyedAppend, LogStore, MemoryLogStore, RecordOutcome,
    Scan, ScanPage, SearchPage, StoreError,
};
use testkit::RecordBuilder;
use testkit::build::{batch, tenant};
use tokio::sync::watch;

/// The reference store in a test's hands.
pub(crate) struct TestStore {
    inner: MemoryLogStore,
    page_records_max: AtomicUsize,
    fails: AtomicBool,
    scans: AtomicUsize,
}

impl Default for TestStore {
    fn default() -> Self {
        Self {
            inner: MemoryLogStore::default(),
            page_records_max: AtomicUsize::new(usize::MAX),
            fails: AtomicBool::new(false),
            scans: AtomicUsize::new(0),
        }
    }
}

impl TestStore {
    /// Returns at most so many records at once from now on.
    pub(crate) fn answer_in_pages_of(&self, records: usize) {
        self.page_records_max.store(records, Ordering::Relaxed);
    }

    /// Fails every scan from now on, or none.
    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }

    /// Returns how many scans there were.
    pub(crate) fn scans(&self) -> usize {
        self.scans.load(Ordering::Relaxed)
    }

    /// Stores records of the tenant `of`; returns the last id.
    pub(crate) async fn add(&self, of: &str, records: &[RecordBuilder]) -> i64 {
        let append = Append { tenant: tenant(of), batch: batch(records), idempotency: None };
        self.append(append).await.unwrap().last_id
    }
}

#[async_trait]
impl LogStore for TestStore {
    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.inner.append(append).await
    }

    async fn append_keyed(&self, append: KeyedAppend) -> Result<Vec<RecordOutcome>, StoreError> {
        self.inner.append_keyed(append).await
    }

    async fn search(
        &self,
        of: &Tenant,
        filter: &Filter,
        page: &Page,
        by: Instant,
    ) -> Result<SearchPage, StoreError> {
        self.inner.search(of, filter, page, by).await
    }

    async fn get(&self, of: &Tenant, id: i64) -> Result<Option<LogRecord>, StoreError> {
        self.inner.get(of, id).await
    }

    async fn scan(
        &self,
        of: &Tenant,
        filter: &Filter,
        scan: &Scan,
        by: Instant,
    ) -> Result<ScanPage, StoreError> {
        self.scans.fetch_add(1, Ordering::Relaxed);
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("told to fail".into()));
        }
        let limit = scan.limit.min(self.page_records_max.load(Ordering::Relaxed));
        self.inner.scan(of, filter, &Scan { limit, ..*scan }, by).await
    }

    fn watch_last_id(&self) -> watch::Receiver<i64> {
        self.inner.watch_last_id()
    }

    async fn count_by(
        &self,
        of: &Tenant,
        filter: &Filter,
        buckets: Option<&Buckets>,
        by: Instant,
    ) -> Result<Counts, StoreError> {
        self.inner.count_by(of, filter, buckets, by).await
    }

    async fn counters(&self, of: &Tenant) -> Result<Vec<CounterEntry>, StoreError> {
        self.inner.counters(of).await
    }

    async fn arrival_that_fits(
        &self,
        of: &Tenant,
        filter: &Filter,
        max_bytes: u64,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.inner.arrival_that_fits(of, filter, max_bytes).await
    }

    async fn delete(&self, of: &Tenant, filter: &Filter, dry_run: bool) -> Result<u64, StoreError> {
        self.inner.delete(of, filter, dry_run).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}
