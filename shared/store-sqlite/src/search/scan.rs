//! Records in the order of their ids, a block at a time.

use std::sync::Arc;
use std::time::Instant;

use domain::limits::PAGE_MAX_BYTES;
use domain::{Filter, LogRecord, Order, Tenant};
use sqlx::SqliteConnection;
use store::{Effort, Scan, ScanPage, StoreError};

use crate::blocks::{BlockParts, BlockRow, blocks_by_id, blocks_by_id_descending, read_parts};
use crate::database::classify;
use crate::selection::{Coverage, Selection};

/// How many blocks are looked at together.
const STRIDE_BLOCKS: i64 = 64;

/// Returns the next records that the filter selects. Ends with a block rather than within one, as far as that still
/// brings a good part of what was asked for: a block is decoded as a whole.
pub(crate) async fn scan(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    filter: &Filter,
    scan: &Scan,
    deadline: Instant,
) -> Result<ScanPage, StoreError> {
    let selection = Arc::new(Selection::new(filter));
    let last_id = sqlx::query_scalar("SELECT last_id FROM record_ids").fetch_one(&mut *snapshot).await;
    let last_id: i64 = last_id.map_err(classify)?;
    let mut page = PageOfScan { scan: *scan, records: Vec::new(), bytes: 0, reached: scan.after };
    loop {
        let mut blocks = next_blocks(snapshot, tenant, scan.order, page.reached, last_id).await?;
        let is_last_stride = (blocks.len() as i64) < STRIDE_BLOCKS;
        selection.ask_token_filters(snapshot, &mut blocks, &mut Effort::default()).await?;
        for block in blocks {
            if page.is_full_before(&block) || (page.reached != scan.after && Instant::now() >= deadline) {
                return Ok(page.end(false));
            }
            let end_of_block = match scan.order {
                Order::Ascending => block.span.last_id,
                Order::Descending => block.span.first_id,
            };
            let coverage = selection.coverage(&block);
            if !coverage.is_none() {
                let found = read_block(snapshot, block, &selection, coverage, page.wanted()).await?;
                if page.has_filled_up_with(found) {
                    return Ok(page.end(false));
                }
            }
            page.reached = end_of_block;
        }
        if is_last_stride {
            page.reached = match scan.order {
                Order::Ascending => last_id.max(page.reached),
                Order::Descending => 0,
            };
            return Ok(page.end(true));
        }
    }
}

async fn next_blocks(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    order: Order,
    reached: i64,
    last_id: i64,
) -> Result<Vec<BlockRow>, StoreError> {
    match order {
        Order::Ascending => blocks_by_id(snapshot, tenant, reached, last_id, STRIDE_BLOCKS).await,
        Order::Descending => blocks_by_id_descending(snapshot, tenant, reached, STRIDE_BLOCKS).await,
    }
}

/// The records of a block that are wanted, and whether there are more.
struct Found {
    records: Vec<LogRecord>,
    has_more: bool,
}

/// Which records of a block are wanted.
#[derive(Clone, Copy)]
struct Wanted {
    after: i64,
    order: Order,
    limit: usize,
}

async fn read_block(
    snapshot: &mut SqliteConnection,
    block: BlockRow,
    selection: &Arc<Selection>,
    coverage: Coverage,
    wanted: Wanted,
) -> Result<Found, StoreError> {
    let parts = read_parts(snapshot, block, true).await?;
    let selection = Arc::clone(selection);
    let found = tokio::task::spawn_blocking(move || select(&parts, &selection, &coverage, wanted)).await;
    found.map_err(|panic| StoreError::Unavailable(panic.into()))?
}

fn select(
    parts: &BlockParts,
    selection: &Selection,
    coverage: &Coverage,
    wanted: Wanted,
) -> Result<Found, StoreError> {
    let head = parts.head()?;
    let mut rows = parts.selected_rows(&head, selection, coverage)?;
    match wanted.order {
        Order::Ascending => rows.retain(|row| head.ids[*row] > wanted.after),
        Order::Descending => rows.retain(|row| head.ids[*row] < wanted.after),
    }
    let has_more = rows.len() > wanted.limit;
    match wanted.order {
        Order::Ascending => rows.truncate(wanted.limit),
        Order::Descending => drop(rows.drain(..rows.len().saturating_sub(wanted.limit))),
    }
    let mut records = parts.records(&head, &rows)?;
    if wanted.order == Order::Descending {
        records.reverse();
    }
    Ok(Found { records, has_more })
}

/// A page that is being filled.
struct PageOfScan {
    scan: Scan,
    records: Vec<LogRecord>,
    bytes: usize,
    reached: i64,
}

impl PageOfScan {
    fn wanted(&self) -> Wanted {
        let limit = self.scan.limit - self.records.len();
        Wanted { after: self.reached, order: self.scan.order, limit }
    }

    /// Says whether all that `block` may hold is too much, and there is something already.
    fn is_full_before(&self, block: &BlockRow) -> bool {
        let may_come = usize::try_from(block.span.record_count).unwrap_or(usize::MAX);
        self.records.len() >= self.scan.limit
            || self.records.len() > self.scan.limit / 4
                && self.records.len().saturating_add(may_come) > self.scan.limit
    }

    /// Adds records; says whether the page is full with them, and the block is not done.
    fn has_filled_up_with(&mut self, found: Found) -> bool {
        for record in found.records {
            let bytes = record.message.len() + record.attributes.len();
            if self.bytes + bytes > PAGE_MAX_BYTES && !self.records.is_empty() {
                return true;
            }
            self.bytes += bytes;
            self.reached = record.id;
            self.records.push(record);
        }
        found.has_more
    }

    fn end(self, is_end: bool) -> ScanPage {
        ScanPage { records: self.records, reached: self.reached, is_end }
    }
}
