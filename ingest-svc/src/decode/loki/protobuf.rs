//! `logproto.PushRequest`. The labels of a stream are read first, wherever they stand.

use domain::Timestamp;

use super::super::error::{DecodeError, Fault, codes, shortened};
use super::super::fields::not_unicode;
use super::super::json_text::TextFault;
use super::super::members::NamedValues;
use super::super::protobuf::{BrokenMessage, Fields};
use super::super::record::Field;
use super::labels::read_labels;
use super::streams::{Streams, time};

/// Why reading ends early.
enum Stop {
    Broken,
    Decode(DecodeError),
}

pub(super) fn read_push(body: &[u8], streams: &mut Streams<'_, '_>) -> Result<(), DecodeError> {
    read_streams(body, streams).map_err(|stop| match stop {
        Stop::Broken => DecodeError::malformed("the body is not a valid PushRequest in protobuf"),
        Stop::Decode(error) => error,
    })
}

fn read_streams(push: &[u8], streams: &mut Streams<'_, '_>) -> Result<(), Stop> {
    let mut fields = Fields::of(push);
    while let Some((number, wire)) = fields.next()? {
        if number == 1 {
            read_stream(wire.bytes()?, streams)?;
        }
    }
    Ok(())
}

fn read_stream(stream: &[u8], streams: &mut Streams<'_, '_>) -> Result<(), Stop> {
    streams.start_stream();
    let (mut labels, mut fields) = (&b"{}"[..], Fields::of(stream));
    while let Some((number, wire)) = fields.next()? {
        if number == 1 {
            labels = wire.bytes()?;
        }
    }
    let read = std::str::from_utf8(labels).map_err(|_| not_unicode("labels")).and_then(|labels| {
        let read = read_labels(labels, |name, value| streams.labels.add_text(name, value));
        read.map_err(|_| broken_labels(labels))
    });
    streams.end_labels(read);
    let mut fields = Fields::of(stream);
    while let Some((number, wire)) = fields.next()? {
        if number == 2 {
            streams.start_line().map_err(Stop::Decode)?;
            read_entry(wire.bytes()?, streams)?;
        }
    }
    Ok(())
}

#[cold]
fn broken_labels(labels: &str) -> Fault {
    let detail = format!("the stream's labels have to be like {{name=\"value\"}}, not {}", shortened(labels));
    Fault::of("labels", codes::MALFORMED, detail)
}

#[inline]
fn read_entry(entry: &[u8], streams: &mut Streams<'_, '_>) -> Result<(), BrokenMessage> {
    let mut fields = Fields::of(entry);
    let (mut at, mut line) = (Ok(None), &b""[..]);
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => at = read_time(wire.bytes()?)?.map(Some),
            2 => line = wire.bytes()?,
            3 => read_metadata(wire.bytes()?, streams)?,
            _ => {}
        }
    }
    let line = std::str::from_utf8(line).map_err(|_| not_unicode(Field::Message.name()));
    streams.end_line(at, line);
    Ok(())
}

#[inline]
fn read_time(message: &[u8]) -> Result<Result<Timestamp, Fault>, BrokenMessage> {
    let (mut seconds, mut nanos, mut fields) = (0, 0, Fields::of(message));
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => seconds = wire.varint()?.cast_signed(),
            2 => nanos = wire.varint()?.cast_signed(),
            _ => {}
        }
    }
    Ok(time(seconds, nanos))
}

#[inline]
fn read_metadata(pair: &[u8], streams: &mut Streams<'_, '_>) -> Result<(), BrokenMessage> {
    let (mut name, mut value, mut fields) = (&b""[..], &b""[..], Fields::of(pair));
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => name = wire.bytes()?,
            2 => value = wire.bytes()?,
            _ => {}
        }
    }
    let metadata = &mut streams.metadata;
    match std::str::from_utf8(name) {
        Ok(name) => {
            metadata.begin(name);
            metadata.value().string_of(value);
        }
        Err(_) => {
            metadata.begin(&String::from_utf8_lossy(name));
            metadata.value().fail(TextFault::BrokenText);
        }
    }
    metadata.end();
    Ok(())
}

impl From<BrokenMessage> for Stop {
    fn from(_: BrokenMessage) -> Self {
        Self::Broken
    }
}
