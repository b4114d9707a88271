//! A block's head: what decides which of its records are meant. Ids, times, severities, services.

use domain::{RecordBatch, Severity, Timestamp};

use super::frame::Content;
use super::numbers::{Numbers, put_numbers};
use super::summary::{severity, timestamp};
use super::varint::{self, Reader};
use super::{BLOCK_MAX_CHUNKS, BlockSpan, Form, Malformed, SETTLED_CHUNK_MAX_RECORDS, frame};

/// Quick to write: a varint or a byte for each number.
const QUICK_VERSION: u8 = 1;

/// Columns of numbers, each in the form that is the smallest.
const SETTLED_VERSION: u8 = 2;

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

/// Makes the content of a head. `id_offsets` are the records' ids, counted from the block's first one; they
/// grow.
pub(super) fn content(
    batch: &RecordBatch,
    id_offsets: &[u64],
    chunk_lengths: &[usize],
    form: Form,
) -> Content {
    let mut content = Content::default();
    let out = &mut content.bytes;
    out.push(if form == Form::Quick { QUICK_VERSION } else { SETTLED_VERSION });
    varint::put_usize(out, batch.len());
    varint::put_usize(out, chunk_lengths.len());
    for length in chunk_lengths {
        varint::put_usize(out, *length);
    }
    put_runs(out, id_offsets);
    match form {
        Form::Quick => put_quick(out, batch),
        Form::Settled => put_settled(&mut content, batch),
    }
    content
}

fn put_quick(out: &mut Vec<u8>, batch: &RecordBatch) {
    put_times(out, batch.timestamps());
    put_times(out, batch.received());
    out.extend(batch.severities().iter().map(|severity| severity.number()));
    for code in batch.service_codes() {
        varint::put(out, u64::from(*code));
    }
}

fn put_settled(out: &mut Content, batch: &RecordBatch) {
    put_settled_times(out, batch.timestamps());
    put_settled_times(out, batch.received());
    let severities: Vec<u64> = batch.severities().iter().map(|s| u64::from(s.number())).collect();
    put_numbers(out, &severities);
    let codes: Vec<u64> = batch.service_codes().iter().map(|code| u64::from(*code)).collect();
    put_numbers(out, &codes);
}

/// Reads the framed head of a block with this span, whose summary names so many services.
///
/// # Errors
/// [`Malformed`], also when the span and the head disagree.
pub fn decode_head(frame: &[u8], span: &BlockSpan, services: usize) -> Result<Head, Malformed> {
    let content = frame::read(frame)?;
    let mut reader = Reader::new(&content);
    let version = reader.byte()?;
    let records = reader.usize()?;
    if records as i64 != span.record_count || records > BLOCK_MAX_CHUNKS * SETTLED_CHUNK_MAX_RECORDS {
        return Err(Malformed("the head and the row count differently many records"));
    }
    let chunks = reader.count()?;
    let chunk_lengths = (0..chunks).map(|_| reader.usize()).collect::<Result<Vec<_>, _>>()?;
    if chunk_lengths.iter().try_fold(0, |sum: usize, n| sum.checked_add(*n)) != Some(records) {
        return Err(Malformed("the chunks do not hold as many records as the block"));
    }
    let ids = read_runs(&mut reader, span.first_id, records)?;
    if ids.last() != Some(&span.last_id) {
        return Err(Malformed("the head and the row end with different ids"));
    }
    let head = Head { ids, chunk_lengths, ..Head::default() };
    let head = match version {
        QUICK_VERSION => read_quick(&mut reader, head, span, records)?,
        SETTLED_VERSION => read_settled(&mut reader, head, span, records)?,
        _ => return Err(Malformed("written in a form that is not known here")),
    };
    if head.service_codes.iter().any(|code| *code as usize >= services) {
        return Err(Malformed("a service code has no name"));
    }
    Ok(head)
}

fn read_quick(
    reader: &mut Reader<'_>,
    head: Head,
    span: &BlockSpan,
    records: usize,
) -> Result<Head, Malformed> {
    let timestamps = read_times(reader, span.timestamps.0, records)?;
    let received = read_times(reader, span.received.0, records)?;
    let severities = reader.bytes(records)?.iter().map(|n| severity(*n)).collect::<Result<Vec<_>, _>>()?;
    let codes = (0..records).map(|_| service_code(reader.number()?));
    let service_codes = codes.collect::<Result<Vec<_>, _>>()?;
    Ok(Head { timestamps, received, severities, service_codes, ..head })
}

fn read_settled(
    reader: &mut Reader<'_>,
    head: Head,
    span: &BlockSpan,
    records: usize,
) -> Result<Head, Malformed> {
    let timestamps = read_settled_times(reader, span.timestamps.0, records)?;
    let received = read_settled_times(reader, span.received.0, records)?;
    let numbers = Numbers::read(reader, records)?.into_vec(records);
    let severities = numbers.into_iter().map(|n| severity(u8::try_from(n).unwrap_or(u8::MAX)));
    let severities = severities.collect::<Result<Vec<_>, _>>()?;
    let codes = Numbers::read(reader, records)?.into_vec(records);
    let service_codes = codes.into_iter().map(service_code).collect::<Result<Vec<_>, _>>()?;
    Ok(Head { timestamps, received, severities, service_codes, ..head })
}

fn service_code(number: u64) -> Result<u32, Malformed> {
    u32::try_from(number).map_err(|_| Malformed("a service code is out of range"))
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

/// Writes times as multiples of their greatest common divisor, counted from the earliest: few clocks tell
/// microseconds.
fn put_settled_times(out: &mut Content, times: &[Timestamp]) {
    let min = times.iter().min().map_or(0, |t| t.as_micros());
    let offsets: Vec<u64> = times.iter().map(|time| (time.as_micros() - min).cast_unsigned()).collect();
    let unit = offsets.iter().fold(0, |unit, offset| greatest_common_divisor(*offset, unit)).max(1);
    varint::put(&mut out.bytes, unit);
    put_numbers(out, &offsets.iter().map(|offset| offset / unit).collect::<Vec<_>>());
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn read_settled_times(
    reader: &mut Reader<'_>,
    min: Timestamp,
    records: usize,
) -> Result<Vec<Timestamp>, Malformed> {
    let unit = reader.number()?;
    let offsets = Numbers::read(reader, records)?.into_vec(records);
    let time = |offset: u64| timestamp(min.as_micros().wrapping_add_unsigned(offset.wrapping_mul(unit)));
    offsets.into_iter().map(time).collect()
}
