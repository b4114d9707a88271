//! The committer: the one task that stores records.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{RecordBatch, Tenant};
use store::{Appended, StoreError};
use tokio_util::sync::CancellationToken;

use super::group::{Group, for_one_request};
use super::keyed::KnownKeys;
use super::queue::{Answer, Cost, Requests, Waiting};
use super::statements::{find_first_answer, find_record_keys, keep_keys, keep_record_keys, take_ids};
use crate::blocks::{FULL_BLOCK_RECORDS, NewBlock, insert_block};
use crate::counters::{self, Tally};
use crate::database::{READ_MAX, Reader, Snapshot, Writer, is_fatal};
use crate::merge::MergeSignal;

/// A group is closed when it holds this many records: the size of a full block.
const GROUP_MAX_RECORDS: usize = 16_384;

/// While several tenants send, a group is closed when it holds this many records: nobody waits for more of another's than
/// is stored in a moment.
const SHARED_GROUP_MAX_RECORDS: usize = 4096;

/// As many bytes while several tenants send (8 MiB).
const SHARED_GROUP_MAX_BYTES: usize = 8 * 1024 * 1024;

/// How long after a group of another tenant's it still counts as several who send.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// Groups below this many records are encoded where they are: it takes less time than a change of threads.
const ENCODED_INLINE_BELOW: usize = 64;

/// After so long without a request the WAL is emptied, if no other process writes either.
const IDLE_AFTER: Duration = Duration::from_secs(2);

/// Stores what comes through the queue.
pub(crate) struct Committer {
    requests: Requests,
    writer: Arc<Writer>,
    reader: Reader,
    merges: MergeSignal,
    /// Cancelled when the store cannot go on.
    failed: CancellationToken,
    /// A group is closed when it holds this many bytes.
    group_max_bytes: usize,
    /// Who sent the first request of the last group.
    last_tenant: Option<Tenant>,
    /// When several tenants were last seen to send.
    shared_at: Option<Instant>,
}

/// What the store knows of a request's keys.
enum Found {
    /// It has none, or they are new.
    Nothing,
    /// It repeats a request with the same idempotency key.
    FirstAnswer(Result<Appended, StoreError>),
    /// Its records have keys of their own, of which these are known.
    RecordKeys(KnownKeys),
}

impl Committer {
    pub(crate) fn new(
        requests: Requests,
        writer: Arc<Writer>,
        reader: Reader,
        merges: MergeSignal,
        failed: CancellationToken,
        group_max_bytes: usize,
    ) -> Self {
        Self { requests, writer, reader, merges, failed, group_max_bytes, last_tenant: None, shared_at: None }
    }

    /// Stores groups until the queue is closed and empty, or the store cannot go on.
    pub(crate) async fn run(mut self) {
        // However this task ends other than in order, also by a panic: the process has to notice.
        let unless_in_order = self.failed.clone().drop_guard();
        while let Some(first) = self.next_request().await {
            let requests = self.gather(first);
            if self.store(requests).await.is_err() {
                return;
            }
        }
        self.reader.close().await;
        unless_in_order.disarm();
    }

    async fn next_request(&mut self) -> Option<Waiting> {
        loop {
            if let Ok(request) = tokio::time::timeout(IDLE_AFTER, self.requests.next()).await {
                return request;
            }
            if let Err(error) = self.writer.empty_quiet_wal().await {
                tracing::warn!(error = &error as &dyn Error, "the WAL could not be emptied");
            }
        }
    }

    /// Takes what waits, of the tenants in turn, up to a group's bounds.
    fn gather(&mut self, first: Waiting) -> Vec<Waiting> {
        let (max_records, max_bytes) = self.group_bounds(&first.append.tenant);
        let mut held = first.cost;
        let mut requests = vec![first];
        let fits = |cost: Cost| cost.records <= max_records && cost.bytes <= max_bytes;
        while let Some(waiting) = self.requests.take_next(|cost| fits(held.plus(cost))) {
            held = held.plus(waiting.cost);
            requests.push(waiting);
        }
        requests
    }

    /// Returns the most records and bytes of a group that begins with a request of this tenant.
    fn group_bounds(&mut self, tenant: &Tenant) -> (usize, usize) {
        let is_another = self.last_tenant.as_ref().is_some_and(|last| last != tenant);
        if is_another || self.requests.has_others_than(tenant) {
            self.shared_at = Some(Instant::now());
        }
        self.last_tenant = Some(tenant.clone());
        match self.shared_at {
            Some(at) if at.elapsed() < SHARED_FOR => {
                (SHARED_GROUP_MAX_RECORDS, SHARED_GROUP_MAX_BYTES.min(self.group_max_bytes))
            }
            _ => (GROUP_MAX_RECORDS, self.group_max_bytes),
        }
    }

    /// Stores a group and answers its requests. An error means that the process has to stop.
    async fn store(&self, requests: Vec<Waiting>) -> Result<(), StoreError> {
        let mut group = self.sort(requests).await?;
        if group.is_empty() {
            return Ok(());
        }
        let blocks = encode(group.take_batches()).await?;
        match self.commit(&group, &blocks).await {
            Ok(first_ids) => {
                group.acknowledge(&first_ids);
                self.merges.committed();
                self.writer.tend_wal().await
            }
            Err(error) => {
                group.refuse(&error);
                self.stop_if_fatal(error)
            }
        }
    }

    /// Sorts requests by tenant, and answers those that repeat a stored one.
    async fn sort(&self, requests: Vec<Waiting>) -> Result<Group, StoreError> {
        let mut group = Group::default();
        let mut snapshot = None;
        for waiting in requests {
            match self.look_up(&mut snapshot, &waiting).await {
                Ok(Found::Nothing) => group.add(waiting),
                Ok(Found::FirstAnswer(answer)) => waiting.answer(answer.map(Answer::AllNew)),
                Ok(Found::RecordKeys(known)) => group.add_keyed(waiting, &known),
                Err(error) => {
                    waiting.answer(Err(for_one_request(&error)));
                    self.stop_if_fatal(error)?;
                }
            }
        }
        Ok(group)
    }

    /// Looks up the keys of a request; `snapshot` is opened for the first request of a group that has any.
    async fn look_up(&self, snapshot: &mut Option<Snapshot>, waiting: &Waiting) -> Result<Found, StoreError> {
        let (append, now) = (&waiting.append, waiting.received_micros());
        let is_keyed = waiting.keys().iter().any(Option::is_some);
        if append.idempotency.is_none() && !is_keyed {
            return Ok(Found::Nothing);
        }
        let snapshot = match snapshot {
            Some(open) => open,
            None => snapshot.insert(self.reader.begin(Instant::now() + READ_MAX).await?),
        };
        if is_keyed {
            let known = find_record_keys(snapshot, &append.tenant, waiting.keys(), now).await?;
            return Ok(Found::RecordKeys(known));
        }
        let Some(idempotency) = &append.idempotency else { return Ok(Found::Nothing) };
        let answer = find_first_answer(snapshot, &append.tenant, idempotency, now).await?;
        Ok(answer.map_or(Found::Nothing, Found::FirstAnswer))
    }

    fn stop_if_fatal(&self, error: StoreError) -> Result<(), StoreError> {
        let error = self.writer.note(error);
        if is_fatal(&error) {
            return Err(error);
        }
        tracing::warn!(error = &error as &dyn Error, "a group of records was refused");
        Ok(())
    }

    /// Stores the blocks in one transaction; returns the first id of each tenant's records.
    async fn commit(&self, group: &Group, blocks: &[(NewBlock, Tally)]) -> Result<Vec<i64>, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let connection = transaction.connection();
        let mut first_ids = Vec::with_capacity(blocks.len());
        for ((tenant, requests), (block, tally)) in group.tenants().zip(blocks) {
            let first_id = take_ids(connection, block.encoded.span.record_count).await?;
            insert_block(connection, tenant, first_id, block).await?;
            counters::add(connection, tenant, tally).await?;
            keep_keys(connection, tenant, &requests.kept_keys(first_id)).await?;
            for kept in requests.kept_record_keys(first_id) {
                keep_record_keys(connection, tenant, &kept).await?;
            }
            first_ids.push(first_id);
        }
        transaction.commit().await?;
        Ok(first_ids)
    }
}

/// Encodes one block per batch; large ones off the async threads.
async fn encode(batches: Vec<RecordBatch>) -> Result<Vec<(NewBlock, Tally)>, StoreError> {
    let records: usize = batches.iter().map(RecordBatch::len).sum();
    let encode_all = move || batches.iter().map(encode_consecutive).collect();
    if records < ENCODED_INLINE_BELOW {
        return Ok(encode_all());
    }
    tokio::task::spawn_blocking(encode_all).await.map_err(|panic| StoreError::Fatal(panic.into()))
}

/// Encodes a batch. What is small will be merged soon, and settles then.
fn encode_consecutive(batch: &RecordBatch) -> (NewBlock, Tally) {
    let id_offsets: Vec<u64> = (0..batch.len() as u64).collect();
    let is_full = batch.len() >= FULL_BLOCK_RECORDS;
    let encode = if is_full { NewBlock::settled } else { NewBlock::quick };
    (encode(batch, &id_offsets), Tally::of(batch))
}
