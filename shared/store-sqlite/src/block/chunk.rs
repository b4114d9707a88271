//! A chunk: the texts of some of a block's records.

use std::ops::Range;

use domain::RecordBatch;
use domain::batch::TextColumn;

use super::varint::{self, Reader};
use super::{CHUNK_MAX_BYTES, CHUNK_MAX_RECORDS, Malformed, frame};

const VERSION: u8 = 1;
const ALL_EMPTY: u8 = 0;
const PLAIN: u8 = 1;

/// The decoded texts of a chunk's records, in order.
#[derive(Debug, Default)]
pub struct ChunkTexts {
    /// What happened.
    pub messages: TextColumn,
    /// JSON objects; empty: no attributes.
    pub attributes: TextColumn,
    /// Traces; empty: none.
    pub trace_ids: TextColumn,
    /// Spans; empty: none.
    pub span_ids: TextColumn,
    /// Machines; empty: none.
    pub hosts: TextColumn,
}

/// Splits a batch into the rows of its chunks.
pub(super) fn split(batch: &RecordBatch) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for row in 0..batch.len() {
        let added = batch.messages().get(row).len() + batch.attributes().get(row).len();
        let is_full = row - start == CHUNK_MAX_RECORDS || bytes + added > CHUNK_MAX_BYTES;
        if is_full && row > start {
            chunks.push(start..row);
            (start, bytes) = (row, 0);
        }
        bytes += added;
    }
    chunks.push(start..batch.len());
    chunks
}

/// Writes the content of a chunk, to be framed.
pub(super) fn encode_content(batch: &RecordBatch, rows: &Range<usize>) -> Vec<u8> {
    let mut out = vec![VERSION];
    let columns = [batch.messages(), batch.attributes(), batch.trace_ids(), batch.span_ids(), batch.hosts()];
    for column in columns {
        put_column(&mut out, column, rows);
    }
    out
}

fn put_column(out: &mut Vec<u8>, column: &TextColumn, rows: &Range<usize>) {
    let texts = column.joined(rows.clone());
    if texts.is_empty() {
        out.push(ALL_EMPTY);
        return;
    }
    out.push(PLAIN);
    for row in rows.clone() {
        varint::put_usize(out, column.get(row).len());
    }
    out.extend_from_slice(texts.as_bytes());
}

/// Reads a framed chunk of so many records.
///
/// # Errors
/// [`Malformed`].
pub fn decode_chunk(frame: &[u8], records: usize) -> Result<ChunkTexts, Malformed> {
    let content = frame::read(frame)?;
    let mut reader = Reader::new(&content);
    reader.version(VERSION)?;
    Ok(ChunkTexts {
        messages: read_column(&mut reader, records)?,
        attributes: read_column(&mut reader, records)?,
        trace_ids: read_column(&mut reader, records)?,
        span_ids: read_column(&mut reader, records)?,
        hosts: read_column(&mut reader, records)?,
    })
}

fn read_column(reader: &mut Reader<'_>, records: usize) -> Result<TextColumn, Malformed> {
    let mut column = TextColumn::default();
    match reader.byte()? {
        ALL_EMPTY => (0..records).for_each(|_| column.push("")),
        PLAIN => {
            let lengths = (0..records).map(|_| reader.usize()).collect::<Result<Vec<_>, _>>()?;
            for length in lengths {
                let text = std::str::from_utf8(reader.bytes(length)?);
                column.push(text.map_err(|_| Malformed("a text is not UTF-8"))?);
            }
        }
        _ => return Err(Malformed("a column is written in a form that is not known here")),
    }
    Ok(column)
}
