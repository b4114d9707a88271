//! From rows to records: reads the texts, each chunk once.

use std::collections::BTreeMap;

use domain::LogRecord;
use sqlx::SqliteConnection;
use store::StoreError;

use super::blocks::{BlockRow, read_chunk};
use super::newest::{FoundBlock, FoundRow};
use crate::block::{ChunkTexts, locate};

/// Reads the records of these rows, in their order.
pub(super) async fn read(
    snapshot: &mut SqliteConnection,
    blocks: &[FoundBlock],
    rows: &[FoundRow],
) -> Result<Vec<LogRecord>, StoreError> {
    let mut by_chunk: BTreeMap<(usize, usize), Vec<(usize, usize)>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let located = locate(&blocks[row.block].chunk_lengths, row.row);
        let (chunk, place) =
            located.ok_or_else(|| StoreError::corrupt("a row lies in no chunk of its block"))?;
        by_chunk.entry((row.block, chunk)).or_default().push((index, place));
    }
    let mut records: Vec<(usize, LogRecord)> = Vec::with_capacity(rows.len());
    for ((block, chunk), members) in by_chunk {
        let block = &blocks[block];
        let texts = read_chunk(snapshot, &block.row, &block.chunk_lengths, chunk).await?;
        for (index, place) in members {
            records.push((index, record(&rows[index], &block.row, &texts, place)));
        }
    }
    records.sort_unstable_by_key(|(index, _)| *index);
    Ok(records.into_iter().map(|(_, record)| record).collect())
}

fn record(row: &FoundRow, block: &BlockRow, texts: &ChunkTexts, place: usize) -> LogRecord {
    LogRecord {
        id: row.position.id,
        timestamp: row.position.timestamp,
        received_at: row.received_at,
        severity: row.severity,
        service: block.summary.services[row.service_code as usize].clone(),
        message: texts.messages.get(place).to_owned(),
        trace_id: texts.trace_ids.get(place).to_owned(),
        span_id: texts.span_ids.get(place).to_owned(),
        host: texts.hosts.get(place).to_owned(),
        attributes: texts.attributes.get(place).to_owned(),
    }
}
