//! Records in the order of their ids, a block at a time.

use std::sync::Arc;
use std::time::Instant;

use domain::{Filter, LogRecord, Order, Tenant};
use sqlx::SqliteConnection;
use store::{Effort, ReadLimits, Scan, ScanPage, StoreError};

use super::records::page_bytes;
use crate::blocks::{BlockRow, Chunk, blocks_by_id, blocks_by_id_descending, open_block};
use crate::database::classify;
use crate::decoding::decode;
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
    limits: &ReadLimits,
    deadline: Instant,
) -> Result<ScanPage, StoreError> {
    let selection = Arc::new(Selection::new(filter));
    let last_id = sqlx::query_scalar("SELECT last_id FROM record_ids").fetch_one(&mut *snapshot).await;
    let last_id: i64 = last_id.map_err(classify)?;
    let mut page = PageOfScan::new(scan, limits);
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
                let is_full = page.has_filled_up_with(snapshot, block, &selection, &coverage).await?;
                if is_full {
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

/// The records of a chunk that are wanted, and whether there are more.
struct Found {
    records: Vec<LogRecord>,
    bytes: usize,
    has_more: bool,
}

/// Which records of a chunk are wanted.
#[derive(Clone, Copy)]
struct Wanted {
    after: i64,
    order: Order,
    limit: usize,
    /// Most bytes of texts of all but the first record.
    max_bytes: usize,
    /// Whether there has to be a record, however large it is.
    is_first: bool,
}

/// Returns the wanted records of a chunk, in their order.
fn select(chunk: &Chunk, selection: &Selection, wanted: Wanted) -> Result<Found, StoreError> {
    let (texts, ids) = (chunk.texts(), &chunk.block().head.ids);
    let mut rows = chunk.selected_by(&texts, selection)?;
    match wanted.order {
        Order::Ascending => rows.retain(|row| ids[*row] > wanted.after),
        Order::Descending => {
            rows.retain(|row| ids[*row] < wanted.after);
            rows.reverse();
        }
    }
    let mut found = Found { records: Vec::new(), bytes: 0, has_more: rows.len() > wanted.limit };
    for row in rows.into_iter().take(wanted.limit) {
        let record = chunk.record(&texts, row)?;
        let bytes = page_bytes(&record);
        let is_first = wanted.is_first && found.records.is_empty();
        if found.bytes + bytes > wanted.max_bytes && !is_first {
            found.has_more = true;
            break;
        }
        found.bytes += bytes;
        found.records.push(record);
    }
    Ok(found)
}

/// A page that is being filled.
struct PageOfScan {
    scan: Scan,
    max_bytes: usize,
    records: Vec<LogRecord>,
    bytes: usize,
    reached: i64,
}

impl PageOfScan {
    fn new(scan: &Scan, limits: &ReadLimits) -> Self {
        let max_bytes = scan.max_bytes.min(limits.page_max_bytes);
        Self { scan: *scan, max_bytes, records: Vec::new(), bytes: 0, reached: scan.after }
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            after: self.reached,
            order: self.scan.order,
            limit: self.scan.limit - self.records.len(),
            max_bytes: self.max_bytes.saturating_sub(self.bytes),
            is_first: self.records.is_empty(),
        }
    }

    /// Says whether all that `block` may hold is too much, and there is something already.
    fn is_full_before(&self, block: &BlockRow) -> bool {
        let may_come = usize::try_from(block.span.record_count).unwrap_or(usize::MAX);
        self.records.len() >= self.scan.limit
            || self.records.len() > self.scan.limit / 4
                && self.records.len().saturating_add(may_come) > self.scan.limit
    }

    /// Adds the records of a block, chunk by chunk; says whether the page is full with them, and the block is not done.
    async fn has_filled_up_with(
        &mut self,
        snapshot: &mut SqliteConnection,
        block: BlockRow,
        selection: &Arc<Selection>,
        coverage: &Coverage,
    ) -> Result<bool, StoreError> {
        let block = open_block(snapshot, block).await?;
        let mut chunks = block.chunks(selection, coverage);
        if self.scan.order == Order::Descending {
            chunks.reverse();
        }
        for chunk in chunks {
            if self.records.len() >= self.scan.limit && !self.records.is_empty() {
                return Ok(true);
            }
            let chunk = chunk.read(snapshot, &block).await?;
            let (selection, wanted) = (Arc::clone(selection), self.wanted());
            let found = decode(move || select(&chunk, &selection, wanted)).await??;
            self.bytes += found.bytes;
            self.reached = found.records.last().map_or(self.reached, |record| record.id);
            self.records.extend(found.records);
            if found.has_more {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn end(self, is_end: bool) -> ScanPage {
        ScanPage { records: self.records, reached: self.reached, is_end }
    }
}
