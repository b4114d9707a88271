//! One tail: what was looked at so far, and what comes next.
//!
//! It is asked for bytes ([`Tail::into_stream`]), and does nothing in between. Each time it takes the first of these that
//! there is to do: send the rest of what it has read; say that it is alive; leave out what a slow client has missed; read
//! on from its position; wait for its hub.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{Clause, Condition, Filter, Order, Tenant};
use futures_util::{Stream, stream};
use store::{LogStore, Scan};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;
use tokio::time::timeout_at;

use super::event::{Gap, HEARTBEAT, opening, write_log};
use super::hub::Batch;
use super::tails::{Subscription, Tails};
use crate::places::StreamPlace;

/// Most records that a tail reads at once: with a client that takes its time, so many are held.
const PAGE_RECORDS: usize = 2048;

/// Bytes of events after which no further one is added before they are sent.
const CHUNK_BYTES: usize = 64 * 1024;

/// How long a tail may read before it is asked whether its client should hear something.
const SCAN_MAX: Duration = Duration::from_secs(5);

/// How long it may take to count what a slow client has missed.
const COUNT_MAX: Duration = Duration::from_secs(10);

/// A tail.
pub struct Tail {
    tails: Arc<Tails>,
    tenant: Tenant,
    filter: Filter,
    /// Everything up to this id was looked at.
    position: i64,
    /// What was read and is not sent yet.
    unsent: Option<Unsent>,
    /// Records were committed at least up to this id, whoever's.
    committed: i64,
    last_id: watch::Receiver<i64>,
    hub: Subscription,
    /// Whether there may be something above the position that no batch will bring.
    is_behind: bool,
    /// When, and at which last id, nothing was left to send; `None`: there always was.
    at_present: Option<(Instant, i64)>,
    /// What the next page may take: more than usual where its first record alone does.
    next_page_bytes: usize,
    last_sent: Instant,
    is_opened: bool,
    _place: StreamPlace,
}

/// A batch of which a part is sent.
struct Unsent {
    batch: Arc<Batch>,
    next: usize,
    /// Whether the store has applied the filter.
    is_selected: bool,
}

impl Tail {
    pub(super) fn new(
        tails: Arc<Tails>,
        place: StreamPlace,
        hub: Subscription,
        tenant: Tenant,
        filter: Filter,
        position: i64,
    ) -> Self {
        let last_id = tails.store.watch_last_id();
        let next_page_bytes = tails.page_max_bytes;
        Self {
            tails,
            tenant,
            filter,
            position,
            unsent: None,
            committed: 0,
            last_id,
            hub,
            is_behind: true,
            at_present: None,
            next_page_bytes,
            last_sent: Instant::now(),
            is_opened: false,
            _place: place,
        }
    }

    /// Makes a stream of it, which has no end of its own; an error is its last item.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::unfold(Some(self), |tail| async {
            let mut tail = tail?;
            match tail.next().await {
                Ok(chunk) => {
                    tail.last_sent = Instant::now();
                    Some((Ok(chunk), Some(tail)))
                }
                Err(error) => {
                    tracing::warn!(%error, tenant = %tail.tenant, "a live tail breaks off");
                    Some((Err(error), None))
                }
            }
        })
    }

    /// Returns the next bytes to send.
    async fn next(&mut self) -> io::Result<Bytes> {
        if !self.is_opened {
            self.is_opened = true;
            return Ok(opening(self.position));
        }
        loop {
            if let Some(chunk) = self.write_unsent()? {
                return Ok(chunk);
            }
            if self.last_sent.elapsed() >= self.tails.limits.heartbeat_every {
                return Ok(HEARTBEAT);
            }
            if self.is_too_slow()
                && let Some(gap) = self.move_to_present().await?
            {
                return Ok(gap.to_event());
            }
            if self.is_behind { self.read_on().await? } else { self.listen().await? }
        }
    }

    /// Writes events of what is read and not sent, as many as go into a chunk; `None`: there is nothing of it left.
    fn write_unsent(&mut self) -> io::Result<Option<Bytes>> {
        let Some(unsent) = &mut self.unsent else { return Ok(None) };
        let records = unsent.batch.records.as_deref().unwrap_or_default();
        let mut chunk = Vec::new();
        while let Some(record) = records.get(unsent.next) {
            if chunk.len() >= CHUNK_BYTES {
                return Ok(Some(chunk.into()));
            }
            unsent.next += 1;
            if record.id <= self.position {
                continue;
            }
            if unsent.is_selected || self.filter.matches(record.id, &record.as_record_ref()) {
                write_log(record, &mut chunk)?;
            }
            self.position = record.id;
        }
        self.position = self.position.max(unsent.batch.until);
        self.unsent = None;
        Ok(if chunk.is_empty() { None } else { Some(chunk.into()) })
    }

    /// Reads a page from the position on, once it is the tail's turn and there is memory for it; until then the client hears
    /// that the tail is alive.
    async fn read_on(&mut self) -> io::Result<()> {
        let speaks_in =
            (self.last_sent + self.tails.limits.heartbeat_every).saturating_duration_since(Instant::now());
        let Ok(_turn) = self.tails.turns.take(&self.tenant, speaks_in).await else { return Ok(()) };
        let Ok(claim) = self.tails.memory.claim(self.next_page_bytes, speaks_in).await else { return Ok(()) };
        let committed = self.committed();
        let scan = Scan {
            after: self.position,
            order: Order::Ascending,
            limit: PAGE_RECORDS,
            max_bytes: self.tails.page_max_bytes,
        };
        let deadline = Instant::now() + SCAN_MAX;
        let page = self.store().scan(&self.tenant, &self.filter, &scan, deadline).await;
        let page = page.map_err(io::Error::other)?;
        let bytes: usize =
            page.records.iter().map(|record| record.message.len() + record.attributes.len()).sum();
        if bytes > self.next_page_bytes {
            self.next_page_bytes = bytes;
            return Ok(());
        }
        self.next_page_bytes = self.tails.page_max_bytes;
        if page.is_end {
            self.is_behind = false;
        }
        // The scan began when these had been committed: where it met an end, none of them is above it.
        let until = if page.is_end { page.reached.max(committed) } else { page.reached };
        let (after, records) = (self.position, Some(page.records));
        let batch = Batch { after, until, records, claim: Some(claim), handed_on_at: Instant::now() };
        self.unsent = Some(Unsent { batch: Arc::new(batch), next: 0, is_selected: true });
        Ok(())
    }

    /// Takes the next batch of the hub, or waits for one until it is time to say something.
    async fn listen(&mut self) -> io::Result<()> {
        // A socket that takes nothing leaves a tail waiting though there is something: until when there was nothing is
        // told by what comes, not by the time at which it is asked for.
        let known = self.committed();
        match self.hub.batches.try_recv() {
            Ok(batch) => self.take(batch),
            Err(TryRecvError::Lagged(_)) => self.is_behind = true,
            Err(TryRecvError::Closed) => return Err(hub_ended()),
            Err(TryRecvError::Empty) => {
                self.at_present = Some((Instant::now(), known));
                let speak_at = self.last_sent + self.tails.limits.heartbeat_every;
                let received = timeout_at(speak_at.into(), self.hub.batches.recv()).await;
                match received {
                    // Nothing came all the time.
                    Err(_) => self.at_present = Some((Instant::now(), known)),
                    Ok(Ok(batch)) => {
                        self.at_present = Some((batch.handed_on_at, known));
                        self.take(batch);
                    }
                    Ok(Err(RecvError::Lagged(_))) => {
                        self.is_behind = true;
                        // At the latest since the oldest batch that is left.
                        let oldest = self.hub.batches.try_recv().map(|batch| batch.handed_on_at);
                        self.at_present = Some((oldest.unwrap_or_else(|_| Instant::now()), known));
                    }
                    Ok(Err(RecvError::Closed)) => return Err(hub_ended()),
                }
            }
        }
        Ok(())
    }

    /// Takes a batch for the next to send, if it begins at the position or below.
    fn take(&mut self, batch: Arc<Batch>) {
        self.committed = self.committed.max(batch.until);
        if batch.until <= self.position {
            return;
        }
        if batch.after <= self.position && batch.records.is_some() {
            self.unsent = Some(Unsent { batch, next: 0, is_selected: false });
        } else {
            self.is_behind = true;
        }
    }

    /// Says whether the client, once it had everything, has not taken what came for too long, and too much of it.
    fn is_too_slow(&self) -> bool {
        let Some((when, last_id)) = self.at_present else { return false };
        let lag = self.tails.limits.lag;
        let ids_behind = self.committed().saturating_sub(self.position.max(last_id));
        ids_behind > lag.ids && when.elapsed() >= lag.time
    }

    /// Moves the position to the present; returns what is left out, if it is anything.
    async fn move_to_present(&mut self) -> io::Result<Option<Gap>> {
        let (from_id, to_id) = (self.position.saturating_add(1), self.committed());
        let mut missed = self.filter.clone();
        missed.narrow(Condition::Is(Clause::Id(from_id..=to_id)));
        let deadline = Instant::now() + COUNT_MAX;
        let counts = self.store().count_by(&self.tenant, &missed, None, deadline).await;
        let counts = counts.map_err(io::Error::other)?;
        self.at_present = Some((Instant::now(), to_id));
        self.is_behind = true;
        if !counts.complete {
            // What cannot be counted is not left out: the client gets all of it, if later.
            return Ok(None);
        }
        self.position = to_id;
        let missed = counts.total();
        Ok((missed > 0).then_some(Gap { missed, from_id, to_id }))
    }

    fn committed(&self) -> i64 {
        self.committed.max(*self.last_id.borrow())
    }

    fn store(&self) -> &dyn LogStore {
        &*self.tails.store
    }
}

fn hub_ended() -> io::Error {
    io::Error::other("what reads new records has ended")
}

#[cfg(test)]
mod tests {
    use domain::LogRecord;
    use store::StoreError;
    use testkit::build::{record, tenant};

    use super::super::TailOptions;
    use super::*;
    use crate::test_store::TestStore;

    fn tail_at(position: i64) -> Tail {
        let tails = Arc::new(Tails::new(Arc::new(TestStore::default()), TailOptions::default().into(), None));
        let place = tails.take_place(&tenant("a")).unwrap();
        let mut tail = tails.start(place, &tenant("a"), Filter::default(), position);
        tail.is_behind = false;
        tail
    }

    /// Says that these are all records above `after`, up to `until`.
    fn batch(after: i64, until: i64, ids: &[i64]) -> Arc<Batch> {
        let records = ids.iter().map(|id| LogRecord::new(*id, &record("m").as_record_ref())).collect();
        Arc::new(Batch { after, until, records: Some(records), claim: None, handed_on_at: Instant::now() })
    }

    fn written(tail: &mut Tail) -> Vec<i64> {
        let chunk = tail.write_unsent().unwrap().unwrap_or_default();
        let text = String::from_utf8(chunk.to_vec()).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn of_a_batch_only_what_is_above_the_position_is_sent() {
        let mut tail = tail_at(3);
        tail.take(batch(0, 7, &[2, 3, 4, 6]));
        assert_eq!((written(&mut tail), tail.position, tail.is_behind), (vec![4, 6], 7, false));
        tail.take(batch(0, 7, &[2, 3, 4, 6]));
        assert_eq!((written(&mut tail), tail.position, tail.is_behind), (vec![], 7, false));
    }

    #[tokio::test]
    async fn a_batch_that_begins_above_the_position_makes_the_tail_read_by_itself() {
        let mut tail = tail_at(3);
        tail.take(batch(4, 7, &[6]));
        assert_eq!((written(&mut tail), tail.position, tail.is_behind), (vec![], 3, true));
    }

    #[tokio::test]
    async fn a_store_that_is_closed_ends_a_tail_that_reads() -> Result<(), StoreError> {
        let mut tail = tail_at(0);
        tail.tails.store.close().await?;
        assert!(tail.read_on().await.is_err());
        Ok(())
    }
}
