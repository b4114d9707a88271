//! Finding the rows of a page: blocks in the order of time, the best rows so far in a bounded heap, and an
//! end as soon as no further block can hold a better one.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Instant;

use domain::{Filter, Order, Page, PageStart, Position, Severity, Tenant, Timestamp};
use sqlx::SqliteConnection;
use store::StoreError;

use crate::block::{Head, locate};
use crate::blocks::{BlockRow, Coverage, Walk, matching_messages, read_head, read_messages};

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
    let mut walk = Walk::new(tenant, filter, page.order, &range);
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
        let rows =
            block.rows_by_head(&head, filter).map(|row| FoundRow::new(&head, row, blocks.len(), page.order));
        let rows =
            rows.filter(|row| after.is_none_or(|after| page.order.compare(row.position, after).is_gt()));
        let has_taken = if filter.texts.is_empty() {
            best.take(rows)
        } else {
            best.take_with_texts(snapshot, &block, &head, filter, rows.collect()).await?
        };
        if has_taken {
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

    /// Takes the better ones of these rows; says whether there were any.
    fn take(&mut self, rows: impl Iterator<Item = FoundRow>) -> bool {
        let mut has_taken = false;
        for row in rows {
            has_taken |= self.offer(row);
        }
        has_taken
    }

    /// Takes the better ones of these rows of a block, if their messages have the filter's texts; says whether there
    /// were any. A chunk is read only while it may hold a better one, those with the best rows first.
    async fn take_with_texts(
        &mut self,
        snapshot: &mut SqliteConnection,
        block: &BlockRow,
        head: &Head,
        filter: &Filter,
        rows: Vec<FoundRow>,
    ) -> Result<bool, StoreError> {
        let mut has_taken = false;
        for (chunk, rows) in best_chunks_first(&head.chunk_lengths, rows) {
            let is_better = |row: &FoundRow| self.worst().is_none_or(|worst| row < worst);
            let better: Vec<FoundRow> = rows.into_iter().filter(is_better).collect();
            if better.is_empty() {
                continue;
            }
            let messages = read_messages(snapshot, block, &head.chunk_lengths, chunk).await?;
            let is_selected = matching_messages(&messages, filter);
            let first_row: usize = head.chunk_lengths[..chunk].iter().sum();
            for row in better {
                if is_selected[row.row - first_row] {
                    has_taken |= self.offer(row);
                }
            }
        }
        Ok(has_taken)
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

/// Sorts rows by the chunk that they lie in; the chunks with the best rows first.
fn best_chunks_first(chunk_lengths: &[usize], rows: Vec<FoundRow>) -> Vec<(usize, Vec<FoundRow>)> {
    let mut chunks: BTreeMap<usize, Vec<FoundRow>> = BTreeMap::new();
    for row in rows {
        let (chunk, _) = locate(chunk_lengths, row.row).unwrap_or_default();
        chunks.entry(chunk).or_default().push(row);
    }
    let mut chunks: Vec<_> = chunks.into_iter().collect();
    chunks.sort_by_key(|(_, rows)| rows.iter().min().copied());
    chunks
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
