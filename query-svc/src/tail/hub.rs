//! What reads new records once for all tails of a tenant.
//!
//! A hub sleeps until the store says that there is a new last id. It then reads the tenant's new records, whatever they
//! are, and hands them on. While nothing new comes, nothing is done, however many tails there are; records of other
//! tenants cost one look, and wake no tail.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Filter, LogRecord, Order, Tenant};
use store::{LogStore, Scan, StoreError};
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::start::newest_id;
use crate::memory::{Claim, MemoryBudget};

/// Most records of a batch: if more came at once, each tail reads those that it wants by itself.
pub const BATCH_MAX_RECORDS: usize = 2000;

/// Most bytes of a batch's texts, for the same reason.
pub const BATCH_MAX_BYTES: usize = 1024 * 1024;

/// Most batches that wait for a tail; one that is further behind reads by itself. With [`BATCH_MAX_BYTES`] it bounds what a
/// hub holds: 32 MiB.
const BATCHES_WAITING_MAX: usize = 32;

/// Shortest time between two looks at the store: what comes meanwhile is read at once.
const LOOKS_AT_MOST_EVERY: Duration = Duration::from_millis(5);

/// How long a look may take.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// How long a hub waits after the store has failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What came in.
#[derive(Debug)]
pub struct Batch {
    /// The tenant's records above this id …
    pub after: i64,
    /// … up to and including this one …
    pub until: i64,
    /// … are these, all of them; `None`: there are too many, read them.
    pub records: Option<Vec<LogRecord>>,
    /// The memory that they take; given back when no tail has them any more.
    pub claim: Option<Claim>,
    /// When that was said.
    pub handed_on_at: Instant,
}

/// A hub, as long as somebody holds it.
#[derive(Debug)]
pub struct Hub {
    batches: broadcast::WeakSender<Arc<Batch>>,
    _stop: DropGuard,
}

/// The hub's own task.
struct Reading {
    store: Arc<dyn LogStore>,
    /// For batches that wait for tails.
    memory: MemoryBudget,
    tenant: Tenant,
    last_id: watch::Receiver<i64>,
    batches: broadcast::Sender<Arc<Batch>>,
    /// Everything up to here was looked at.
    position: i64,
    /// Everything up to here was handed on, or is no record of this tenant.
    handed_on: i64,
}

impl Hub {
    /// Starts a hub, whose task counts in `tasks`, and begins to listen to it.
    pub fn start(
        store: Arc<dyn LogStore>,
        memory: MemoryBudget,
        tenant: Tenant,
        tasks: &TaskTracker,
    ) -> (Self, broadcast::Receiver<Arc<Batch>>) {
        let (batches, listening) = broadcast::channel(BATCHES_WAITING_MAX);
        let stop = CancellationToken::new();
        let hub = Self { batches: batches.downgrade(), _stop: stop.clone().drop_guard() };
        let last_id = store.watch_last_id();
        let reading = Reading { store, memory, tenant, last_id, batches, position: 0, handed_on: 0 };
        tasks.spawn(async move { stop.run_until_cancelled(reading.run()).await });
        (hub, listening)
    }

    /// Begins to listen; `None`: the hub has ended.
    #[must_use]
    pub fn listen(&self) -> Option<broadcast::Receiver<Arc<Batch>>> {
        self.batches.upgrade().map(|batches| batches.subscribe())
    }
}

impl Reading {
    async fn run(mut self) {
        self.last_id.mark_unchanged();
        while let Err(error) = self.begin().await {
            self.note(&error);
            sleep(PAUSE_AFTER_FAILURE).await;
        }
        loop {
            match self.look().await {
                Ok(()) => sleep(LOOKS_AT_MOST_EVERY).await,
                Err(error) => {
                    self.note(&error);
                    sleep(PAUSE_AFTER_FAILURE).await;
                    continue;
                }
            }
            if self.last_id.changed().await.is_err() {
                tracing::warn!(tenant = %self.tenant, "the store says no more what comes in: live tails end");
                return;
            }
        }
    }

    /// Finds out where new records begin. Who began to listen before that, and has read all that there was then, has not
    /// read what came until now: so the first batch says how far there is something.
    async fn begin(&mut self) -> Result<(), StoreError> {
        self.position = newest_id(&*self.store, &self.tenant, Instant::now() + LOOK_MAX).await?;
        self.handed_on = self.position;
        self.hand_on(Batch {
            after: 0,
            until: self.position,
            records: None,
            claim: None,
            handed_on_at: Instant::now(),
        });
        Ok(())
    }

    /// Says what there is. Nobody may be listening just now; who comes next reads by himself first.
    fn hand_on(&self, batch: Batch) {
        let _ = self.batches.send(Arc::new(batch));
    }

    /// Reads what is new and hands it on.
    async fn look(&mut self) -> Result<(), StoreError> {
        let committed = *self.last_id.borrow_and_update();
        let new = self.read_new(committed).await?;
        self.position = new.until;
        if new.records.as_ref().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        self.handed_on = new.until;
        self.hand_on(new);
        Ok(())
    }

    /// Reads everything that is new, page by page; of more than a batch may be, only says that it is there. `committed`:
    /// so far there are records, whoever's, in any case.
    async fn read_new(&self, committed: i64) -> Result<Batch, StoreError> {
        let batch = |until, records: Option<Vec<LogRecord>>, claim| Batch {
            after: self.handed_on,
            until,
            records,
            claim,
            handed_on_at: Instant::now(),
        };
        let mut scan = Scan {
            after: self.position,
            order: Order::Ascending,
            limit: BATCH_MAX_RECORDS,
            max_bytes: BATCH_MAX_BYTES,
        };
        let (mut records, mut bytes) = (Vec::new(), 0);
        let deadline = Instant::now() + LOOK_MAX;
        loop {
            let page = self.store.scan(&self.tenant, &Filter::default(), &scan, deadline).await?;
            scan.after = scan.after.max(page.reached);
            bytes += bytes_of(&page.records);
            records.extend(page.records);
            let is_too_much = records.len() > BATCH_MAX_RECORDS || bytes > BATCH_MAX_BYTES;
            if is_too_much || Instant::now() >= deadline {
                let until = if page.is_end { scan.after } else { scan.after.max(committed) };
                return Ok(batch(until, None, None));
            }
            if page.is_end {
                // Where there is no memory for them, each tail reads by itself, when there is.
                let claim = self.memory.try_claim(bytes);
                let records = claim.is_some().then_some(records);
                return Ok(batch(scan.after, records, claim));
            }
        }
    }

    fn note(&self, error: &StoreError) {
        let error = error as &dyn StdError;
        tracing::warn!(tenant = %self.tenant, error, "live tails wait: new records cannot be read");
    }
}

fn bytes_of(records: &[LogRecord]) -> usize {
    records.iter().map(|record| size_of::<LogRecord>() + record.message.len() + record.attributes.len()).sum()
}
