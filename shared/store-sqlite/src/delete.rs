//! Deleting: whole blocks go, the others get tombstones, which a merge makes good for.
//!
//! Blocks are looked at in the order of their ids, a stride at a time. What becomes of them is worked out
//! from a snapshot, outside of any write; one short transaction then checks that every block of the stride is
//! still as it was read, removes it or sets its tombstones, and moves the counters. When one is not, because
//! somebody else merged it or deleted from it meanwhile, the stride is worked out again. Between two transactions other
//! writers, also those of other processes, get as much time as the last one took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Filter, Tenant};
use store::{Effort, ReadLimits, StoreError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::block::{Summary, Tombstones};
use crate::blocks::{BlockRow, OpenBlock, blocks_by_id, bury, open_block, remove_block};
use crate::counters::{self, Tally};
use crate::database::{READ_MAX, Reader, Writer, busy, classify};
use crate::decoding::decode;
use crate::search;
use crate::selection::Selection;

/// How many blocks are looked at before a transaction.
const STRIDE_BLOCKS: i64 = 64;

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
    read_limits: ReadLimits,
    waiting: Semaphore,
    turn: Semaphore,
    /// Cancelled when the store is closed: a delete then stops between two transactions.
    closing: CancellationToken,
}

/// What becomes of a block.
struct Change {
    block: BlockRow,
    /// Its tombstones then, and the summary of what is left; `None`: nothing is left.
    rest: Option<(Tombstones, Summary)>,
}

/// What becomes of a stride of blocks.
#[derive(Default)]
struct Plan {
    changes: Vec<Change>,
    deleted: Tally,
    /// The last id of the stride's last block; `None`: the stride is empty.
    reached: Option<i64>,
}

impl Deletion {
    pub(crate) fn new(
        writer: Arc<Writer>,
        reader: Reader,
        read_limits: ReadLimits,
        closing: CancellationToken,
    ) -> Self {
        let (waiting, turn) = (Semaphore::new(WAITING_MAX), Semaphore::new(1));
        Self { writer, reader, read_limits, waiting, turn, closing }
    }

    /// Counts what a delete would delete.
    pub(crate) async fn rehearse(&self, tenant: &Tenant, filter: &Filter) -> Result<u64, StoreError> {
        let deadline = Instant::now() + DRY_RUN_MAX;
        let mut snapshot = self.reader.begin(deadline).await?;
        let counts =
            search::count_by(&mut snapshot, tenant, filter, None, &self.read_limits, deadline).await?;
        if counts.complete { Ok(counts.total()) } else { Err(StoreError::DeadlineExceeded) }
    }

    /// Deletes what the filter selects among the records that are stored now, and returns how many.
    pub(crate) async fn delete(&self, tenant: &Tenant, filter: &Filter) -> Result<u64, StoreError> {
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let _turn = self.turn.acquire().await.map_err(|_| StoreError::Closed)?;
        let until = self.last_id().await?;
        let (mut after, mut deleted) = (0, 0);
        let selection = Arc::new(Selection::new(filter));
        loop {
            if self.closing.is_cancelled() {
                return Err(StoreError::Closed);
            }
            let plan = self.plan(tenant, &selection, after, until).await?;
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

    async fn last_id(&self) -> Result<i64, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let query = sqlx::query_scalar("SELECT last_id FROM record_ids");
        query.fetch_one(&mut *snapshot).await.map_err(classify)
    }

    /// Works out what becomes of the next stride of blocks.
    async fn plan(
        &self,
        tenant: &Tenant,
        selection: &Arc<Selection>,
        after: i64,
        until: i64,
    ) -> Result<Plan, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let mut plan = Plan::default();
        let mut blocks = blocks_by_id(&mut snapshot, tenant, after, until, STRIDE_BLOCKS).await?;
        plan.reached = blocks.last().map(|block| block.span.last_id);
        selection.ask_token_filters(&mut snapshot, &mut blocks, &mut Effort::default()).await?;
        for block in blocks {
            let coverage = selection.coverage(&block);
            if coverage.is_none() {
                continue;
            }
            let block = open_block(&mut snapshot, block).await?;
            let doomed = block.selected_rows(&mut snapshot, selection, &coverage).await?;
            let block = Arc::into_inner(block)
                .ok_or_else(|| StoreError::Unavailable("a block is still read".into()))?;
            let planned = decode(move || plan_block(block, doomed, until)).await?;
            if let Some((change, deleted)) = planned {
                plan.deleted.add(deleted);
                plan.changes.push(change);
            }
        }
        Ok(plan)
    }

    /// Carries a plan out; returns whether every block still was as it had been read.
    async fn carry_out(&self, tenant: &Tenant, plan: &Plan) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let connection = transaction.connection();
        for Change { block, rest } in &plan.changes {
            let is_done = match rest {
                None => remove_block(connection, block).await?,
                Some((tombstones, summary)) => bury(connection, block, tombstones, summary).await?,
            };
            if !is_done {
                return Ok(false);
            }
        }
        counters::subtract(connection, tenant, &plan.deleted).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Works out what becomes of a block, and what is deleted of it: of the rows `doomed` those of records up to `until`.
/// `None`: nothing.
fn plan_block(block: OpenBlock, mut doomed: Vec<usize>, until: i64) -> Option<(Change, Tally)> {
    let OpenBlock { row: block, head } = block;
    doomed.retain(|row| head.ids[*row] <= until);
    if doomed.is_empty() {
        return None;
    }
    let mut deleted = Tally::default();
    deleted.add_rows(&block.summary.services, &head, doomed.iter().copied());
    let mut is_dead: Vec<bool> = (0..head.ids.len()).map(|row| !block.is_live(row)).collect();
    doomed.iter().for_each(|row| is_dead[*row] = true);
    let rest = is_dead.contains(&false).then(|| {
        let left = (0..head.ids.len()).filter(|row| !is_dead[*row]);
        let summary = block.summary_of(&head, left);
        (Tombstones::new(is_dead), summary)
    });
    Some((Change { block, rest }, deleted))
}
