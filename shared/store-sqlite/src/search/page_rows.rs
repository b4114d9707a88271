//! Finding the rows of a page: blocks in the order of time, the best rows so far in a bounded heap, and an
//! end as soon as no further block can hold a better one.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Instant;

use domain::{Order, Page, PageStart, Position, Severity, Tenant, TimeRange, Timestamp};
use sqlx::SqliteConnection;
use store::{Effort, StoreError};

use crate::block::{Head, locate};
use crate::blocks::{BlockRow, Walk, corrupt, read_head, read_payload};
use crate::selection::{Candidate, ChunkTexts, Selection};

/// How many of the blocks that were read are named.
const BLOCKS_NAMED: usize = 100;

/// The rows of a page, in order, and the blocks that they lie in.
pub(super) struct Found {
    pub(super) blocks: Vec<FoundBlock>,
    pub(super) rows: Vec<FoundRow>,
    /// Where the search stopped because time was up: rows are missing behind this position only. `None`: it got to its
    /// end.
    pub(super) stopped_at: Option<Position>,
    pub(super) effort: Effort,
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

/// Finds the first `wanted` rows of the page. At the deadline it stops with the first rows that no block can come before
/// that it has not looked at; but not where that would be the position from which it started: whoever goes on there
/// has to get further.
pub(super) async fn find(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    selection: &Selection,
    page: &Page,
    wanted: usize,
    deadline: Instant,
) -> Result<Found, StoreError> {
    let after = match page.start {
        PageStart::After(position) => Some(position),
        PageStart::First | PageStart::Offset(_) => None,
    };
    let range = range_behind(selection.timestamp(), after, page.order);
    let mut walk = Walk::new(tenant, selection, page.order, &range);
    let mut best = Best { wanted, heap: BinaryHeap::new() };
    let mut blocks = Vec::new();
    // Before the first block there is nothing to stop at either.
    let (mut stopped_at, mut first_stop) = (None, None);
    while let Some((block, coverage)) = walk.next(snapshot).await? {
        if best.is_settled_before(&block, page.order) {
            break;
        }
        let before_block = before_all_of(&block, page.order);
        let gets_further = *first_stop.get_or_insert(before_block) != before_block
            && after.is_none_or(|after| page.order.compare(before_block, after).is_gt());
        if gets_further && Instant::now() >= deadline {
            stopped_at = Some(before_block);
            break;
        }
        if coverage.is_none() || best.is_better_than(&block, page.order) {
            continue;
        }
        note_read(&mut walk.effort, &block);
        let head = read_head(snapshot, &block).await?;
        let candidates = selection.candidates(&block, &head, &coverage);
        walk.effort.records_considered += candidates.len() as u64;
        let row_of = |candidate: Candidate| {
            let row = FoundRow::new(&head, candidate.row, blocks.len(), page.order);
            let is_behind = after.is_none_or(|after| page.order.compare(row.position, after).is_gt());
            is_behind.then_some((row, candidate.is_sure))
        };
        let rows: Vec<(FoundRow, bool)> = candidates.into_iter().filter_map(row_of).collect();
        let source = Source { block: &block, head: &head, selection };
        if best.take(snapshot, &source, rows, &mut walk.effort).await? {
            blocks.push(FoundBlock { row: block, chunk_lengths: head.chunk_lengths });
        }
    }
    let mut rows = best.heap.into_sorted_vec();
    if let Some(stopped_at) = stopped_at {
        rows.retain(|row| page.order.compare(row.position, stopped_at).is_lt());
    }
    Ok(Found { blocks, rows, stopped_at, effort: walk.effort })
}

/// Returns the part of a range of time that rows behind a position can lie in.
fn range_behind(mut range: TimeRange, after: Option<Position>, order: Order) -> TimeRange {
    match (after, order) {
        (None, _) => {}
        (Some(position), Order::Descending) => range.end_before(position.timestamp.as_micros() + 1),
        (Some(position), Order::Ascending) => range.start_at(position.timestamp.as_micros()),
    }
    range
}

/// Returns a position that comes before all rows of a block, and of the blocks behind it, and directly behind all rows
/// that come before these.
fn before_all_of(block: &BlockRow, order: Order) -> Position {
    match order {
        Order::Descending => Position { timestamp: block.span.timestamps.1, id: i64::MAX },
        Order::Ascending => Position { timestamp: block.span.timestamps.0, id: 0 },
    }
}

fn note_read(effort: &mut Effort, block: &BlockRow) {
    effort.blocks_read_count += 1;
    if effort.blocks_read.len() < BLOCKS_NAMED {
        effort.blocks_read.push(block.id);
    }
}

/// A block whose rows are looked at.
struct Source<'a> {
    block: &'a BlockRow,
    head: &'a Head,
    selection: &'a Selection,
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

    /// Takes the better ones of these rows of a block, those that are sure and those whose texts are selected; says
    /// whether there were any. A chunk is read only while it may hold a better one, those with the best rows first.
    async fn take(
        &mut self,
        snapshot: &mut SqliteConnection,
        source: &Source<'_>,
        rows: Vec<(FoundRow, bool)>,
        effort: &mut Effort,
    ) -> Result<bool, StoreError> {
        let mut has_taken = false;
        let (sure, unsure): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, is_sure)| *is_sure);
        for (row, _) in sure {
            has_taken |= self.offer(row);
        }
        let Source { block, head, selection } = source;
        for (chunk, rows) in best_chunks_first(&head.chunk_lengths, unsure) {
            let is_better = |row: &FoundRow| self.worst().is_none_or(|worst| row < worst);
            let better: Vec<FoundRow> = rows.into_iter().filter(is_better).collect();
            if better.is_empty() {
                continue;
            }
            let first: usize = head.chunk_lengths[..chunk].iter().sum();
            let of_chunk = first..first + head.chunk_lengths[chunk];
            effort.records_decoded += of_chunk.len() as u64;
            let payload = read_payload(snapshot, block, chunk).await?;
            let candidates: Vec<Candidate> =
                better.iter().map(|row| Candidate { row: row.row, is_sure: false }).collect();
            let texts = ChunkTexts::new(&payload, of_chunk.len());
            let selected = selection.selected(block, head, of_chunk, &texts, &candidates);
            let selected = selected.map_err(|malformed| corrupt(block.id, "chunk", malformed))?;
            for row in better.into_iter().filter(|row| selected.binary_search(&row.row).is_ok()) {
                has_taken |= self.offer(row);
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
fn best_chunks_first(chunk_lengths: &[usize], rows: Vec<(FoundRow, bool)>) -> Vec<(usize, Vec<FoundRow>)> {
    let mut chunks: BTreeMap<usize, Vec<FoundRow>> = BTreeMap::new();
    for (row, _) in rows {
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
