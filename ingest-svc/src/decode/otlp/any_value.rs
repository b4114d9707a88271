//! `AnyValue`, OpenTelemetry's value of any kind, written as JSON: bytes in base64, numbers that JSON does not have as
//! texts, a value that is not there as null.

use super::super::json_text::{JsonText, TextFault};
use super::super::members::NamedValues;
use super::super::protobuf::{BrokenMessage, Fields, Wire};

/// What a protobuf `AnyValue` holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum AnyValue<'a> {
    Nothing,
    Text(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(&'a [u8]),
    Object(&'a [u8]),
    Bytes(&'a [u8]),
}

impl<'a> AnyValue<'a> {
    /// Reads the message; of several values the last counts.
    #[inline]
    pub(super) fn of(message: &'a [u8]) -> Result<Self, BrokenMessage> {
        let (mut fields, mut value) = (Fields::of(message), Self::Nothing);
        while let Some((number, wire)) = fields.next()? {
            value = match number {
                1 => Self::Text(wire.bytes()?),
                2 => Self::Bool(wire.varint()? != 0),
                3 => Self::Int(wire.varint()?.cast_signed()),
                4 => Self::Double(f64::from_bits(wire.fixed64()?)),
                5 => Self::Array(wire.bytes()?),
                6 => Self::Object(wire.bytes()?),
                7 => Self::Bytes(wire.bytes()?),
                _ => value,
            };
        }
        Ok(value)
    }

    /// Writes it.
    pub(super) fn write(self, json: &mut JsonText) -> Result<(), BrokenMessage> {
        match self {
            Self::Nothing => json.plain("null"),
            Self::Text(text) => json.string_of(text),
            Self::Bool(value) => json.plain(value),
            Self::Int(number) => json.plain(number),
            Self::Double(number) => json.double(number),
            Self::Bytes(bytes) => json.base64(bytes),
            Self::Array(array) => {
                if json.open('[') {
                    write_elements(array, json)?;
                    json.close(']');
                }
            }
            Self::Object(object) => {
                if json.open('{') {
                    write_members(object, json)?;
                    json.close('}');
                }
            }
        }
        Ok(())
    }
}

fn write_elements(array: &[u8], json: &mut JsonText) -> Result<(), BrokenMessage> {
    let mut fields = Fields::of(array);
    while let Some((number, wire)) = fields.next()? {
        if number == 1 {
            AnyValue::of(wire.bytes()?)?.write(json)?;
        }
    }
    Ok(())
}

fn write_members(object: &[u8], json: &mut JsonText) -> Result<(), BrokenMessage> {
    let mut fields = Fields::of(object);
    while let Some((number, wire)) = fields.next()? {
        if number == 1 {
            write_key_value(wire, json)?;
        }
    }
    Ok(())
}

/// Writes a `KeyValue` message as a member.
#[inline]
pub(super) fn write_key_value(wire: Wire<'_>, target: &mut impl NamedValues) -> Result<(), BrokenMessage> {
    let mut fields = Fields::of(wire.bytes()?);
    let (mut key, mut value) = (&b""[..], AnyValue::Nothing);
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => key = wire.bytes()?,
            2 => value = AnyValue::of(wire.bytes()?)?,
            _ => {}
        }
    }
    match std::str::from_utf8(key) {
        Ok(key) => {
            target.begin(key);
            value.write(target.value())?;
        }
        Err(_) => {
            target.begin(&String::from_utf8_lossy(key));
            target.value().fail(TextFault::BrokenText);
        }
    }
    target.end();
    Ok(())
}
