//! A block's head: what decides which of its records are meant. Ids, times, severities, services.

use domain::{RecordBatch, Severity, Timestamp};

use super::summary::{severity, timestamp};
use super::varint::{self, Reader};
use super::{BlockSpan, Malformed, frame};

const VERSION: u8 = 1;

/// The decoded head of a block: one entry a record, in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// The records' ids, growing.
    pub ids: Vec<i64>,
    /// When they happened.
    pub timestamps: Vec<Timestamp>,
    /// When they arrived.
    pub received: Vec<Timestamp>,
    /// How bad they are.
    pub severities: Vec<Severity>,
    /// Which service they come from: indices into the summary's dictionary.
    pub service_codes: Vec<u32>,
    /// How many records each chunk holds, in order.
    pub chunk_lengths: Vec<usize>,
}

/// Returns the chunk that holds the record at `row`, and the record's place in it.
#[must_use]
pub fn locate(chunk_lengths: &[usize], row: usize) -> Option<(usize, usize)> {
    let mut first = 0;
    for (chunk, length) in chunk_lengths.iter().enumerate() {
        if row < first + length {
            return Some((chunk, row - first));
        }
        first += length;
    }
    None
}

/// Writes the content of a head, to be framed. `id_offsets` are the records' ids, counted from the block's
/// first one; they grow.
pub(super) fn encode_content(batch: &RecordBatch, id_offsets: &[u64], chunk_lengths: &[usize]) -> Vec<u8> {
    let mut out = Vec::with_capacity(batch.len() * 8 + 64);
    out.push(VERSION);
    varint::put_usize(&mut out, batch.len());
    varint::put_usize(&mut out, chunk_lengths.len());
    for length in chunk_lengths {
        varint::put_usize(&mut out, *length);
    }
    put_runs(&mut out, id_offsets);
    put_times(&mut out, batch.timestamps());
    put_times(&mut out, batch.received());
    out.extend(batch.severities().iter().map(|severity| severity.number()));
    for code in batch.service_codes() {
        varint::put(&mut out, u64::from(*code));
    }
    out
}

/// Reads the framed head of a block with this span, whose summary names so many services.
///
/// # Errors
/// [`Malformed`], also when the span and the head disagree.
pub fn decode_head(frame: &[u8], span: &BlockSpan, services: usize) -> Result<Head, Malformed> {
    let content = frame::read(frame)?;
    let mut reader = Reader::new(&content);
    reader.version(VERSION)?;
    let records = reader.count()?;
    if records as i64 != span.record_count {
        return Err(Malformed("the head and the row count differently many records"));
    }
    let chunks = reader.count()?;
    let chunk_lengths = (0..chunks).map(|_| reader.usize()).collect::<Result<Vec<_>, _>>()?;
    let ids = read_runs(&mut reader, span.first_id, records)?;
    if ids.last() != Some(&span.last_id) {
        return Err(Malformed("the head and the row end with different ids"));
    }
    let timestamps = read_times(&mut reader, span.timestamps.0, records)?;
    let received = read_times(&mut reader, span.received.0, records)?;
    let severities = reader.bytes(records)?.iter().map(|n| severity(*n)).collect::<Result<Vec<_>, _>>()?;
    let mut service_codes = Vec::with_capacity(records);
    for _ in 0..records {
        let code = reader.usize()?;
        if code >= services {
            return Err(Malformed("a service code has no name"));
        }
        service_codes.push(code as u32);
    }
    if chunk_lengths.iter().try_fold(0, |sum: usize, n| sum.checked_add(*n)) != Some(records) {
        return Err(Malformed("the chunks do not hold as many records as the block"));
    }
    Ok(Head { ids, timestamps, received, severities, service_codes, chunk_lengths })
}

/// Writes growing numbers as runs of consecutive ones: the gap before each run, and its length.
fn put_runs(out: &mut Vec<u8>, offsets: &[u64]) {
    let runs: Vec<&[u64]> = offsets.chunk_by(|a, b| a + 1 == *b).collect();
    varint::put_usize(out, runs.len());
    let mut end = 0;
    for run in runs {
        varint::put(out, run[0] - end);
        varint::put_usize(out, run.len());
        end = run[0] + run.len() as u64;
    }
}

fn read_runs(reader: &mut Reader<'_>, first_id: i64, records: usize) -> Result<Vec<i64>, Malformed> {
    const OUT_OF_RANGE: Malformed = Malformed("an id is out of range");
    let mut ids = Vec::with_capacity(records);
    let mut end = first_id;
    for _ in 0..reader.count()? {
        let gap = i64::try_from(reader.number()?).map_err(|_| OUT_OF_RANGE)?;
        let length = reader.usize()?;
        if length > records - ids.len() {
            return Err(Malformed("there are more ids than records"));
        }
        let start = end.checked_add(gap).ok_or(OUT_OF_RANGE)?;
        end = start.checked_add(length as i64).ok_or(OUT_OF_RANGE)?;
        ids.extend(start..end);
    }
    if ids.len() == records { Ok(ids) } else { Err(Malformed("there are fewer ids than records")) }
}

fn put_times(out: &mut Vec<u8>, times: &[Timestamp]) {
    let mut previous = times.iter().min().map_or(0, |t| t.as_micros());
    for time in times {
        varint::put_signed(out, time.as_micros() - previous);
        previous = time.as_micros();
    }
}

fn read_times(reader: &mut Reader<'_>, min: Timestamp, records: usize) -> Result<Vec<Timestamp>, Malformed> {
    let mut times = Vec::with_capacity(records);
    let mut previous = min.as_micros();
    for _ in 0..records {
        previous = previous.wrapping_add(reader.signed()?);
        times.push(timestamp(previous)?);
    }
    Ok(times)
}
