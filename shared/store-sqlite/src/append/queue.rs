//! The queue before the committer, bounded by records, bytes and requests. Full means: refused at once.
//!
//! Each tenant's requests wait in a line of their own, and the committer takes from the lines in turn. A quarter of the
//! queue is kept for tenants who hold little of it: who floods may have the other three, and who is alone has enough
//! for every group. A request that is larger than all that is taken while nothing else waits, so that none is
//! impossible for ever.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Tenant;
use store::{Append, AppendLimits, Appended, KeyedAppend, RecordKey, RecordOutcome, StoreError};
use tokio::sync::{Notify, oneshot};

/// Most requests that wait.
const QUEUE_MAX_REQUESTS: usize = 10_000;

/// The part of the queue that is kept for tenants who hold less than as much of it: one in so many.
const KEPT_PART: usize = 4;

/// The sending end. Dropped, it closes the queue.
#[derive(Debug)]
pub(crate) struct CommitQueue {
    shared: Arc<Shared>,
}

/// The receiving end, the committer's. Dropped, it drops what waits.
#[derive(Debug)]
pub(crate) struct Requests {
    shared: Arc<Shared>,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(super) append: Append,
    /// The keys of its records; `None`: they have none, and are not asked for one by one.
    pub(super) record_keys: Option<Vec<Option<RecordKey>>>,
    /// What it takes of the queue.
    pub(super) cost: Cost,
    answer: oneshot::Sender<Result<Answer, StoreError>>,
    /// Its places in the queue, given back when it is answered.
    _places: Places,
}

/// What a request gets to know.
#[derive(Debug)]
pub(super) enum Answer {
    /// Where its records are, which are all new.
    AllNew(Appended),
    /// What became of each: only of a request with `record_keys`.
    Each(Vec<RecordOutcome>),
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cost {
    requests: usize,
    pub(super) records: usize,
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct Shared {
    limit: Cost,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    /// What is held by all.
    held: Cost,
    /// What each tenant holds, of those who hold anything.
    held_by: HashMap<Tenant, Cost>,
    lines: HashMap<Tenant, VecDeque<Waiting>>,
    /// The tenants with a line, in the order of their turns.
    turns: VecDeque<Tenant>,
}

/// A request's places, given back when this is dropped.
#[derive(Debug)]
struct Places {
    shared: Arc<Shared>,
    tenant: Tenant,
    cost: Cost,
}

/// Makes a queue; the receiving end is the committer's.
pub(crate) fn channel(limits: &AppendLimits) -> (CommitQueue, Requests) {
    let limit = Cost {
        requests: QUEUE_MAX_REQUESTS,
        records: limits.queue_max_records,
        bytes: limits.queue_max_bytes,
    };
    let shared = Arc::new(Shared { limit, state: Mutex::default(), arrived: Notify::new() });
    (CommitQueue { shared: Arc::clone(&shared) }, Requests { shared })
}

// === impl CommitQueue ===

impl CommitQueue {
    /// Queues an append and waits for its answer. Dropping the future drops the answer, not the append.
    pub(crate) async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        match self.send(append, None).await? {
            Answer::AllNew(appended) => Ok(appended),
            Answer::Each(_) => Err(StoreError::Unknown("records without keys were taken for repeats".into())),
        }
    }

    /// Queues an append of records with keys and waits for its answer, as [`Self::append`] does.
    pub(crate) async fn append_keyed(&self, append: KeyedAppend) -> Result<Vec<RecordOutcome>, StoreError> {
        let KeyedAppend { tenant, batch, keys } = append;
        let append = Append { tenant, batch, idempotency: None };
        match self.send(append, Some(keys)).await? {
            Answer::AllNew(Appended { first_id, last_id }) => {
                Ok((first_id..=last_id).map(RecordOutcome::Stored).collect())
            }
            Answer::Each(outcomes) => Ok(outcomes),
        }
    }

    async fn send(
        &self,
        append: Append,
        record_keys: Option<Vec<Option<RecordKey>>>,
    ) -> Result<Answer, StoreError> {
        let keys_bytes = record_keys.as_ref().map_or(0, |keys| size_of_val(keys.as_slice()));
        let bytes = append.batch.memory_bytes() + keys_bytes;
        let cost = Cost { requests: 1, records: append.batch.len(), bytes };
        let (answer, answered) = oneshot::channel();
        let places = self.shared.take_places(&append.tenant, cost)?;
        self.shared.line_up(Waiting { append, record_keys, cost, answer, _places: places })?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Unknown("the committer stopped".into())))
    }
}

impl Drop for CommitQueue {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.arrived.notify_one();
    }
}

// === impl Requests ===

impl Requests {
    /// Waits for the next request; `None`: the queue is closed and empty.
    pub(super) async fn next(&mut self) -> Option<Waiting> {
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(waiting) = self.take_next(|_| true) {
                return Some(waiting);
            }
            if self.shared.lock().is_closed {
                return None;
            }
            arrived.await;
        }
    }

    /// Takes the next request, if one waits and fits: that of the tenant whose turn it is.
    pub(super) fn take_next(&self, fits: impl FnOnce(Cost) -> bool) -> Option<Waiting> {
        let mut state = self.shared.lock();
        let tenant = state.turns.front()?.clone();
        let line = state.lines.get_mut(&tenant)?;
        let waiting = line.pop_front_if(|waiting| fits(waiting.cost))?;
        let is_over = line.is_empty();
        state.turns.pop_front();
        if is_over {
            state.lines.remove(&tenant);
        } else {
            state.turns.push_back(tenant);
        }
        Some(waiting)
    }

    /// Says whether a tenant other than this one waits.
    pub(super) fn has_others_than(&self, tenant: &Tenant) -> bool {
        self.shared.lock().turns.iter().any(|waiting| waiting != tenant)
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        state.turns.clear();
        let lines = std::mem::take(&mut state.lines);
        // They give their places back, which takes the lock.
        drop(state);
        drop(lines);
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_places(self: &Arc<Self>, tenant: &Tenant, cost: Cost) -> Result<Places, StoreError> {
        let mut state = self.lock();
        let own = state.held_by.get(tenant).copied().unwrap_or_default();
        if !self.has_room(state.held, own, cost) {
            let Cost { records: max_records, bytes: max_bytes, .. } = self.limit;
            return Err(StoreError::QueueFull { max_records, max_bytes });
        }
        state.held = state.held.plus(cost);
        state.held_by.insert(tenant.clone(), own.plus(cost));
        Ok(Places { shared: Arc::clone(self), tenant: tenant.clone(), cost })
    }

    /// Says whether `cost` may be added to what `all` tenants hold, by one who holds `own`.
    fn has_room(&self, all: Cost, own: Cost, cost: Cost) -> bool {
        let kept = self.limit.part(KEPT_PART);
        let (all, own) = (all.plus(cost), own.plus(cost));
        let is_alone = all == cost;
        is_alone || all.fits(self.limit.minus(kept)) || (all.fits(self.limit) && own.fits(kept))
    }

    fn line_up(&self, waiting: Waiting) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.is_closed {
            drop(state);
            return Err(StoreError::Closed);
        }
        let tenant = &waiting.append.tenant;
        if !state.lines.contains_key(tenant) {
            state.turns.push_back(tenant.clone());
        }
        state.lines.entry(tenant.clone()).or_default().push_back(waiting);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.held = state.held.minus(self.cost);
        let own = state.held_by.get(&self.tenant).copied().unwrap_or_default().minus(self.cost);
        if own == Cost::default() {
            state.held_by.remove(&self.tenant);
        } else {
            state.held_by.insert(self.tenant.clone(), own);
        }
    }
}

// === impl Cost ===

impl Cost {
    /// Returns the sum.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            records: self.records + other.records,
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            records: self.records.saturating_sub(other.records),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    fn part(self, divisor: usize) -> Self {
        Self {
            requests: self.requests / divisor,
            records: self.records / divisor,
            bytes: self.bytes / divisor,
        }
    }

    fn fits(self, limit: Self) -> bool {
        self.requests <= limit.requests && self.records <= limit.records && self.bytes <= limit.bytes
    }
}

// === impl Waiting ===

impl Waiting {
    /// Answers the request. Whether anybody still listens makes no difference.
    pub(super) fn answer(self, answer: Result<Answer, StoreError>) {
        let _ = self.answer.send(answer);
    }

    /// The keys of its records; empty: they have none.
    pub(super) fn keys(&self) -> &[Option<RecordKey>] {
        self.record_keys.as_deref().unwrap_or_default()
    }

    /// When the request arrived: what the day of its keys counts from.
    pub(super) fn received_micros(&self) -> i64 {
        self.append.batch.received().last().map_or(0, |time| time.as_micros())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use futures_util::FutureExt;
    use testkit::build::{batch, record, tenant};

    use super::*;

    const MAX_RECORDS: usize = 100;

    fn queue() -> (CommitQueue, Requests) {
        channel(&AppendLimits { queue_max_records: MAX_RECORDS, ..AppendLimits::default() })
    }

    fn append(owner: &str, records: usize) -> Append {
        let record = record("x");
        Append {
            tenant: tenant(owner),
            batch: batch(std::iter::repeat_n(&record, records)),
            idempotency: None,
        }
    }

    type Pending<'q> = Pin<Box<dyn Future<Output = Result<Appended, StoreError>> + 'q>>;

    /// Queues an append; returns what to wait for, or why it was refused.
    fn send<'q>(queue: &'q CommitQueue, owner: &str, records: usize) -> Result<Pending<'q>, StoreError> {
        let mut answer: Pending<'q> = Box::pin(queue.append(append(owner, records)));
        match answer.as_mut().now_or_never() {
            None => Ok(answer),
            Some(refused) => Err(refused.expect_err("nobody answers yet")),
        }
    }

    fn is_refused(sent: &Result<Pending<'_>, StoreError>) -> bool {
        matches!(sent, Err(StoreError::QueueFull { max_records: MAX_RECORDS, .. }))
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_takes_again_when_it_has_room() {
        let (queue, mut requests) = queue();
        let first = send(&queue, "a", 75).unwrap();
        assert!(is_refused(&send(&queue, "a", 1)));

        let stored = Appended { first_id: 1, last_id: 75 };
        requests.next().await.unwrap().answer(Ok(Answer::AllNew(stored)));

        assert_eq!(first.await.unwrap(), stored);
        let second = send(&queue, "a", 75).unwrap();
        requests.next().await.unwrap().answer(Err(StoreError::Closed));
        assert!(matches!(second.await, Err(StoreError::Closed)));
    }

    #[tokio::test]
    async fn a_quarter_is_kept_for_tenants_who_hold_no_more_than_that() {
        let (queue, _requests) = queue();
        let _flood = send(&queue, "flood", 70).unwrap();

        assert!(is_refused(&send(&queue, "flood", 6)), "three quarters are its");
        let _honest = send(&queue, "honest", 20).unwrap();
        assert!(is_refused(&send(&queue, "honest", 6)), "more than a quarter");
        let _other = send(&queue, "other", 10).unwrap();
        assert!(is_refused(&send(&queue, "third", 1)), "nothing is left");
    }

    #[tokio::test]
    async fn a_tenant_whose_requests_are_answered_has_its_quarter_again() {
        let (queue, mut requests) = queue();
        let _answered = send(&queue, "a", 25).unwrap();
        drop(requests.next().await);

        let _flood = send(&queue, "flood", 75).unwrap();
        let again = send(&queue, "a", 25);

        assert!(!is_refused(&again));
    }

    #[tokio::test]
    async fn a_request_larger_than_the_queue_is_taken_while_nothing_else_waits() {
        let (queue, mut requests) = queue();
        let large = send(&queue, "a", MAX_RECORDS + 1).unwrap();
        assert!(is_refused(&send(&queue, "b", 1)));

        drop(requests.next().await);

        assert!(large.await.is_err());
        let _small = send(&queue, "b", 1).unwrap();
        assert!(is_refused(&send(&queue, "a", MAX_RECORDS + 1)));
    }

    #[tokio::test]
    async fn tenants_take_turns_and_a_request_that_does_not_fit_keeps_its_turn() {
        let (queue, requests) = queue();
        let _waiting = [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)]
            .map(|(owner, records)| send(&queue, owner, records).unwrap());

        assert!(requests.take_next(|cost| cost.records > 1).is_none(), "the turn is a's");
        let taken: Vec<usize> =
            std::iter::from_fn(|| requests.take_next(|_| true)).map(|request| request.cost.records).collect();

        assert_eq!(taken, [1, 4, 5, 2, 6, 3]);
    }

    #[tokio::test]
    async fn others_are_seen_as_long_as_they_wait() {
        let (queue, mut requests) = queue();
        let _waiting = [("a", 1), ("b", 1)].map(|(owner, records)| send(&queue, owner, records).unwrap());

        let seen = |requests: &Requests| ["a", "b"].map(|owner| requests.has_others_than(&tenant(owner)));
        assert_eq!(seen(&requests), [true, true]);
        drop(requests.next().await);
        assert_eq!(seen(&requests), [true, false]);
        drop(requests.next().await);
        assert_eq!(seen(&requests), [false, false]);
    }

    #[tokio::test]
    async fn a_request_that_the_committer_drops_has_an_unknown_outcome() {
        let (queue, mut requests) = queue();
        let (taken, left) = (send(&queue, "a", 1).unwrap(), send(&queue, "a", 1).unwrap());
        drop(requests.next().await);
        assert!(matches!(taken.await, Err(StoreError::Unknown(_))));

        drop(requests);

        assert!(matches!(left.await, Err(StoreError::Unknown(_))));
        assert!(matches!(send(&queue, "a", 1), Err(StoreError::Closed)));
    }

    #[tokio::test]
    async fn a_closed_queue_is_taken_to_its_end() {
        let (queue, mut requests) = queue();
        drop([send(&queue, "a", 1).unwrap(), send(&queue, "b", 1).unwrap()]);

        drop(queue);

        assert!(requests.next().await.is_some() && requests.next().await.is_some());
        assert!(requests.next().await.is_none());
    }
}
