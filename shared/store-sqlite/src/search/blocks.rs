//! Walking over a tenant's blocks, and reading their parts.

use std::collections::VecDeque;

use domain::{Filter, Order, Tenant, TimeRange};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use store::StoreError;

use crate::block::{
    BLOCK_MAX_CHUNKS, BlockSpan, ChunkTexts, Head, Malformed, Summary, decode_chunk, decode_head,
};
use crate::database::{classify, column, time_column};

/// How many blocks a walk reads ahead.
const WALK_STRIDE: i64 = 64;

/// A block's row without its head.
#[derive(Debug)]
pub(crate) struct BlockRow {
    pub(crate) id: i64,
    pub(crate) span: BlockSpan,
    pub(crate) summary: Summary,
    /// How many bytes its row and chunks take.
    pub(crate) stored_bytes: u64,
}

/// What a block's row says of the records that a filter selects in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// There are none.
    None,
    /// They are exactly the records of the summary's selected cells.
    ByCells,
    /// There may be some: the head has to tell.
    Some,
}

/// The columns that [`BlockRow::from_row`] reads.
macro_rules! select_blocks {
    ($rest:literal) => {
        concat!(
            "SELECT id, first_id, last_id, record_count, min_timestamp, max_timestamp, min_received, max_received,
                    checksum, summary, stored_bytes
             FROM blocks ",
            $rest
        )
    };
}

impl BlockRow {
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
        const TABLE: &str = "blocks";
        let summary: &[u8] = column(row, TABLE, "summary")?;
        let span = BlockSpan {
            first_id: column(row, TABLE, "first_id")?,
            last_id: column(row, TABLE, "last_id")?,
            record_count: column(row, TABLE, "record_count")?,
            timestamps: (
                time_column(row, TABLE, "min_timestamp")?,
                time_column(row, TABLE, "max_timestamp")?,
            ),
            received: (time_column(row, TABLE, "min_received")?, time_column(row, TABLE, "max_received")?),
        };
        let id = column(row, TABLE, "id")?;
        if span.checksum(summary) != column::<u32>(row, TABLE, "checksum")? {
            return Err(corrupt(id, "row", Malformed("its checksum is wrong")));
        }
        let summary = Summary::decode(summary, span.timestamps.1).map_err(|e| corrupt(id, "summary", e))?;
        let stored_bytes = column::<i64>(row, TABLE, "stored_bytes")?.cast_unsigned();
        Ok(Self { id, span, summary, stored_bytes })
    }

    /// Compares the row with a filter.
    pub(crate) fn coverage(&self, filter: &Filter) -> Coverage {
        let BlockSpan { timestamps, received, .. } = self.span;
        let overlaps = filter.timestamp.overlaps(timestamps.0, timestamps.1)
            && filter.received_at.overlaps(received.0, received.1);
        if !overlaps || self.summary.selected(filter).next().is_none() {
            return Coverage::None;
        }
        let times_are_inside = filter.timestamp.covers(timestamps.0, timestamps.1)
            && filter.received_at.covers(received.0, received.1);
        if times_are_inside { Coverage::ByCells } else { Coverage::Some }
    }
}

/// A walk over the blocks that overlap a time range: newest end first, or oldest start first.
pub(crate) struct Walk<'a> {
    tenant: &'a Tenant,
    order: Order,
    range: TimeRange,
    /// Sort key of the last block that was read: its end and start (or start and end), and its id.
    last: (i64, i64, i64),
    ahead: VecDeque<BlockRow>,
    is_at_end: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(tenant: &'a Tenant, order: Order, range: &TimeRange) -> Self {
        let last = match order {
            Order::Descending => (i64::MAX, i64::MAX, i64::MAX),
            Order::Ascending => (i64::MIN, i64::MIN, i64::MIN),
        };
        Self { tenant, order, range: *range, last, ahead: VecDeque::new(), is_at_end: false }
    }

    /// Returns the next block.
    pub(crate) async fn next(
        &mut self,
        snapshot: &mut SqliteConnection,
    ) -> Result<Option<BlockRow>, StoreError> {
        if self.ahead.is_empty() && !self.is_at_end {
            self.read_ahead(snapshot).await?;
        }
        Ok(self.ahead.pop_front())
    }

    async fn read_ahead(&mut self, snapshot: &mut SqliteConnection) -> Result<(), StoreError> {
        let query = match self.order {
            Order::Descending => sqlx::query(select_blocks!(
                "WHERE tenant = ?1 AND max_timestamp >= ?2 AND min_timestamp < ?3
                   AND (max_timestamp, min_timestamp, id) < (?4, ?5, ?6)
                 ORDER BY max_timestamp DESC, min_timestamp DESC, id DESC LIMIT ?7"
            )),
            Order::Ascending => sqlx::query(select_blocks!(
                "WHERE tenant = ?1 AND max_timestamp >= ?2 AND min_timestamp < ?3
                   AND (min_timestamp, max_timestamp, id) > (?4, ?5, ?6)
                 ORDER BY min_timestamp, max_timestamp, id LIMIT ?7"
            )),
        };
        let query = query
            .bind(self.tenant.as_str())
            .bind(self.range.from.unwrap_or(i64::MIN))
            .bind(self.range.to.unwrap_or(i64::MAX))
            .bind(self.last.0)
            .bind(self.last.1)
            .bind(self.last.2)
            .bind(WALK_STRIDE);
        let rows = query.fetch_all(snapshot).await.map_err(classify)?;
        self.is_at_end = (rows.len() as i64) < WALK_STRIDE;
        self.ahead = rows.iter().map(BlockRow::from_row).collect::<Result<_, _>>()?;
        if let Some(block) = self.ahead.back() {
            let (start, end) = block.span.timestamps;
            let (start, end) = (start.as_micros(), end.as_micros());
            self.last = match self.order {
                Order::Descending => (end, start, block.id),
                Order::Ascending => (start, end, block.id),
            };
        }
        Ok(())
    }
}

/// Returns up to `limit` blocks whose ids of records begin after `after` and not after `until`, in order.
pub(crate) async fn blocks_by_id(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    after: i64,
    until: i64,
    limit: i64,
) -> Result<Vec<BlockRow>, StoreError> {
    let query = sqlx::query(select_blocks!(
        "WHERE tenant = ? AND first_id > ? AND first_id <= ? ORDER BY first_id LIMIT ?"
    ));
    let query = query.bind(tenant.as_str()).bind(after).bind(until).bind(limit);
    query.fetch_all(snapshot).await.map_err(classify)?.iter().map(BlockRow::from_row).collect()
}

/// Returns the block that holds the record with this id, if there is one.
pub(super) async fn block_holding(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    id: i64,
) -> Result<Option<BlockRow>, StoreError> {
    let query =
        sqlx::query(select_blocks!("WHERE tenant = ? AND first_id <= ? ORDER BY first_id DESC LIMIT 1"));
    let row = query.bind(tenant.as_str()).bind(id).fetch_optional(snapshot).await.map_err(classify)?;
    let block = row.as_ref().map(BlockRow::from_row).transpose()?;
    Ok(block.filter(|block| block.span.last_id >= id))
}

/// Reads a block's head.
pub(crate) async fn read_head(snapshot: &mut SqliteConnection, block: &BlockRow) -> Result<Head, StoreError> {
    let query = sqlx::query("SELECT head FROM blocks WHERE id = ?").bind(block.id);
    let row = query.fetch_one(snapshot).await.map_err(classify)?;
    let head: &[u8] = column(&row, "blocks", "head")?;
    decode_head(head, &block.span, block.summary.services.len())
        .map_err(|malformed| corrupt(block.id, "head", malformed))
}

/// Reads one of a block's chunks.
pub(crate) async fn read_chunk(
    snapshot: &mut SqliteConnection,
    block: &BlockRow,
    chunk_lengths: &[usize],
    chunk: usize,
) -> Result<ChunkTexts, StoreError> {
    let id = block.id * BLOCK_MAX_CHUNKS as i64 + chunk as i64;
    let row = sqlx::query("SELECT payload FROM chunks WHERE id = ?").bind(id);
    let row = row.fetch_optional(snapshot).await.map_err(classify)?;
    let row = row.ok_or_else(|| corrupt(block.id, "chunk", Malformed("it is missing")))?;
    let payload: &[u8] = column(&row, "chunks", "payload")?;
    decode_chunk(payload, chunk_lengths[chunk]).map_err(|malformed| corrupt(block.id, "chunk", malformed))
}

/// Returns the rows of a block that the filter selects, in order.
pub(crate) fn selected_rows<'a>(
    head: &'a Head,
    summary: &Summary,
    filter: &'a Filter,
) -> impl Iterator<Item = usize> + 'a {
    let is_meant: Vec<bool> = summary.services.iter().map(|name| filter.selects_service(name)).collect();
    (0..head.ids.len()).filter(move |row| {
        is_meant[head.service_codes[*row] as usize]
            && filter.severities.contains(head.severities[*row])
            && filter.timestamp.contains(head.timestamps[*row])
            && filter.received_at.contains(head.received[*row])
    })
}

fn corrupt(block_id: i64, part: &str, malformed: Malformed) -> StoreError {
    let what = format!("block {block_id}, {part}");
    StoreError::Corrupt { what, source: Some(malformed.into()) }
}
