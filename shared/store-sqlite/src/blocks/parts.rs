//! Parts of blocks that are read when they are needed: heads, chunks, token filters.

use std::collections::BTreeMap;
use std::ops::Range;

use domain::{RecordBatch, RecordRef};
use sqlx::SqliteConnection;
use store::StoreError;

use super::row::{BlockRow, corrupt};
use crate::block::{
    BLOCK_MAX_CHUNKS, Head, Malformed, Rest, SLICES, Texts, check_slice, decode_head, decode_messages,
    decode_rest, inflated_bytes,
};
use crate::database::{classify, column};

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

/// A chunk with all its texts.
pub(crate) struct DecodedTexts {
    /// The messages, and the others.
    pub(crate) texts: (Texts, Rest),
    /// About how many bytes of memory they take.
    pub(crate) inflated_bytes: usize,
}

/// Reads all texts of one of a block's chunks.
pub(crate) async fn read_chunk(
    snapshot: &mut SqliteConnection,
    block: &BlockRow,
    chunk_lengths: &[usize],
    chunk: usize,
) -> Result<DecodedTexts, StoreError> {
    let payload = read_payload(snapshot, block, chunk).await?;
    let decode = || -> Result<DecodedTexts, Malformed> {
        let inflated_bytes = inflated_bytes(&payload)?;
        Ok(DecodedTexts { texts: decode_chunk(&payload, chunk_lengths[chunk])?, inflated_bytes })
    };
    decode().map_err(|e| corrupt(block.id, "chunk", e))
}

fn decode_chunk(payload: &[u8], records: usize) -> Result<(Texts, Rest), Malformed> {
    Ok((decode_messages(payload, records)?, decode_rest(payload, records)?))
}

/// A block with its head and all its chunks as they are stored, to be decoded off the async threads.
#[derive(Debug)]
pub(crate) struct BlockParts {
    pub(crate) row: BlockRow,
    head: Vec<u8>,
    chunks: Vec<Vec<u8>>,
}

/// Reads a block's head and all its chunks.
pub(crate) async fn read_parts(
    snapshot: &mut SqliteConnection,
    row: BlockRow,
) -> Result<BlockParts, StoreError> {
    let head = sqlx::query_scalar("SELECT head FROM blocks WHERE id = ?").bind(row.id);
    let head = head.fetch_one(&mut *snapshot).await.map_err(classify)?;
    let first = row.id * BLOCK_MAX_CHUNKS as i64;
    let query = sqlx::query_scalar("SELECT payload FROM chunks WHERE id >= ? AND id < ? ORDER BY id");
    let query = query.bind(first).bind(first + BLOCK_MAX_CHUNKS as i64);
    let chunks = query.fetch_all(snapshot).await.map_err(classify)?;
    Ok(BlockParts { row, head, chunks })
}

impl BlockParts {
    pub(crate) fn head(&self) -> Result<Head, StoreError> {
        decode_head(&self.head, &self.row.span, self.row.summary.services.len())
            .map_err(|malformed| corrupt(self.row.id, "head", malformed))
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
pub(super) fn chunk_ranges(head: &Head) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
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
