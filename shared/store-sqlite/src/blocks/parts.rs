//! Parts of blocks that are read when they are needed: heads, chunks, token filters.

use std::collections::BTreeMap;
use std::ops::Range;

use domain::{LogRecord, RecordBatch, RecordRef};
use sqlx::SqliteConnection;
use store::StoreError;

use super::row::{BlockRow, corrupt};
use crate::block::{
    BLOCK_MAX_CHUNKS, Head, Malformed, Rest, SLICES, Texts, check_slice, decode_head, decode_messages,
    decode_rest,
};
use crate::database::{classify, column};
use crate::selection::{ChunkTexts, Coverage, Selection};

/// Reads a block's head.
pub(crate) async fn read_head(snapshot: &mut SqliteConnection, block: &BlockRow) -> Result<Head, StoreError> {
    let query = sqlx::query("SELECT head FROM blocks WHERE id = ?").bind(block.id);
    let row = query.fetch_one(snapshot).await.map_err(classify)?;
    let head: &[u8] = column(&row, "blocks", "head")?;
    decode_head(head, &block.span, block.summary.services.len())
        .map_err(|malformed| corrupt(block.id, "head", malformed))
}

/// Reads one of a block's chunks, as it is stored.
pub(crate) async fn read_payload(
    snapshot: &mut SqliteConnection,
    block: &BlockRow,
    chunk: usize,
) -> Result<Vec<u8>, StoreError> {
    let id = block.id * BLOCK_MAX_CHUNKS as i64 + chunk as i64;
    let payload = sqlx::query_scalar("SELECT payload FROM chunks WHERE id = ?").bind(id);
    let payload: Option<Vec<u8>> = payload.fetch_optional(snapshot).await.map_err(classify)?;
    payload.ok_or_else(|| corrupt(block.id, "chunk", Malformed("it is missing")))
}

/// Reads all texts of one of a block's chunks: the messages, and the others.
pub(crate) async fn read_chunk(
    snapshot: &mut SqliteConnection,
    block: &BlockRow,
    chunk_lengths: &[usize],
    chunk: usize,
) -> Result<(Texts, Rest), StoreError> {
    let payload = read_payload(snapshot, block, chunk).await?;
    decode_chunk(&payload, chunk_lengths[chunk]).map_err(|e| corrupt(block.id, "chunk", e))
}

fn decode_chunk(payload: &[u8], records: usize) -> Result<(Texts, Rest), Malformed> {
    Ok((decode_messages(payload, records)?, decode_rest(payload, records)?))
}

/// A block with its head and chunks as they are stored, to be decoded off the async threads.
#[derive(Debug)]
pub(crate) struct BlockParts {
    pub(crate) row: BlockRow,
    head: Vec<u8>,
    /// None where nobody asks for texts.
    chunks: Vec<Vec<u8>>,
}

/// Reads a block's head, and its chunks where `with_texts` says that they are needed.
pub(crate) async fn read_parts(
    snapshot: &mut SqliteConnection,
    row: BlockRow,
    with_texts: bool,
) -> Result<BlockParts, StoreError> {
    let head = sqlx::query_scalar("SELECT head FROM blocks WHERE id = ?").bind(row.id);
    let head = head.fetch_one(&mut *snapshot).await.map_err(classify)?;
    let mut chunks = Vec::new();
    if with_texts {
        let first = row.id * BLOCK_MAX_CHUNKS as i64;
        let query = sqlx::query_scalar("SELECT payload FROM chunks WHERE id >= ? AND id < ? ORDER BY id");
        let query = query.bind(first).bind(first + BLOCK_MAX_CHUNKS as i64);
        chunks = query.fetch_all(snapshot).await.map_err(classify)?;
    }
    Ok(BlockParts { row, head, chunks })
}

impl BlockParts {
    pub(crate) fn head(&self) -> Result<Head, StoreError> {
        decode_head(&self.head, &self.row.span, self.row.summary.services.len())
            .map_err(|malformed| corrupt(self.row.id, "head", malformed))
    }

    /// Returns the rows that the filter selects, in order; `coverage` is what the block's row says of it.
    pub(crate) fn selected_rows(
        &self,
        head: &Head,
        selection: &Selection,
        coverage: &Coverage,
    ) -> Result<Vec<usize>, StoreError> {
        let candidates = selection.candidates(&self.row, head, coverage);
        if candidates.iter().all(|candidate| candidate.is_sure) {
            return Ok(candidates.into_iter().map(|candidate| candidate.row).collect());
        }
        let mut selected = Vec::new();
        let mut left = &candidates[..];
        for (chunk, rows) in chunk_ranges(head) {
            let of_chunk;
            (of_chunk, left) = left.split_at(left.partition_point(|candidate| candidate.row < rows.end));
            if of_chunk.is_empty() {
                continue;
            }
            let found = self.decode(chunk, |payload| {
                let texts = ChunkTexts::new(payload, rows.len());
                selection.selected(&self.row, head, rows.clone(), &texts, of_chunk)
            })?;
            selected.extend(found);
        }
        Ok(selected)
    }

    /// Returns the records of these rows, which grow.
    pub(crate) fn records(&self, head: &Head, rows: &[usize]) -> Result<Vec<LogRecord>, StoreError> {
        let mut records = Vec::with_capacity(rows.len());
        let mut left = rows;
        for (chunk, range) in chunk_ranges(head) {
            let of_chunk;
            (of_chunk, left) = left.split_at(left.partition_point(|row| *row < range.end));
            if of_chunk.is_empty() {
                continue;
            }
            let (messages, rest) = self.decode(chunk, |payload| decode_chunk(payload, range.len()))?;
            for row in of_chunk {
                let place = row - range.start;
                records.push(LogRecord {
                    id: head.ids[*row],
                    timestamp: head.timestamps[*row],
                    received_at: head.received[*row],
                    severity: head.severities[*row],
                    service: self.row.summary.services[head.service_codes[*row] as usize].clone(),
                    message: messages.get(place).into_owned(),
                    trace_id: rest.trace_ids.get(place).into_owned(),
                    span_id: rest.span_ids.get(place).into_owned(),
                    host: rest.hosts.get(place).into_owned(),
                    attributes: rest.attributes.get(place).into_owned(),
                });
            }
        }
        Ok(records)
    }

    /// Returns the records that are not deleted, and their ids.
    pub(crate) fn live_records(&self) -> Result<(RecordBatch, Vec<i64>), StoreError> {
        let head = self.head()?;
        let (mut batch, mut ids) = (RecordBatch::default(), Vec::with_capacity(head.ids.len()));
        for (chunk, range) in chunk_ranges(&head) {
            let (messages, rest) = self.decode(chunk, |payload| decode_chunk(payload, range.len()))?;
            for (place, row) in range.enumerate().filter(|(_, row)| self.row.is_live(*row)) {
                ids.push(head.ids[row]);
                batch.push(&RecordRef {
                    timestamp: head.timestamps[row],
                    received_at: head.received[row],
                    severity: head.severities[row],
                    service: &self.row.summary.services[head.service_codes[row] as usize],
                    message: &messages.get(place),
                    trace_id: &rest.trace_ids.get(place),
                    span_id: &rest.span_ids.get(place),
                    host: &rest.hosts.get(place),
                    attributes: &rest.attributes.get(place),
                });
            }
        }
        Ok((batch, ids))
    }

    fn decode<T>(
        &self,
        chunk: usize,
        decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, StoreError> {
        let payload = self.chunks.get(chunk).ok_or(Malformed("it is missing"));
        payload
            .and_then(|payload| decode(payload))
            .map_err(|malformed| corrupt(self.row.id, "chunk", malformed))
    }
}

/// Returns the chunks of a block, with the rows that each holds.
fn chunk_ranges(head: &Head) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
    head.chunk_lengths.iter().enumerate().scan(0, |first, (chunk, length)| {
        let range = *first..*first + length;
        *first = range.end;
        Some((chunk, range))
    })
}

/// Reads and checks every slice of the token filter of a block that has one.
pub(crate) async fn read_token_filter(
    snapshot: &mut SqliteConnection,
    block: &BlockRow,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let first = block.id * SLICES as i64;
    let slices = read_slices(snapshot, (first..first + SLICES as i64).collect()).await?;
    let damaged = |malformed| corrupt(block.id, "token filter", malformed);
    if slices.len() != SLICES {
        return Err(damaged(Malformed("a slice is missing")));
    }
    slices.values().try_for_each(|slice| check_slice(slice).map(drop)).map_err(damaged)?;
    Ok(slices.into_values().collect())
}

/// Reads slices of token filters by their ids.
pub(crate) async fn read_slices(
    snapshot: &mut SqliteConnection,
    ids: Vec<i64>,
) -> Result<BTreeMap<i64, Vec<u8>>, StoreError> {
    let query = sqlx::query("SELECT id, bits FROM token_slices WHERE id IN (SELECT value FROM json_each(?))");
    let rows = query.bind(serde_json::json!(ids).to_string()).fetch_all(snapshot).await.map_err(classify)?;
    let slice = |row| Ok((column(row, "token_slices", "id")?, column(row, "token_slices", "bits")?));
    rows.iter().map(slice).collect()
}
