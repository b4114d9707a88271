//! A block that is read chunk by chunk: however large it is, a read holds its head and one chunk of it.

use std::ops::Range;
use std::sync::Arc;

use domain::LogRecord;
use sqlx::SqliteConnection;
use store::StoreError;

use super::parts::{chunk_ranges, read_head, read_payload};
use super::row::{BlockRow, corrupt};
use crate::block::{Head, Malformed};
use crate::decoding::decode;
use crate::selection::{Candidate, ChunkTexts, Coverage, Selection};

/// A block whose head is decoded.
#[derive(Debug)]
pub(crate) struct OpenBlock {
    pub(crate) row: BlockRow,
    pub(crate) head: Head,
}

/// A chunk of which some rows may be selected.
#[derive(Debug)]
pub(crate) struct ChunkRows {
    chunk: usize,
    /// Its rows in the block.
    rows: Range<usize>,
    candidates: Vec<Candidate>,
}

/// A chunk as it is stored, to be decoded off the async threads.
#[derive(Debug)]
pub(crate) struct Chunk {
    block: Arc<OpenBlock>,
    rows: Range<usize>,
    candidates: Vec<Candidate>,
    /// Empty where nobody asks for texts.
    payload: Vec<u8>,
}

/// Reads a block's head.
pub(crate) async fn open_block(
    snapshot: &mut SqliteConnection,
    row: BlockRow,
) -> Result<Arc<OpenBlock>, StoreError> {
    let head = read_head(snapshot, &row).await?;
    Ok(Arc::new(OpenBlock { row, head }))
}

impl OpenBlock {
    /// Returns the chunks of which some rows may be selected, in order; `coverage` is what the block's row says.
    pub(crate) fn chunks(&self, selection: &Selection, coverage: &Coverage) -> Vec<ChunkRows> {
        let candidates = selection.candidates(&self.row, &self.head, coverage);
        let mut left = &candidates[..];
        let mut chunks = Vec::new();
        for (chunk, rows) in chunk_ranges(&self.head) {
            let of_chunk;
            (of_chunk, left) = left.split_at(left.partition_point(|candidate| candidate.row < rows.end));
            if !of_chunk.is_empty() {
                chunks.push(ChunkRows { chunk, rows, candidates: of_chunk.to_vec() });
            }
        }
        chunks
    }

    /// Returns the rows that the filter selects, in order.
    pub(crate) async fn selected_rows(
        self: &Arc<Self>,
        snapshot: &mut SqliteConnection,
        selection: &Arc<Selection>,
        coverage: &Coverage,
    ) -> Result<Vec<usize>, StoreError> {
        let mut selected = Vec::new();
        for chunk in self.chunks(selection, coverage) {
            let chunk = chunk.read_if_unsure(snapshot, self).await?;
            let selection = Arc::clone(selection);
            selected.extend(decode(move || chunk.selected_rows(&selection)).await??);
        }
        Ok(selected)
    }
}

impl ChunkRows {
    /// Reads the chunk.
    pub(crate) async fn read(
        self,
        snapshot: &mut SqliteConnection,
        block: &Arc<OpenBlock>,
    ) -> Result<Chunk, StoreError> {
        let payload = read_payload(snapshot, &block.row, self.chunk).await?;
        let Self { rows, candidates, .. } = self;
        Ok(Chunk { block: Arc::clone(block), rows, candidates, payload })
    }

    /// Reads the chunk where its texts have to tell which rows are selected.
    pub(crate) async fn read_if_unsure(
        self,
        snapshot: &mut SqliteConnection,
        block: &Arc<OpenBlock>,
    ) -> Result<Chunk, StoreError> {
        if self.candidates.iter().any(|candidate| !candidate.is_sure) {
            return self.read(snapshot, block).await;
        }
        let Self { rows, candidates, .. } = self;
        Ok(Chunk { block: Arc::clone(block), rows, candidates, payload: Vec::new() })
    }
}

impl Chunk {
    pub(crate) fn block(&self) -> &OpenBlock {
        &self.block
    }

    /// Returns its texts, which are decoded when they are needed.
    pub(crate) fn texts(&self) -> ChunkTexts<'_> {
        ChunkTexts::new(&self.payload, self.rows.len())
    }

    /// Returns the rows of the block that the filter selects, in order.
    pub(crate) fn selected_rows(&self, selection: &Selection) -> Result<Vec<usize>, StoreError> {
        self.selected_by(&self.texts(), selection)
    }

    /// As [`Self::selected_rows`], with texts that may be decoded already.
    pub(crate) fn selected_by(
        &self,
        texts: &ChunkTexts<'_>,
        selection: &Selection,
    ) -> Result<Vec<usize>, StoreError> {
        if self.candidates.iter().all(|candidate| candidate.is_sure) {
            return Ok(self.candidates.iter().map(|candidate| candidate.row).collect());
        }
        let OpenBlock { row, head } = &*self.block;
        let selected = selection.selected(row, head, self.rows.clone(), texts, &self.candidates);
        selected.map_err(|malformed| self.corrupt(malformed))
    }

    /// Returns the record of this row of the block, which has to lie in the chunk.
    pub(crate) fn record(&self, texts: &ChunkTexts<'_>, row: usize) -> Result<LogRecord, StoreError> {
        let OpenBlock { row: block, head } = &*self.block;
        let messages = texts.messages().map_err(|malformed| self.corrupt(malformed))?;
        let rest = texts.rest().map_err(|malformed| self.corrupt(malformed))?;
        let place = row - self.rows.start;
        Ok(LogRecord {
            id: head.ids[row],
            timestamp: head.timestamps[row],
            received_at: head.received[row],
            severity: head.severities[row],
            service: block.summary.services[head.service_codes[row] as usize].clone(),
            message: messages.get(place).into_owned(),
            trace_id: rest.trace_ids.get(place).into_owned(),
            span_id: rest.span_ids.get(place).into_owned(),
            host: rest.hosts.get(place).into_owned(),
            attributes: rest.attributes.get(place).into_owned(),
        })
    }

    fn corrupt(&self, malformed: Malformed) -> StoreError {
        corrupt(self.block.row.id, "chunk", malformed)
    }
}
