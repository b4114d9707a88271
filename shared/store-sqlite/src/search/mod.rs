//! Reading: every function works inside one read transaction and sees one state of the store.
//!
//! * `page_rows` finding the rows of a page
//! * `records` from rows to records
//! * `scan` records in the order of ids
//! * `counts` counting, in all or per bucket of time

mod counts;
mod page_rows;
mod records;
mod scan;

use std::sync::Arc;
use std::time::Instant;

use domain::{Filter, LogRecord, Order, Page, PageStart, Position, Tenant, Timestamp};
use sqlx::SqliteConnection;
use store::{Effort, ReadLimits, SearchPage, StoreError};

use crate::blocks::{Walk, block_holding, open_block, read_head};
use crate::selection::Selection;
pub(crate) use counts::count_by;
use page_rows::{Found, FoundBlock, FoundRow};
pub(crate) use scan::scan;

/// Returns a slice of the records that the filter selects.
pub(crate) async fn search(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    filter: &Filter,
    page: &Page,
    limits: &ReadLimits,
    deadline: Instant,
) -> Result<SearchPage, StoreError> {
    let skipped = match page.start {
        PageStart::Offset(rows) => usize::try_from(rows).unwrap_or(usize::MAX),
        PageStart::First | PageStart::After(_) => 0,
    };
    let limit = page.limit as usize;
    // One row more than asked for tells whether there is a next page.
    let wanted = skipped.saturating_add(limit).saturating_add(1);
    let selection = Selection::new(filter);
    let found = page_rows::find(snapshot, tenant, &selection, page, wanted, deadline).await?;
    let Found { blocks, rows, stopped_at, mut effort } = found;

    let page_rows = rows.get(skipped..).unwrap_or_default();
    let has_more = page_rows.len() > limit;
    let page_rows = &page_rows[..page_rows.len().min(limit)];
    let records = records::read(snapshot, &blocks, page_rows, limits, &mut effort).await?;
    let has_more = has_more || records.len() < page_rows.len();
    let last = records.last().map(|record| Position { timestamp: record.timestamp, id: record.id });
    // Where a page is full, the next one starts behind it, wherever the search stopped.
    let next = if has_more { last } else { stopped_at };
    Ok(SearchPage { records, next, complete: has_more || stopped_at.is_none(), effort })
}

/// Returns the record with this id.
pub(crate) async fn get(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    id: i64,
) -> Result<Option<LogRecord>, StoreError> {
    let Some(block) = block_holding(snapshot, tenant, id).await? else { return Ok(None) };
    let head = read_head(snapshot, &block).await?;
    let row = head.ids.binary_search(&id).ok().filter(|row| block.is_live(*row));
    let Some(row) = row else { return Ok(None) };
    let found = FoundRow::new(&head, row, 0, Order::default());
    let blocks = [FoundBlock { row: block, chunk_lengths: head.chunk_lengths }];
    Ok(records::read(snapshot, &blocks, &[found], &ReadLimits::default(), &mut Effort::default())
        .await?
        .pop())
}

/// Returns the arrival from which on the selected records take at most `max_bytes`; a block's bytes are shared out
/// evenly between its records.
pub(crate) async fn arrival_that_fits(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    filter: &Filter,
    max_bytes: u64,
) -> Result<Option<Timestamp>, StoreError> {
    let selection = Arc::new(Selection::new(filter));
    let mut blocks = Vec::new();
    let mut walk = Walk::new(tenant, &selection, Order::default(), &filter.timestamp);
    while let Some(candidate) = walk.next(snapshot).await? {
        blocks.push(candidate);
    }
    blocks.sort_unstable_by_key(|(block, _)| block.span.received.1);
    let mut bytes = 0;
    let mut earliest = None;
    while let Some((block, coverage)) = blocks.pop() {
        let (span, stored_bytes) = (block.span, block.stored_bytes);
        let selected = match coverage.is_known() {
            true => coverage.count(&block.summary),
            false => {
                let block = open_block(snapshot, block).await?;
                block.selected_rows(snapshot, &selection, &coverage).await?.len() as u64
            }
        };
        if selected == 0 {
            continue;
        }
        bytes += stored_bytes * selected / span.record_count.cast_unsigned().max(1);
        if bytes > max_bytes {
            let nothing_fits = Timestamp::saturating_from_micros(span.received.1.as_micros() + 1);
            return Ok(Some(earliest.unwrap_or(nothing_fits)));
        }
        earliest = Some(span.received.0);
    }
    Ok(None)
}
