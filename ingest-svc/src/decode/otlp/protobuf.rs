//! `ExportLogsServiceRequest` in protobuf. Of a resource's and a scope's fields those that all its records need are read
//! first, wherever they stand.

use std::borrow::Cow;

use super::super::error::DecodeError;
use super::super::protobuf::{BrokenMessage, Fields, Wire};
use super::super::record::Field;
use super::any_value::{AnyValue, write_key_value};
use super::records::{Body, LogRecord, Records, set_id};

/// Why reading ends early.
enum Stop {
    Broken,
    Decode(DecodeError),
}

pub(super) fn read_request<'a>(body: &'a [u8], records: &mut Records<'a, '_>) -> Result<(), DecodeError> {
    read_resources(body, records).map_err(|stop| match stop {
        Stop::Broken => {
            let detail = "the body is not a valid ExportLogsServiceRequest in protobuf";
            DecodeError::malformed(detail)
        }
        Stop::Decode(error) => error,
    })
}

fn read_resources<'a>(request: &'a [u8], records: &mut Records<'a, '_>) -> Result<(), Stop> {
    let mut fields = Fields::of(request);
    while let Some((number, wire)) = fields.next()? {
        if number == 1 {
            read_resource_logs(wire.bytes()?, records)?;
        }
    }
    Ok(())
}

fn read_resource_logs<'a>(resource_logs: &'a [u8], records: &mut Records<'a, '_>) -> Result<(), Stop> {
    records.start_resource();
    let mut fields = Fields::of(resource_logs);
    while let Some((number, wire)) = fields.next()? {
        if number == 1 {
            let mut fields = Fields::of(wire.bytes()?);
            while let Some((number, wire)) = fields.next()? {
                if number == 1 {
                    write_key_value(wire, &mut records.resource)?;
                }
            }
        }
    }
    records.end_resource();
    let mut fields = Fields::of(resource_logs);
    while let Some((number, wire)) = fields.next()? {
        if number == 2 {
            read_scope_logs(wire.bytes()?, records)?;
        }
    }
    Ok(())
}

fn read_scope_logs<'a>(scope_logs: &'a [u8], records: &mut Records<'a, '_>) -> Result<(), Stop> {
    records.start_scope();
    let (mut name, mut version) = (&b""[..], &b""[..]);
    let mut fields = Fields::of(scope_logs);
    while let Some((number, wire)) = fields.next()? {
        if number == 1 {
            let mut fields = Fields::of(wire.bytes()?);
            while let Some((number, wire)) = fields.next()? {
                match number {
                    1 => name = wire.bytes()?,
                    2 => version = wire.bytes()?,
                    3 => write_key_value(wire, &mut records.scope)?,
                    _ => {}
                }
            }
        }
    }
    records.end_scope(std::str::from_utf8(name).ok(), std::str::from_utf8(version).ok());
    let mut fields = Fields::of(scope_logs);
    while let Some((number, wire)) = fields.next()? {
        if number == 2 {
            records.start_record().map_err(Stop::Decode)?;
            read_record(wire.bytes()?, records)?;
            records.end_record();
        }
    }
    Ok(())
}

#[inline]
fn read_record<'a>(record: &'a [u8], records: &mut Records<'a, '_>) -> Result<(), BrokenMessage> {
    let mut fields = Fields::of(record);
    while let Some((number, wire)) = fields.next()? {
        let log = &mut records.log;
        match number {
            1 => log.time_unix_nano = wire.fixed64()?,
            2 => log.severity_number = wire.varint()?.cast_signed(),
            3 => log.severity_text = text(wire, log, Field::Severity.name())?,
            5 => read_body(AnyValue::of(wire.bytes()?)?, records)?,
            6 => write_key_value(wire, &mut records.attributes)?,
            7 => log.dropped_attributes_count = wire.varint()?,
            8 => log.flags = wire.fixed32()?,
            9 => {
                let set = set_id(&mut log.trace_id, Field::TraceId, wire.bytes()?);
                log.note(set);
            }
            10 => {
                let set = set_id(&mut log.span_id, Field::SpanId, wire.bytes()?);
                log.note(set);
            }
            11 => log.observed_time_unix_nano = wire.fixed64()?,
            12 => log.event_name = text(wire, log, "event.name")?,
            _ => {}
        }
    }
    Ok(())
}

#[inline]
fn text<'a>(wire: Wire<'a>, log: &mut LogRecord<'_>, field: &str) -> Result<Cow<'a, str>, BrokenMessage> {
    Ok(std::str::from_utf8(wire.bytes()?).map_or_else(
        |_| {
            log.not_unicode(field);
            Cow::Borrowed("")
        },
        Cow::Borrowed,
    ))
}

#[inline]
fn read_body<'a>(body: AnyValue<'a>, records: &mut Records<'a, '_>) -> Result<(), BrokenMessage> {
    records.log.body = match body {
        AnyValue::Nothing => Body::None,
        AnyValue::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Body::Text(Cow::Borrowed(text)),
            Err(_) => {
                records.log.not_unicode(Field::Message.name());
                Body::None
            }
        },
        other => {
            other.write(records.start_body())?;
            if matches!(other, AnyValue::Object(_)) { Body::Object } else { Body::Json }
        }
    };
    Ok(())
}

impl From<BrokenMessage> for Stop {
    fn from(_: BrokenMessage) -> Self {
        Self::Broken
    }
}
