//! From rows to records: reads the texts of exactly these rows, within bounds of memory.

use std::collections::VecDeque;

use domain::LogRecord;
use domain::limits::PAGE_MAX_BYTES;
use sqlx::SqliteConnection;
use store::{Effort, StoreError};

use super::page_rows::{FoundBlock, FoundRow};
use crate::block::{Rest, Texts, locate};
use crate::blocks::{BlockRow, read_chunk};

/// How many decoded chunks are kept while a page is read: rows that lie next to each other in time come from
/// the few blocks that were written at the same time.
const CHUNKS_KEPT: usize = 16;

/// The chunks that were decoded last, newest first.
#[derive(Default)]
struct DecodedChunks {
    chunks: VecDeque<((usize, usize), (Texts, Rest))>,
}

/// Reads the records of these rows, in their order; the first ones only, where all together are larger than
/// [`PAGE_MAX_BYTES`], but at least one.
pub(super) async fn read(
    snapshot: &mut SqliteConnection,
    blocks: &[FoundBlock],
    rows: &[FoundRow],
    effort: &mut Effort,
) -> Result<Vec<LogRecord>, StoreError> {
    let mut decoded = DecodedChunks::default();
    let mut records = Vec::with_capacity(rows.len());
    let mut bytes = 0;
    for row in rows {
        let block = &blocks[row.block];
        let located = locate(&block.chunk_lengths, row.row);
        let (chunk, place) =
            located.ok_or_else(|| StoreError::corrupt("a row lies in no chunk of its block"))?;
        let texts = decoded.get(snapshot, block, (row.block, chunk), effort).await?;
        let record = record(row, &block.row, texts, place);
        bytes += record.message.len() + record.attributes.len();
        if bytes > PAGE_MAX_BYTES && !records.is_empty() {
            break;
        }
        records.push(record);
    }
    Ok(records)
}

impl DecodedChunks {
    /// Returns a chunk, decoded; `key` is the block's and the chunk's place.
    async fn get(
        &mut self,
        snapshot: &mut SqliteConnection,
        block: &FoundBlock,
        key: (usize, usize),
        effort: &mut Effort,
    ) -> Result<&(Texts, Rest), StoreError> {
        let known = self.chunks.iter().position(|(known, _)| *known == key);
        let place = match known {
            Some(place) => place,
            None => {
                effort.records_decoded += block.chunk_lengths[key.1] as u64;
                let texts = read_chunk(snapshot, &block.row, &block.chunk_lengths, key.1).await?;
                self.chunks.truncate(CHUNKS_KEPT - 1);
                self.chunks.push_front((key, texts));
                0
            }
        };
        Ok(&self.chunks[place].1)
    }
}

fn record(row: &FoundRow, block: &BlockRow, (messages, rest): &(Texts, Rest), place: usize) -> LogRecord {
    LogRecord {
        id: row.position.id,
        timestamp: row.position.timestamp,
        received_at: row.received_at,
        severity: row.severity,
        service: block.summary.services[row.service_code as usize].clone(),
        message: messages.get(place).into_owned(),
        trace_id: rest.trace_ids.get(place).into_owned(),
        span_id: rest.span_ids.get(place).into_owned(),
        host: rest.hosts.get(place).into_owned(),
        attributes: rest.attributes.get(place).into_owned(),
    }
}
