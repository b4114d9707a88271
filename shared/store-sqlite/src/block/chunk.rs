//! A chunk: the texts of some of a block's records. Messages lie in a frame of their own, because most searches
//! need nothing else.

use std::ops::Range;

use domain::RecordBatch;
use domain::batch::TextColumn;

use super::frame::Content;
use super::texts::{self, Mode, Source, Span, Texts};
use super::varint::{self, Reader};
use super::{CHUNK_MAX_BYTES, Form, Malformed, frame};

const VERSION: u8 = 2;

/// The version before is one frame, and its content begins with a version.
const VERSION_OF_ONE_FRAME: u8 = 1;
const FRAME_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Most records of any chunk: more is a sign of corruption.
const RECORDS_MAX: usize = 1 << 20;

/// How many bytes of a settled chunk's texts show how small they would be as they are.
const SHOWN_BYTES: usize = 128 * 1024;

/// The texts of a chunk's records, but for the messages.
#[derive(Debug)]
pub struct Rest {
    /// JSON objects; empty: no attributes.
    pub attributes: Texts,
    /// Traces; empty: none.
    pub trace_ids: Texts,
    /// Spans; empty: none.
    pub span_ids: Texts,
    /// Machines; empty: none.
    pub hosts: Texts,
}

/// Splits a batch into the rows of its chunks.
pub(super) fn split(batch: &RecordBatch, form: Form) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for row in 0..batch.len() {
        let added = batch.messages().get(row).len() + batch.attributes().get(row).len();
        let is_full = row - start == form.chunk_max_records() || bytes + added > CHUNK_MAX_BYTES;
        if is_full && row > start {
            chunks.push(start..row);
            (start, bytes) = (row, 0);
        }
        bytes += added;
    }
    chunks.push(start..batch.len());
    chunks
}

/// Writes the payload of a chunk.
pub(super) fn encode(batch: &RecordBatch, rows: &Range<usize>, form: Form) -> Vec<u8> {
    let messages = write(rows, form, &[(batch.messages(), Mode::Numbers)]);
    let rest = [
        (batch.attributes(), Mode::Json),
        (batch.trace_ids(), Mode::Numbers),
        (batch.span_ids(), Mode::Numbers),
        (batch.hosts(), Mode::Numbers),
    ];
    let rest = write(rows, form, &rest);
    let mut payload = Vec::with_capacity(messages.len() + rest.len() + 6);
    payload.push(VERSION);
    varint::put_usize(&mut payload, messages.len());
    payload.extend_from_slice(&messages);
    payload.extend_from_slice(&rest);
    payload
}

/// Writes a frame of these columns; as they are where that is smaller than split, as the first of them show.
fn write(rows: &Range<usize>, form: Form, of: &[(&TextColumn, Mode)]) -> Vec<u8> {
    let frame = frame::write(&columns(rows, form, of));
    if form == Form::Quick {
        return frame;
    }
    let bytes =
        |rows: Range<usize>| of.iter().map(|(column, _)| column.joined(rows.clone()).len()).sum::<usize>();
    let all = bytes(rows.clone());
    let shown = rows.start..rows.start + rows.len().div_ceil(all / SHOWN_BYTES + 1);
    let plain = frame::write(&columns(&shown, Form::Quick, of));
    if shown == *rows {
        return if plain.len() < frame.len() { plain } else { frame };
    }
    if plain.len() as f64 / bytes(shown).max(1) as f64 >= frame.len() as f64 / all as f64 {
        return frame;
    }
    let plain = frame::write(&columns(rows, Form::Quick, of));
    if plain.len() < frame.len() { plain } else { frame }
}

fn columns(rows: &Range<usize>, form: Form, columns: &[(&TextColumn, Mode)]) -> Content {
    let mut out = Content::default();
    let mut spans = Vec::with_capacity(rows.len());
    for (column, mode) in columns {
        let joined = column.joined(rows.clone());
        if joined.is_empty() {
            texts::put_empty(&mut out);
            continue;
        }
        spans.clear();
        let mut end = 0;
        for row in rows.clone() {
            let start = end;
            end += column.get(row).len();
            spans.push(Span::new(start..end).expect("a chunk's texts are shorter than 4 GiB"));
        }
        let texts = Source { joined, spans: &spans };
        match form {
            Form::Quick => texts::put_plain(&mut out, texts),
            Form::Settled => texts::put_split(&mut out, texts, *mode),
        }
    }
    out
}

/// Reads the messages of a chunk of so many records.
///
/// # Errors
/// [`Malformed`].
pub fn decode_messages(payload: &[u8], records: usize) -> Result<Texts, Malformed> {
    check_records(records)?;
    if payload.starts_with(&FRAME_MAGIC) {
        let content = frame::read(payload)?;
        return Texts::read(&mut in_one_frame(&content)?, records);
    }
    let content = frame::read(frames(payload)?.0)?;
    Texts::read(&mut Reader::new(&content), records)
}

/// Reads the other texts of a chunk of so many records.
///
/// # Errors
/// [`Malformed`].
pub fn decode_rest(payload: &[u8], records: usize) -> Result<Rest, Malformed> {
    check_records(records)?;
    if payload.starts_with(&FRAME_MAGIC) {
        let content = frame::read(payload)?;
        let mut reader = in_one_frame(&content)?;
        Texts::read(&mut reader, records)?;
        return read_rest(&mut reader, records);
    }
    let content = frame::read(frames(payload)?.1)?;
    read_rest(&mut Reader::new(&content), records)
}

/// Returns how many bytes the frames of a chunk inflate to.
///
/// # Errors
/// [`Malformed`].
pub fn inflated_bytes(payload: &[u8]) -> Result<usize, Malformed> {
    if payload.starts_with(&FRAME_MAGIC) {
        return frame::inflated_length(payload);
    }
    let (messages, rest) = frames(payload)?;
    Ok(frame::inflated_length(messages)? + frame::inflated_length(rest)?)
}

fn check_records(records: usize) -> Result<(), Malformed> {
    if records > RECORDS_MAX { Err(Malformed("a chunk has too many records")) } else { Ok(()) }
}

fn in_one_frame(content: &[u8]) -> Result<Reader<'_>, Malformed> {
    let mut reader = Reader::new(content);
    reader.version(VERSION_OF_ONE_FRAME)?;
    Ok(reader)
}

/// Returns the frame of the messages and that of the rest.
fn frames(payload: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(payload);
    reader.version(VERSION)?;
    let length = reader.usize()?;
    Ok((reader.bytes(length)?, reader.rest()))
}

fn read_rest(reader: &mut Reader<'_>, records: usize) -> Result<Rest, Malformed> {
    Ok(Rest {
        attributes: Texts::read(reader, records)?,
        trace_ids: Texts::read(reader, records)?,
        span_ids: Texts::read(reader, records)?,
        hosts: Texts::read(reader, records)?,
    })
}
