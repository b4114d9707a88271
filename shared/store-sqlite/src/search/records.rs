//! From rows to records: reads the texts of exactly these rows, within bounds of memory.

use std::collections::VecDeque;

use domain::LogRecord;
use sqlx::SqliteConnection;
use store::{Effort, ReadLimits, StoreError};

use super::page_rows::{FoundBlock, FoundRow};
use crate::block::{Rest, Texts, locate};
use crate::blocks::{BlockRow, read_chunk};

/// How many decoded chunks are kept while a page is read: rows that lie next to each other in time come from
/// the few blocks that were written at the same time.
const CHUNKS_KEPT: usize = 16;

/// The chunks that were decoded last, newest first.
struct DecodedChunks {
    /// Most bytes of all but the newest.
    max_bytes: usize,
    chunks: VecDeque<DecodedChunk>,
}

struct DecodedChunk {
    /// The block's and the chunk's place.
    key: (usize, usize),
    texts: (Texts, Rest),
    /// What it was decoded from.
    bytes: usize,
}

/// Reads the records of these rows, in their order; the first ones only, where all together are larger than a page may be,
/// but at least one.
pub(super) async fn read(
    snapshot: &mut SqliteConnection,
    blocks: &[FoundBlock],
    rows: &[FoundRow],
    limits: &ReadLimits,
    effort: &mut Effort,
) -> Result<Vec<LogRecord>, StoreError> {
    let mut decoded = DecodedChunks { max_bytes: limits.decoded_max_bytes, chunks: VecDeque::new() };
    let mut records = Vec::with_capacity(rows.len());
    let mut bytes = 0;
    for row in rows {
        let block = &blocks[row.block];
        let located = locate(&block.chunk_lengths, row.row);
        let (chunk, place) =
            located.ok_or_else(|| StoreError::corrupt("a row lies in no chunk of its block"))?;
        let texts = decoded.get(snapshot, block, (row.block, chunk), effort).await?;
        let record = record(row, &block.row, texts, place);
        bytes += page_bytes(&record);
        if bytes > limits.page_max_bytes && !records.is_empty() {
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
        let known = self.chunks.iter().position(|known| known.key == key);
        let place = match known {
            Some(place) => place,
            None => {
                effort.records_decoded += block.chunk_lengths[key.1] as u64;
                // Before the next one is decoded: the older ones may not take more than they are given together.
                self.forget_oldest();
                let chunk = read_chunk(snapshot, &block.row, &block.chunk_lengths, key.1).await?;
                let (texts, bytes) = (chunk.texts, chunk.inflated_bytes);
                self.chunks.push_front(DecodedChunk { key, texts, bytes });
                0
            }
        };
        Ok(&self.chunks[place].texts)
    }

    /// Keeps the newest chunks, as many as may be kept.
    fn forget_oldest(&mut self) {
        let mut bytes = 0;
        let kept = self.chunks.iter().take(CHUNKS_KEPT - 1).take_while(|chunk| {
            bytes += chunk.bytes;
            bytes <= self.max_bytes
        });
        let kept = kept.count();
        self.chunks.truncate(kept);
    }
}

/// Returns what a record takes of a page: its attributes, which are JSON, and its message as it is in JSON, where a control
/// character is six.
pub(super) fn page_bytes(record: &LogRecord) -> usize {
    let more = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0..=0x1f => 5,
        _ => 0,
    };
    let escapes: usize = record.message.as_bytes().iter().map(more).sum();
    record.message.len() + escapes + record.attributes.len()
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

#[cfg(test)]
mod tests {
    use testkit::build::record;

    use super::*;

    #[test]
    fn a_message_takes_of_a_page_what_it_takes_in_json() {
        for message in ["", "plain, äß €", "\u{0}\u{1}\u{1f}\u{7f}", "\"\\\n\r\t\u{8}\u{c}/"] {
            let record = LogRecord::new(1, &record(message).attributes("{\"a\":1}").as_record_ref());
            let json = serde_json::to_string(message).unwrap();
            assert_eq!(page_bytes(&record), json.len() - 2 + "{\"a\":1}".len(), "{message:?}");
        }
    }
}
