//! [`SqliteLogStore`]: the engine as the rest of the house sees it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::{Filter, LogRecord, Page, Tenant, Timestamp};
use store::{
    Append, Appended, Buckets, CounterEntry, Counts, KeyedAppend, LogStore, ReadLimits, RecordOutcome, Scan,
    ScanPage, SearchPage, StoreError, StoreLimits,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::append::{CommitQueue, Committer, channel};
use crate::database::{Database, OpenError, READ_MAX, Reader, Schema, StoreDirectory, Writer, classify};
use crate::decoding::busily;
use crate::delete::Deletion;
use crate::disk_reserve::{DiskWatch, look_at};
use crate::last_id::LastIdWatch;
use crate::merge::{MergeSignal, Merger};
use crate::shrink::shrink_file;
use crate::verify::StartCheck;
use crate::{counters, search};

/// How much longer than its deadline a search may take, to read the records that it has found by then.
const RECORDS_READ_MAX: Duration = Duration::from_secs(5);

/// How long readiness waits for an answer.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// Logs in one SQLite file. Several processes may have it open: each appends, reads and deletes.
#[derive(Debug)]
pub struct SqliteLogStore {
    reader: Reader,
    read_limits: ReadLimits,
    writer: Arc<Writer>,
    /// `None` once the store is closed.
    queue: Mutex<Option<Arc<CommitQueue>>>,
    committer: Mutex<Option<JoinHandle<()>>>,
    deletion: Arc<Deletion>,
    /// Work that outlives the request that began it.
    background: TaskTracker,
    /// Readiness asks through a reader of its own, so that slow queries do not make the store look dead.
    probe: Reader,
    start_check: StartCheck,
    disk: DiskWatch,
    last_id: LastIdWatch,
    closing: CancellationToken,
    failed: CancellationToken,
}

impl SqliteLogStore {
    /// Opens the logs of a directory with the usual limits; makes the file if it is not there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(directory: &StoreDirectory) -> Result<Self, OpenError> {
        Self::open_with(directory, &StoreLimits::default()).await
    }

    /// Opens the logs of a directory; makes the file if it is not there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_with(directory: &StoreDirectory, limits: &StoreLimits) -> Result<Self, OpenError> {
        let database = Database::prepare(directory, directory.logs_file(), &Schema::LOGS).await?;
        // Pools of their own, so that neither commits nor readiness ever wait for queries.
        let StoreLimits { append: limits, read: read_limits } = *limits;
        let reader = database.reader_of(read_limits.readers);
        let (committers_reader, probe) = (database.reader(), database.reader());
        let (failed, closing) = (CancellationToken::new(), CancellationToken::new());
        let (background, start_check) = (TaskTracker::new(), StartCheck::default());
        background.spawn(start_check.clone().run(database.reader(), closing.clone()));
        let writer = Arc::new(Writer::new(database.clone(), failed.clone()));
        let last_id = LastIdWatch::default();
        background.spawn(last_id.clone().run(database.clone(), closing.clone()));
        let disk = DiskWatch::new(limits.disk_reserve, look_at(directory.path()));
        background.spawn(disk.clone().run(closing.clone()));
        let (queue, requests) = channel(&limits);
        let merges = MergeSignal::default();
        let merger = Merger::new(
            merges.clone(),
            Arc::clone(&writer),
            database.reader(),
            start_check.clone(),
            closing.clone(),
            limits.merged_max_bytes,
        );
        background.spawn(merger.run());
        let committer = Committer::new(
            requests,
            Arc::clone(&writer),
            committers_reader,
            merges,
            failed.clone(),
            limits.group_max_bytes,
        );
        Ok(Self {
            deletion: Arc::new(Deletion::new(
                Arc::clone(&writer),
                reader.clone(),
                read_limits,
                closing.clone(),
            )),
            reader,
            read_limits,
            writer,
            queue: Mutex::new(Some(Arc::new(queue))),
            committer: Mutex::new(Some(tokio::spawn(committer.run()))),
            background,
            probe,
            start_check,
            disk,
            last_id,
            closing,
            failed,
        })
    }

    /// Returns a token that is cancelled when the store cannot go on: the process then has to stop, and a
    /// new one finds everything that was acknowledged.
    #[must_use]
    pub fn failed(&self) -> CancellationToken {
        self.failed.clone()
    }

    /// Returns a merger beside the one in the background.
    #[cfg(test)]
    pub(crate) fn merger(&self) -> Merger {
        Merger::new(
            MergeSignal::default(),
            Arc::clone(&self.writer),
            self.reader.clone(),
            self.start_check.clone(),
            self.closing.clone(),
            store::append_limits::MERGED_MAX_BYTES,
        )
    }

    fn queue(&self) -> Result<Arc<CommitQueue>, StoreError> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)
    }
}

#[async_trait]
impl LogStore for SqliteLogStore {
    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.start_check.pass()?;
        self.disk.pass()?;
        self.queue()?.append(append).await
    }

    async fn append_keyed(&self, append: KeyedAppend) -> Result<Vec<RecordOutcome>, StoreError> {
        self.start_check.pass()?;
        self.disk.pass()?;
        self.queue()?.append_keyed(append).await
    }

    async fn search(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        deadline: Instant,
    ) -> Result<SearchPage, StoreError> {
        let mut snapshot = self.reader.begin(deadline + RECORDS_READ_MAX).await?;
        let (tenant, filter, page, limits) = (tenant.clone(), filter.clone(), *page, self.read_limits);
        let search =
            async move { search::search(&mut snapshot, &tenant, &filter, &page, &limits, deadline).await };
        busily(search).await
    }

    async fn get(&self, tenant: &Tenant, id: i64) -> Result<Option<LogRecord>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let tenant = tenant.clone();
        busily(async move { search::get(&mut snapshot, &tenant, id).await }).await
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        scan: &Scan,
        deadline: Instant,
    ) -> Result<ScanPage, StoreError> {
        let mut snapshot = self.reader.begin(deadline + RECORDS_READ_MAX).await?;
        search::scan(&mut snapshot, tenant, filter, scan, &self.read_limits, deadline).await
    }

    fn watch_last_id(&self) -> watch::Receiver<i64> {
        self.last_id.subscribe()
    }

    async fn count_by(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        buckets: Option<&Buckets>,
        deadline: Instant,
    ) -> Result<Counts, StoreError> {
        let mut snapshot = self.reader.begin(deadline + RECORDS_READ_MAX).await?;
        search::count_by(&mut snapshot, tenant, filter, buckets, &self.read_limits, deadline).await
    }

    async fn counters(&self, tenant: &Tenant) -> Result<Vec<CounterEntry>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        counters::read(&mut snapshot, tenant).await
    }

    async fn arrival_that_fits(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        max_bytes: u64,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        search::arrival_that_fits(&mut snapshot, tenant, filter, max_bytes).await
    }

    async fn delete(&self, tenant: &Tenant, filter: &Filter, dry_run: bool) -> Result<u64, StoreError> {
        self.queue()?;
        if dry_run {
            return self.deletion.rehearse(tenant, filter).await;
        }
        self.start_check.pass()?;
        // A task of its own: a client that goes away must not stop a delete half way.
        let (deletion, tenant, filter) = (Arc::clone(&self.deletion), tenant.clone(), filter.clone());
        let deleted = self.background.spawn(async move { deletion.delete(&tenant, &filter).await }).await;
        let deleted = deleted.unwrap_or_else(|panic| Err(StoreError::Unknown(panic.into())))?;
        if deleted > 0 {
            self.background.spawn(shrink(Arc::clone(&self.writer), self.closing.clone()));
        }
        Ok(deleted)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.queue()?;
        if self.failed.is_cancelled() {
            return Err(StoreError::Fatal("the committer stopped".into()));
        }
        self.start_check.pass()?;
        let mut snapshot = self.probe.begin(Instant::now() + PROBE_MAX).await?;
        let readable = sqlx::query("SELECT last_id FROM record_ids").fetch_one(&mut *snapshot).await;
        readable.map(drop).map_err(classify)
    }

    async fn close(&self) -> Result<(), StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(queue.ok_or(StoreError::Closed)?);
        let committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(committer) = committer {
            committer.await.map_err(|panic| StoreError::Fatal(panic.into()))?;
        }
        self.closing.cancel();
        self.background.close();
        self.background.wait().await;
        self.reader.close().await;
        self.probe.close().await;
        self.writer.close().await
    }
}

async fn shrink(writer: Arc<Writer>, closing: CancellationToken) {
    if let Err(error) = shrink_file(&writer, &closing).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the file could not be made smaller");
    }
}

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod migration_tests;
#[cfg(test)]
mod tests;
