//! Finding the rows of a page: blocks in the order of time, the best rows so far in a bounded heap, and an
//! end as soon as no further block can hold a better one.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Instant;

use domain::{Filter, Order, Page, PageStart, Position, Severity, Tenant, Timestamp};
use sqlx::SqliteConnection;
use store::StoreError;

use super::blocks::{BlockRow, Coverage, Walk, read_head, selected_rows};
use crate::block::Head;

/// The rows of a page, in order, and the blocks that they lie in.
pub(super) struct Found {
    pub(super) blocks: Vec<FoundBlock>,
    pub(super) rows: Vec<FoundRow>,
    pub(super) complete: bool,
}

/// A block that holds rows of the page.
pub(super) struct FoundBlock {
    pub(super) row: BlockRow,
    pub(super) chunk_lengths: Vec<usize>,
}

/// A row of the page: everything of the record but its texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundRow {
    pub(super) position: Position,
    pub(super) received_at: Timestamp,
    pub(super) severity: Severity,
    pub(super) service_code: u32,
    /// An index into [`Found::blocks`].
    pub(super) block: usize,
    /// The record's row in its block.
    pub(super) row: usize,
    order: Order,
}

/// The best `wanted` rows so far; the worst of them on top.
struct Best {
    wanted: usize,
    heap: BinaryHeap<FoundRow>,
}

/// Finds the first `wanted` rows of the page.
pub(super) async fn find(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    filter: &Filter,
    page: &Page,
    wanted: usize,
    deadline: Instant,
) -> Result<Found, StoreError> {
    let after = match page.start {
        PageStart::After(position) => Some(position),
        PageStart::First | PageStart::Offset(_) => None,
    };
    let mut range = filter.timestamp;
    match (after, page.order) {
        (None, _) => {}
        (Some(position), Order::Descending) => range.end_before(position.timestamp.as_micros() + 1),
        (Some(position), Order::Ascending) => range.start_at(position.timestamp.as_micros()),
    }
    let mut walk = Walk::new(tenant, page.order, &range);
    let mut best = Best { wanted, heap: BinaryHeap::new() };
    let mut blocks = Vec::new();
    let mut complete = true;
    while let Some(block) = walk.next(snapshot).await? {
        if best.is_settled_before(&block, page.order) {
            break;
        }
        if Instant::now() >= deadline {
            complete = false;
            break;
        }
        if block.coverage(filter) == Coverage::None || best.is_better_than(&block, page.order) {
            continue;
        }
        let head = read_head(snapshot, &block).await?;
        if best.take_from(&block, &head, filter, after, page.order, blocks.len()) {
            blocks.push(FoundBlock { row: block, chunk_lengths: head.chunk_lengths });
        }
    }
    Ok(Found { blocks, rows: best.heap.into_sorted_vec(), complete })
}

impl Best {
    /// Returns the worst row, once there are as many as are wanted.
    fn worst(&self) -> Option<&FoundRow> {
        self.heap.peek().filter(|_| self.heap.len() == self.wanted)
    }

    /// Says whether neither `block` nor any block that the walk brings later holds a better row.
    fn is_settled_before(&self, block: &BlockRow, order: Order) -> bool {
        let Some(worst) = self.worst() else { return false };
        match order {
            Order::Descending => block.span.timestamps.1 < worst.position.timestamp,
            Order::Ascending => block.span.timestamps.0 > worst.position.timestamp,
        }
    }

    /// Says whether even the best row that `block` can hold comes behind the worst so far. Decides by ids where
    /// many records have one timestamp.
    fn is_better_than(&self, block: &BlockRow, order: Order) -> bool {
        let Some(worst) = self.worst() else { return false };
        let best_of_block = match order {
            Order::Descending => Position { timestamp: block.span.timestamps.1, id: block.span.last_id },
            Order::Ascending => Position { timestamp: block.span.timestamps.0, id: block.span.first_id },
        };
        order.compare(best_of_block, worst.position).is_ge()
    }

    /// Takes the block's better rows; says whether there were any.
    fn take_from(
        &mut self,
        block: &BlockRow,
        head: &Head,
        filter: &Filter,
        after: Option<Position>,
        order: Order,
        block_index: usize,
    ) -> bool {
        let mut has_taken = false;
        for row in selected_rows(head, &block.summary, filter) {
            let found = FoundRow::new(head, row, block_index, order);
            if after.is_some_and(|after| order.compare(found.position, after).is_le()) {
                continue;
            }
            has_taken |= self.offer(found);
        }
        has_taken
    }

    /// Takes the row if it is better than the worst; says whether it was.
    fn offer(&mut self, row: FoundRow) -> bool {
        if self.heap.len() < self.wanted {
            self.heap.push(row);
            return true;
        }
        let Some(mut worst) = self.heap.peek_mut().filter(|worst| row < **worst) else { return false };
        *worst = row;
        true
    }
}

// === impl FoundRow: ordered as the page is ===

impl FoundRow {
    /// Makes the row of a block, which is or will be at `block` in [`Found::blocks`].
    pub(super) fn new(head: &Head, row: usize, block: usize, order: Order) -> Self {
        Self {
            position: Position { timestamp: head.timestamps[row], id: head.ids[row] },
            received_at: head.received[row],
            severity: head.severities[row],
            service_code: head.service_codes[row],
            block,
            row,
            order,
        }
    }
}

impl Ord for FoundRow {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order.compare(self.position, other.position)
    }
}

impl PartialOrd for FoundRow {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FoundRow {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for FoundRow {}
