//! Parts of blocks that are read when they are needed: heads, chunks, token filters.

use std::collections::BTreeMap;
use std::ops::Range;

use domain::{Filter, RecordBatch, RecordRef};
use sqlx::SqliteConnection;
use store::StoreError;

use super::row::{BlockRow, Coverage, corrupt};
use crate::block::{
    BLOCK_MAX_CHUNKS, Head, Malformed, Rest, SLICES, Texts, TokenHash, check_slice, decode_head,
    decode_messages, decode_rest, may_hold,
};
use crate::database::{classify, column};

/// How many tokens of a filter are asked for at most: the longest ones, which are the rarest.
const TOKENS_ASKED: usize = 4;

/// Reads a block's head.
pub(crate) async fn read_head(snapshot: &mut SqliteConnection, block: &BlockRow) -> Result<Head, StoreError> {
    let query = sqlx::query("SELECT head FROM blocks WHERE id = ?").bind(block.id);
    let row = query.fetch_one(snapshot).await.map_err(classify)?;
    let head: &[u8] = column(&row, "blocks", "head")?;
    decode_head(head, &block.span, block.summary.services.len())
        .map_err(|malformed| corrupt(block.id, "head", malformed))
}

/// Reads one of a block's chunks, as it is stored.
async fn read_payload(
    snapshot: &mut SqliteConnection,
    block: &BlockRow,
    chunk: usize,
) -> Result<Vec<u8>, StoreError> {
    let id = block.id * BLOCK_MAX_CHUNKS as i64 + chunk as i64;
    let payload = sqlx::query_scalar("SELECT payload FROM chunks WHERE id = ?").bind(id);
    let payload: Option<Vec<u8>> = payload.fetch_optional(snapshot).await.map_err(classify)?;
    payload.ok_or_else(|| corrupt(block.id, "chunk", Malformed("it is missing")))
}

/// Reads the messages of one of a block's chunks.
pub(crate) async fn read_messages(
    snapshot: &mut SqliteConnection,
    block: &BlockRow,
    chunk_lengths: &[usize],
    chunk: usize,
) -> Result<Texts, StoreError> {
    let payload = read_payload(snapshot, block, chunk).await?;
    decode_messages(&payload, chunk_lengths[chunk]).map_err(|e| corrupt(block.id, "chunk", e))
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

/// Returns which texts have all that the filter asks for.
pub(crate) fn matching_messages(messages: &Texts, filter: &Filter) -> Vec<bool> {
    let mut is_selected = vec![true; messages.len()];
    for text in &filter.texts {
        let matching = messages.matching_rows(text);
        is_selected.iter_mut().zip(matching).for_each(|(selected, matches)| *selected &= matches);
    }
    is_selected
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

    /// Returns the rows that the filter selects, in order.
    pub(crate) fn selected_rows(&self, head: &Head, filter: &Filter) -> Result<Vec<usize>, StoreError> {
        let mut rows: Vec<usize> = self.row.rows_by_head(head, filter).collect();
        if filter.texts.is_empty() {
            return Ok(rows);
        }
        let mut is_selected = vec![false; head.ids.len()];
        for (chunk, range) in chunk_ranges(head) {
            let first = rows.partition_point(|row| *row < range.start);
            if rows.get(first).is_some_and(|row| range.contains(row)) {
                let messages = self.decode(chunk, |payload| decode_messages(payload, range.len()))?;
                is_selected[range].copy_from_slice(&matching_messages(&messages, filter));
            }
        }
        rows.retain(|row| is_selected[*row]);
        Ok(rows)
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

/// Marks the blocks whose token filters say that no record has all texts that the filter asks for.
pub(crate) async fn rule_out_by_tokens(
    snapshot: &mut SqliteConnection,
    blocks: &mut [BlockRow],
    filter: &Filter,
) -> Result<(), StoreError> {
    let mut tokens: Vec<&str> = filter.texts.iter().flat_map(domain::TextMatch::tokens).collect();
    tokens.sort_unstable_by_key(|token| std::cmp::Reverse(token.len()));
    tokens.truncate(TOKENS_ASKED);
    let tokens: Vec<TokenHash> = tokens.into_iter().map(TokenHash::of).collect();
    let mut ids = Vec::new();
    for block in blocks.iter().filter(|block| may_be_asked(block, filter)) {
        ids.extend(tokens.iter().map(|token| slice_id(block, *token)));
    }
    if ids.is_empty() {
        return Ok(());
    }
    let slices = read_slices(snapshot, ids).await?;
    for block in blocks.iter_mut().filter(|block| may_be_asked(block, filter)) {
        let damaged = |malformed| corrupt(block.id, "token filter", malformed);
        for token in &tokens {
            let slice = slices.get(&slice_id(block, *token)).ok_or(Malformed("a slice is missing"));
            if !slice.and_then(|slice| may_hold(slice, *token)).map_err(damaged)? {
                block.is_ruled_out = true;
                break;
            }
        }
    }
    Ok(())
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

fn may_be_asked(block: &BlockRow, filter: &Filter) -> bool {
    block.has_token_filter && block.coverage(filter) != Coverage::None
}

fn slice_id(block: &BlockRow, token: TokenHash) -> i64 {
    block.id * SLICES as i64 + token.slice() as i64
}

async fn read_slices(
    snapshot: &mut SqliteConnection,
    ids: Vec<i64>,
) -> Result<BTreeMap<i64, Vec<u8>>, StoreError> {
    let query = sqlx::query("SELECT id, bits FROM token_slices WHERE id IN (SELECT value FROM json_each(?))");
    let rows = query.bind(serde_json::json!(ids).to_string()).fetch_all(snapshot).await.map_err(classify)?;
    let slice = |row| Ok((column(row, "token_slices", "id")?, column(row, "token_slices", "bits")?));
    rows.iter().map(slice).collect()
}
