//! One block: everything in it decodes, and its row and summary say what its records say.

use std::collections::BTreeMap;

use domain::{Severity, Timestamp};
use sqlx::SqliteConnection;
use store::StoreError;

use super::VerifyReport;
use crate::block::{BLOCK_MAX_CHUNKS, Head, holds_all_tokens};
use crate::blocks::{BlockRow, block_by_row_id, read_chunk, read_head, read_parts, read_token_filter};
use crate::database::classify;

/// Checks the block, if it is still there.
pub(super) async fn check(
    snapshot: &mut SqliteConnection,
    id: i64,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    // A row that cannot be read was met by `rows` already.
    let Ok(Some(block)) = block_by_row_id(snapshot, id).await else { return Ok(()) };
    report.blocks += 1;
    report.records += block.summary.cells.iter().map(|cell| cell.count).sum::<u64>();
    let head = read_head(snapshot, &block).await?;
    for what in disagreements(&block, &head) {
        report.add("blocks", id.to_string(), what);
    }
    check_live_count(snapshot, &block, report).await?;
    check_chunks(snapshot, &block, &head, report).await?;
    check_tokens(snapshot, block, report).await
}

async fn check_live_count(
    snapshot: &mut SqliteConnection,
    block: &BlockRow,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let live_count = sqlx::query_scalar("SELECT live_count FROM blocks WHERE id = ?").bind(block.id);
    let live_count: i64 = live_count.fetch_one(snapshot).await.map_err(classify)?;
    let counted: u64 = block.summary.cells.iter().map(|cell| cell.count).sum();
    if live_count.cast_unsigned() != counted {
        let what = format!("live_count is {live_count} where its summary counts {counted}");
        report.add("blocks", block.id.to_string(), what);
    }
    Ok(())
}

/// A token filter that misses a token would hide a record for ever.
async fn check_tokens(
    snapshot: &mut SqliteConnection,
    block: BlockRow,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let Some(kind) = block.token_filter else { return Ok(()) };
    let id = block.id.to_string();
    let slices = read_token_filter(snapshot, &block).await;
    let Some(slices) = report.damage("token_slices", id.clone(), slices)? else { return Ok(()) };
    let parts = read_parts(snapshot, block).await?;
    // Chunks that cannot be read are problems already.
    let Ok((records, _)) = parts.live_records() else { return Ok(()) };
    if holds_all_tokens(&slices, &records, kind) != Ok(true) {
        report.add("token_slices", id, "they miss tokens of the block's records");
    }
    Ok(())
}

async fn check_chunks(
    snapshot: &mut SqliteConnection,
    block: &BlockRow,
    head: &Head,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    for place in 0..head.chunk_lengths.len() {
        let chunk = read_chunk(snapshot, block, &head.chunk_lengths, place).await;
        let id = block.id * BLOCK_MAX_CHUNKS as i64 + place as i64;
        if report.damage("chunks", id.to_string(), chunk)?.is_some() {
            report.chunks += 1;
        }
    }
    let first = block.id * BLOCK_MAX_CHUNKS as i64;
    let count = sqlx::query_scalar("SELECT count(*) FROM chunks WHERE id >= ? AND id < ?");
    let count = count.bind(first + head.chunk_lengths.len() as i64).bind(first + BLOCK_MAX_CHUNKS as i64);
    let surplus: i64 = count.fetch_one(snapshot).await.map_err(classify)?;
    if surplus > 0 {
        report.add("blocks", block.id.to_string(), format!("{surplus} chunks more than its records need"));
    }
    Ok(())
}

/// Returns what the row and the summary say otherwise than the records.
fn disagreements(block: &BlockRow, head: &Head) -> Vec<&'static str> {
    let mut found = Vec::new();
    let span_of = |times: &[Timestamp]| times.iter().copied().min().zip(times.iter().copied().max());
    if span_of(&head.timestamps) != Some(block.span.timestamps) {
        found.push("min_timestamp or max_timestamp is not that of its records");
    }
    if span_of(&head.received) != Some(block.span.received) {
        found.push("min_received or max_received is not that of its records");
    }
    if !head.ids.is_sorted_by(|a, b| a < b) {
        found.push("its ids do not grow");
    }
    let mut counts: BTreeMap<(u32, Severity), (u64, Timestamp)> = BTreeMap::new();
    for row in (0..head.ids.len()).filter(|row| block.is_live(*row)) {
        let key = (head.service_codes[row], head.severities[row]);
        let sum = counts.entry(key).or_insert((0, Timestamp::MIN));
        sum.0 += 1;
        sum.1 = sum.1.max(head.timestamps[row]);
    }
    let cells = block.summary.cells.iter();
    let summed: BTreeMap<_, _> =
        cells.map(|cell| ((cell.service_code, cell.severity), (cell.count, cell.last_timestamp))).collect();
    if summed != counts {
        found.push("its summary counts otherwise than its records");
    }
    found
}
