//! A store of logs as questions see it: of each tenant's only so many are asked at a time, and so many more wait for a
//! moment. What is cheap whatever is stored (a record by its id, the counters) is not counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::{Filter, LogRecord, Page, Tenant, Timestamp};
use store::{
    Append, Appended, Buckets, CounterEntry, Counts, KeyedAppend, LogStore, RecordOutcome, Scan, ScanPage,
    SearchPage, StoreError,
};
use tokio::sync::watch;

use crate::places::{TenantPlace, TenantPlaces};

/// How long a question waits for others of its tenant's.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(3);

/// A store that each tenant asks so much of at a time.
pub struct FairLogStore {
    inner: Arc<dyn LogStore>,
    places: TenantPlaces,
}

impl FairLogStore {
    /// Makes it: a tenant asks `at_once` questions at a time, and `waiting` more wait.
    pub fn new(inner: Arc<dyn LogStore>, at_once: usize, waiting: usize) -> Self {
        Self { inner, places: TenantPlaces::new(at_once, waiting) }
    }

    /// Returns the store itself, for whom a place is taken already.
    pub(crate) fn inner(&self) -> Arc<dyn LogStore> {
        Arc::clone(&self.inner)
    }

    /// Waits until a question may be asked that is to be answered by `deadline`.
    pub(crate) async fn place(
        &self,
        tenant: &Tenant,
        deadline: Option<Instant>,
    ) -> Result<TenantPlace, StoreError> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let place = self.places.take(tenant, left.map_or(WAIT_MAX, |left| left.min(WAIT_MAX))).await;
        place.map_err(|_| StoreError::TooManyQuestions {
            at_once: self.places.per_tenant(),
            waiting: self.places.waiting_per_tenant(),
        })
    }
}

#[async_trait]
impl LogStore for FairLogStore {
    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.inner.append(append).await
    }

    async fn append_keyed(&self, append: KeyedAppend) -> Result<Vec<RecordOutcome>, StoreError> {
        self.inner.append_keyed(append).await
    }

    async fn search(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        deadline: Instant,
    ) -> Result<SearchPage, StoreError> {
        let _place = self.place(tenant, Some(deadline)).await?;
        self.inner.search(tenant, filter, page, deadline).await
    }

    async fn get(&self, tenant: &Tenant, id: i64) -> Result<Option<LogRecord>, StoreError> {
        self.inner.get(tenant, id).await
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        scan: &Scan,
        deadline: Instant,
    ) -> Result<ScanPage, StoreError> {
        let _place = self.place(tenant, Some(deadline)).await?;
        self.inner.scan(tenant, filter, scan, deadline).await
    }

    fn watch_last_id(&self) -> watch::Receiver<i64> {
        self.inner.watch_last_id()
    }

    async fn count_by(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        buckets: Option<&Buckets>,
        deadline: Instant,
    ) -> Result<Counts, StoreError> {
        let _place = self.place(tenant, Some(deadline)).await?;
        self.inner.count_by(tenant, filter, buckets, deadline).await
    }

    async fn counters(&self, tenant: &Tenant) -> Result<Vec<CounterEntry>, StoreError> {
        self.inner.counters(tenant).await
    }

    async fn arrival_that_fits(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        max_bytes: u64,
    ) -> Result<Option<Timestamp>, StoreError> {
        let _place = self.place(tenant, None).await?;
        self.inner.arrival_that_fits(tenant, filter, max_bytes).await
    }

    async fn delete(&self, tenant: &Tenant, filter: &Filter, dry_run: bool) -> Result<u64, StoreError> {
        let _place = self.place(tenant, None).await?;
        self.inner.delete(tenant, filter, dry_run).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

#[cfg(test)]
mod tests {
    use store::MemoryLogStore;
    use testkit::build::tenant;

    use super::*;

    #[tokio::test]
    async fn a_tenants_questions_take_turns_and_those_of_others_do_not_wait_for_them() {
        let store = FairLogStore::new(Arc::new(MemoryLogStore::default()), 1, 0);
        let place = store.place(&tenant("a"), None).await.unwrap();
        let ask = async |of| {
            let (of, everything, page) = (tenant(of), Filter::default(), Page::default());
            let deadline = Instant::now() + Duration::from_secs(60);
            let scan = Scan { after: 0, order: domain::Order::Ascending, limit: 1, max_bytes: usize::MAX };
            [
                store.search(&of, &everything, &page, deadline).await.err(),
                store.scan(&of, &everything, &scan, deadline).await.err(),
                store.count(&of, &everything, deadline).await.err(),
                store.delete(&of, &everything, true).await.err(),
            ]
        };

        let refused = ask("a").await;
        assert!(ask("b").await.iter().all(Option::is_none));
        assert!(store.counters(&tenant("a")).await.is_ok(), "the counters are cheap");
        drop(place);

        for error in refused {
            let error = error.expect("nobody may wait");
            assert!(matches!(error, StoreError::TooManyQuestions { at_once: 1, waiting: 0 }), "{error}");
        }
        assert!(ask("a").await.iter().all(Option::is_none));
    }
}
