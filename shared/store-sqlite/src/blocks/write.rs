//! Putting a block in, taking one out, burying some of its records.

use domain::{RecordBatch, Tenant};
use sqlx::SqliteConnection;
use store::StoreError;

use super::row::{BlockRow, checksum, stored_token_filter};
use crate::block::{
    BLOCK_MAX_CHUNKS, EncodedBlock, Form, SLICES, Summary, TokenKind, Tombstones, check_block, encode_block,
    encode_token_filter,
};
use crate::database::classify;

/// A block to insert.
#[derive(Debug)]
pub(crate) struct NewBlock {
    pub(crate) encoded: EncodedBlock,
    /// The slices of its token filter; none: it has no filter.
    pub(crate) token_slices: Vec<Vec<u8>>,
}

impl NewBlock {
    /// Encodes records quickly, without a token filter. `id_offsets` as for [`encode_block`].
    pub(crate) fn quick(batch: &RecordBatch, id_offsets: &[u64]) -> Self {
        Self { encoded: encode_block(batch, id_offsets, Form::Quick), token_slices: Vec::new() }
    }

    /// Encodes records to stay, with a token filter, and reads them back: what cannot be read back is written quickly
    /// instead.
    pub(crate) fn settled(batch: &RecordBatch, id_offsets: &[u64]) -> Self {
        let encoded = encode_block(batch, id_offsets, Form::Settled);
        match check_block(&encoded, batch, id_offsets) {
            Ok(()) => Self { encoded, token_slices: encode_token_filter(batch) },
            Err(malformed) => {
                tracing::error!(%malformed, "a settled block does not read back: it is written quickly instead");
                Self::quick(batch, id_offsets)
            }
        }
    }

    /// Returns how many bytes its row and chunks take, and its filter.
    pub(crate) fn stored_bytes(&self, summary: &[u8]) -> usize {
        let parts = self.encoded.chunks.iter().chain(&self.token_slices);
        summary.len() + self.encoded.head.len() + parts.map(Vec::len).sum::<usize>()
    }
}

/// Inserts a block, its chunks and its token filter.
pub(crate) async fn insert_block(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    first_id: i64,
    block: &NewBlock,
) -> Result<(), StoreError> {
    let encoded = &block.encoded;
    let span = encoded.span.starting_at(first_id);
    let summary = encoded.summary.encode(span.timestamps.1);
    let insert = sqlx::query(
        "INSERT INTO blocks (tenant, first_id, last_id, record_count, live_count, min_timestamp, max_timestamp,
                             min_received, max_received, checksum, summary, head, stored_bytes, text_bytes,
                             has_token_filter)
         VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    );
    let inserted = insert
        .bind(tenant.as_str())
        .bind(span.first_id)
        .bind(span.last_id)
        .bind(span.record_count)
        .bind(span.timestamps.0.as_micros())
        .bind(span.timestamps.1.as_micros())
        .bind(span.received.0.as_micros())
        .bind(span.received.1.as_micros())
        .bind(checksum(&span, &summary, None))
        .bind(&summary[..])
        .bind(&encoded.head[..])
        .bind(block.stored_bytes(&summary) as i64)
        .bind(encoded.text_bytes as i64)
        .bind(stored_token_filter((!block.token_slices.is_empty()).then_some(TokenKind::All)))
        .execute(&mut *connection)
        .await
        .map_err(classify)?;
    let block_id = inserted.last_insert_rowid();
    debug_assert!(encoded.chunks.len() <= BLOCK_MAX_CHUNKS, "a group's bounds keep its blocks below this");
    for (place, payload) in encoded.chunks.iter().enumerate() {
        let insert = sqlx::query("INSERT INTO chunks (id, payload) VALUES (?, ?)");
        let id = block_id * BLOCK_MAX_CHUNKS as i64 + place as i64;
        insert.bind(id).bind(&payload[..]).execute(&mut *connection).await.map_err(classify)?;
    }
    for (slice, bits) in block.token_slices.iter().enumerate() {
        let insert = sqlx::query("INSERT INTO token_slices (id, bits) VALUES (?, ?)");
        let id = block_id * SLICES as i64 + slice as i64;
        insert.bind(id).bind(&bits[..]).execute(&mut *connection).await.map_err(classify)?;
    }
    Ok(())
}

/// Removes a block with all that belongs to it; returns whether it still was as it was read. If not, nothing is
/// removed.
pub(crate) async fn remove_block(
    connection: &mut SqliteConnection,
    block: &BlockRow,
) -> Result<bool, StoreError> {
    let delete = sqlx::query("DELETE FROM blocks WHERE id = ? AND checksum = ?");
    let delete = delete.bind(block.id).bind(block.checksum);
    if delete.execute(&mut *connection).await.map_err(classify)?.rows_affected() == 0 {
        return Ok(false);
    }
    for (delete, places) in [
        ("DELETE FROM chunks WHERE id >= ? AND id < ?", BLOCK_MAX_CHUNKS as i64),
        ("DELETE FROM token_slices WHERE id >= ? AND id < ?", SLICES as i64),
    ] {
        let first = block.id * places;
        let delete = sqlx::query(delete).bind(first).bind(first + places);
        delete.execute(&mut *connection).await.map_err(classify)?;
    }
    Ok(true)
}

/// Sets the tombstones of a block, and the summary of what is left; returns whether it still was as it was read.
/// If not, nothing is changed.
pub(crate) async fn bury(
    connection: &mut SqliteConnection,
    block: &BlockRow,
    tombstones: &Tombstones,
    rest: &Summary,
) -> Result<bool, StoreError> {
    let summary = rest.encode(block.span.timestamps.1);
    let bytes = tombstones.encode();
    let live_count: u64 = rest.cells.iter().map(|cell| cell.count).sum();
    let update = sqlx::query(
        "UPDATE blocks SET tombstones = ?, summary = ?, live_count = ?, checksum = ? WHERE id = ? AND checksum = ?",
    );
    let update = update
        .bind(&bytes[..])
        .bind(&summary[..])
        .bind(live_count.cast_signed())
        .bind(checksum(&block.span, &summary, Some(&bytes)))
        .bind(block.id)
        .bind(block.checksum);
    Ok(update.execute(connection).await.map_err(classify)?.rows_affected() == 1)
}
