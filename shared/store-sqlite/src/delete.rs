//! Deleting: whole blocks go, the others are written anew without the deleted records.
//!
//! Blocks are looked at in the order of their ids, a stride at a time. What becomes of them is worked out
//! from a snapshot, outside of any write; one short transaction then checks that every block of the stride is
//! still there (a block is never changed in place), swaps them, and moves the counters. When a block is gone,
//! because somebody else replaced it meanwhile, the stride is worked out again. Between two transactions other
//! writers, also those of other processes, get as much time as the last one took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Filter, RecordBatch, RecordRef, Tenant};
use sqlx::SqliteConnection;
use store::StoreError;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::append::insert_block;
use crate::block::{BLOCK_MAX_CHUNKS, EncodedBlock, Summary, encode_block};
use crate::counters::{self, Tally};
use crate::database::{Reader, Writer, busy, classify};
use crate::search::{self, BlockRow, Coverage, blocks_by_id, read_chunk, read_head, selected_rows};

/// How many blocks are looked at before a transaction.
const STRIDE_BLOCKS: i64 = 64;

/// A stride ends early when so many bytes were written anew (8 MiB).
const STRIDE_MAX_BYTES: usize = 8 * 1024 * 1024;

/// How long a dry run may count.
const DRY_RUN_MAX: Duration = Duration::from_secs(30);

/// Longest pause between two transactions.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Most deletes that wait for their turn; more are refused.
const WAITING_MAX: usize = 16;

/// Deletes records, one call at a time.
#[derive(Debug)]
pub(crate) struct Deletion {
    writer: Arc<Writer>,
    reader: Reader,
    waiting: Semaphore,
    turn: Semaphore,
    /// Cancelled when the store is closed: a delete then stops between two transactions.
    closing: CancellationToken,
}

/// What becomes of a block.
struct Change {
    block_id: i64,
    /// What is left of it, and the first id of that; `None`: nothing.
    rest: Option<(i64, EncodedBlock)>,
}

/// What becomes of a stride of blocks.
#[derive(Default)]
struct Plan {
    changes: Vec<Change>,
    deleted: Tally,
    /// How many bytes are written anew.
    written_bytes: usize,
    /// The first id of the stride's last block; `None`: the stride is empty.
    reached: Option<i64>,
}

impl Deletion {
    pub(crate) fn new(writer: Arc<Writer>, reader: Reader, closing: CancellationToken) -> Self {
        let (waiting, turn) = (Semaphore::new(WAITING_MAX), Semaphore::new(1));
        Self { writer, reader, waiting, turn, closing }
    }

    /// Counts what a delete would delete.
    pub(crate) async fn rehearse(&self, tenant: &Tenant, filter: &Filter) -> Result<u64, StoreError> {
        let mut snapshot = self.reader.begin().await?;
        search::count(&mut snapshot, tenant, filter, Instant::now() + DRY_RUN_MAX).await
    }

    /// Deletes what the filter selects among the records that are stored now, and returns how many.
    pub(crate) async fn delete(&self, tenant: &Tenant, filter: &Filter) -> Result<u64, StoreError> {
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let _turn = self.turn.acquire().await.map_err(|_| StoreError::Closed)?;
        let until = self.last_id().await?;
        let (mut after, mut deleted) = (0, 0);
        loop {
            if self.closing.is_cancelled() {
                return Err(StoreError::Closed);
            }
            let plan = self.plan(tenant, filter, after, until).await?;
            let Some(reached) = plan.reached else { return Ok(deleted) };
            if plan.changes.is_empty() {
                after = reached;
                continue;
            }
            let begun = Instant::now();
            if self.carry_out(tenant, &plan).await.map_err(|error| self.writer.note(error))? {
                after = reached;
                deleted += plan.deleted.total();
            }
            tokio::time::sleep(begun.elapsed().min(PAUSE_MAX)).await;
        }
    }

    /// Gives the pages that deletes freed back to the filesystem, in steps that let other writers pass.
    pub(crate) async fn shrink_file(&self) -> Result<(), StoreError> {
        while !self.closing.is_cancelled() {
            let begun = Instant::now();
            if !self.writer.shrink_a_step().await? {
                break;
            }
            tokio::time::sleep(begun.elapsed().min(PAUSE_MAX)).await;
        }
        Ok(())
    }

    async fn last_id(&self) -> Result<i64, StoreError> {
        let mut snapshot = self.reader.begin().await?;
        let query = sqlx::query_scalar("SELECT last_id FROM record_ids");
        query.fetch_one(&mut *snapshot).await.map_err(classify)
    }

    /// Works out what becomes of the next stride of blocks.
    async fn plan(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        after: i64,
        until: i64,
    ) -> Result<Plan, StoreError> {
        let mut snapshot = self.reader.begin().await?;
        let mut plan = Plan::default();
        for block in blocks_by_id(&mut snapshot, tenant, after, until, STRIDE_BLOCKS).await? {
            plan.reached = Some(block.span.first_id);
            let coverage = block.coverage(filter);
            let is_whole = block.summary.selected(filter).count() == block.summary.cells.len();
            if coverage == Coverage::ByCells && is_whole {
                plan.deleted.add_summary(&block.summary);
                plan.changes.push(Change { block_id: block.id, rest: None });
            } else if coverage != Coverage::None {
                plan_partial(&mut snapshot, &block, filter, &mut plan).await?;
            }
            if plan.written_bytes > STRIDE_MAX_BYTES {
                break;
            }
        }
        Ok(plan)
    }

    /// Carries a plan out; returns whether every block was still there.
    async fn carry_out(&self, tenant: &Tenant, plan: &Plan) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let connection = transaction.connection();
        for change in &plan.changes {
            if !remove_block(connection, change.block_id).await? {
                return Ok(false);
            }
            if let Some((first_id, rest)) = &change.rest {
                insert_block(connection, tenant, *first_id, rest).await?;
            }
        }
        counters::subtract(connection, tenant, &plan.deleted).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Works out what is left of a block of which some records are deleted.
async fn plan_partial(
    snapshot: &mut SqliteConnection,
    block: &BlockRow,
    filter: &Filter,
    plan: &mut Plan,
) -> Result<(), StoreError> {
    let head = read_head(snapshot, block).await?;
    let mut is_deleted = vec![false; head.ids.len()];
    selected_rows(&head, &block.summary, filter).for_each(|row| is_deleted[row] = true);
    if !is_deleted.contains(&true) {
        return Ok(());
    }
    let (mut kept, mut kept_ids, mut gone) = (RecordBatch::default(), Vec::new(), RecordBatch::default());
    let mut row = 0;
    for chunk in 0..head.chunk_lengths.len() {
        let texts = read_chunk(snapshot, block, &head.chunk_lengths, chunk).await?;
        for place in 0..head.chunk_lengths[chunk] {
            let record = RecordRef {
                timestamp: head.timestamps[row],
                received_at: head.received[row],
                severity: head.severities[row],
                service: &block.summary.services[head.service_codes[row] as usize],
                message: texts.messages.get(place),
                trace_id: texts.trace_ids.get(place),
                span_id: texts.span_ids.get(place),
                host: texts.hosts.get(place),
                attributes: texts.attributes.get(place),
            };
            if is_deleted[row] {
                // Only counted: its texts are not needed.
                gone.push(&RecordRef { message: "", attributes: "", ..record });
            } else {
                kept.push(&record);
                kept_ids.push(head.ids[row]);
            }
            row += 1;
        }
    }
    plan.deleted.add_summary(&Summary::of(&gone));
    let rest = encode_rest(kept, &kept_ids).await?;
    plan.written_bytes += rest.as_ref().map_or(0, |(_, block)| block.chunks.iter().map(Vec::len).sum());
    plan.changes.push(Change { block_id: block.id, rest });
    Ok(())
}

/// Encodes what is left of a block, off the async threads; `None` when nothing is.
async fn encode_rest(kept: RecordBatch, ids: &[i64]) -> Result<Option<(i64, EncodedBlock)>, StoreError> {
    let Some(first_id) = ids.first().copied() else { return Ok(None) };
    let offsets: Vec<u64> = ids.iter().map(|id| (id - first_id).cast_unsigned()).collect();
    let encoded = tokio::task::spawn_blocking(move || encode_block(&kept, &offsets)).await;
    Ok(Some((first_id, encoded.map_err(|panic| StoreError::Unavailable(panic.into()))?)))
}

/// Removes a block and its chunks; returns whether it was there.
async fn remove_block(connection: &mut SqliteConnection, id: i64) -> Result<bool, StoreError> {
    let delete = sqlx::query("DELETE FROM blocks WHERE id = ?").bind(id);
    if delete.execute(&mut *connection).await.map_err(classify)?.rows_affected() == 0 {
        return Ok(false);
    }
    let first_chunk = id * BLOCK_MAX_CHUNKS as i64;
    let delete = sqlx::query("DELETE FROM chunks WHERE id >= ? AND id < ?");
    let delete = delete.bind(first_chunk).bind(first_chunk + BLOCK_MAX_CHUNKS as i64);
    delete.execute(connection).await.map_err(classify)?;
    Ok(true)
}
