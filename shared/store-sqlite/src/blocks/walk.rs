//! Blocks in the order of time, or of ids.

use std::collections::VecDeque;

use domain::{Order, Tenant, TimeRange};
use sqlx::SqliteConnection;
use store::{Effort, StoreError};

use super::row::{BlockRow, select_blocks};
use crate::database::classify;
use crate::selection::{Coverage, Selection};

/// How many blocks a walk reads ahead at first: the newest few hold most answers.
const FIRST_STRIDE: i64 = 4;

/// How many it reads ahead at most, each time four times as many as the last.
const LAST_STRIDE: i64 = 64;

/// A walk over the blocks that overlap a time range: newest end first, or oldest start first.
pub(crate) struct Walk<'a> {
    tenant: &'a Tenant,
    selection: &'a Selection,
    order: Order,
    range: TimeRange,
    /// Sort key of the last block that was read: its end and start (or start and end), and its id.
    last: (i64, i64, i64),
    stride: i64,
    ahead: VecDeque<BlockRow>,
    is_at_end: bool,
    /// What the walk took so far; of token filters, the rest is for whoever walks.
    pub(crate) effort: Effort,
}

impl<'a> Walk<'a> {
    /// Walks over the blocks that overlap `range`. Their token filters are asked already.
    pub(crate) fn new(tenant: &'a Tenant, selection: &'a Selection, order: Order, range: &TimeRange) -> Self {
        let last = match order {
            Order::Descending => (i64::MAX, i64::MAX, i64::MAX),
            Order::Ascending => (i64::MIN, i64::MIN, i64::MIN),
        };
        Self {
            tenant,
            selection,
            order,
            range: *range,
            last,
            stride: FIRST_STRIDE,
            ahead: VecDeque::new(),
            is_at_end: false,
            effort: Effort::default(),
        }
    }

    /// Returns the next block, and what its row says of the selection.
    pub(crate) async fn next(
        &mut self,
        snapshot: &mut SqliteConnection,
    ) -> Result<Option<(BlockRow, Coverage)>, StoreError> {
        if self.ahead.is_empty() && !self.is_at_end {
            self.read_ahead(snapshot).await?;
        }
        let Some(block) = self.ahead.pop_front() else { return Ok(None) };
        let coverage = self.selection.coverage(&block);
        self.effort.blocks_considered += 1;
        if coverage.is_none() {
            match block.lacks.contains(&true) {
                true => self.effort.blocks_ruled_out_by_tokens += 1,
                false => self.effort.blocks_ruled_out_by_summary += 1,
            }
        }
        Ok(Some((block, coverage)))
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
            .bind(self.stride);
        let rows = query.fetch_all(&mut *snapshot).await.map_err(classify)?;
        self.is_at_end = (rows.len() as i64) < self.stride;
        self.stride = LAST_STRIDE.min(self.stride * 4);
        let mut blocks = rows.iter().map(BlockRow::from_row).collect::<Result<Vec<_>, _>>()?;
        self.selection.ask_token_filters(snapshot, &mut blocks, &mut self.effort).await?;
        self.ahead = blocks.into();
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

/// Returns up to `limit` blocks that hold ids after `after` and not only ids after `until`, in the order of ids.
pub(crate) async fn blocks_by_id(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    after: i64,
    until: i64,
    limit: i64,
) -> Result<Vec<BlockRow>, StoreError> {
    // A merged block may begin before `after` and end behind it.
    let query = sqlx::query(select_blocks!(
        "WHERE tenant = ?1 AND last_id > ?2 AND first_id <= ?3 AND first_id >= coalesce(
             (SELECT max(first_id) FROM blocks WHERE tenant = ?1 AND first_id <= ?2), 0)
         ORDER BY first_id LIMIT ?4"
    ));
    let query = query.bind(tenant.as_str()).bind(after).bind(until).bind(limit);
    query.fetch_all(snapshot).await.map_err(classify)?.iter().map(BlockRow::from_row).collect()
}

/// Returns up to `limit` blocks that hold ids below `before`, in the order of falling ids.
pub(crate) async fn blocks_by_id_descending(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    before: i64,
    limit: i64,
) -> Result<Vec<BlockRow>, StoreError> {
    let query =
        sqlx::query(select_blocks!("WHERE tenant = ? AND first_id < ? ORDER BY first_id DESC LIMIT ?"));
    let query = query.bind(tenant.as_str()).bind(before).bind(limit);
    query.fetch_all(snapshot).await.map_err(classify)?.iter().map(BlockRow::from_row).collect()
}

/// Returns the block that holds the record with this id, if there is one.
pub(crate) async fn block_holding(
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

/// Returns the block whose row has this id, if it is still there.
pub(crate) async fn block_by_row_id(
    snapshot: &mut SqliteConnection,
    id: i64,
) -> Result<Option<BlockRow>, StoreError> {
    let row = sqlx::query(select_blocks!("WHERE id = ?")).bind(id).fetch_optional(snapshot).await;
    row.map_err(classify)?.as_ref().map(BlockRow::from_row).transpose()
}
