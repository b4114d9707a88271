//! One JSON object, taken apart into values but not judged yet.
//!
//! The fast way takes names and texts straight from the parser. The careful way takes every name and every
//! value as a [`RawValue`], a slice of the body: the parser then checks syntax without recursion, without
//! unescaping and without a limit on depth or numbers, so that whatever is odd about a value is the fault of
//! one field. Where the fast way succeeds, both give the same record; where it does not, the careful one
//! decides.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{Fault, codes};
use super::escapes::unescaped;
use super::value::{FastValue, Value, without_quotes};

/// The fields that a record's own columns hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Timestamp,
    Service,
    Severity,
    Level,
    Message,
    TraceId,
    SpanId,
    Host,
    Attributes,
}

/// The names of [`Field`]s, in its order.
const FIELD_NAMES: [&str; 9] =
    ["timestamp", "service", "severity", "level", "message", "trace_id", "span_id", "host", "attributes"];

/// A field of any other name.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnknownField<'a> {
    /// The name as sent, escapes and all, without its quotes.
    pub(super) raw_name: &'a str,
    /// The JSON text of the value.
    pub(super) raw_value: &'a str,
}

/// The fields of one record, borrowed from the body where that is possible.
#[derive(Debug, Default)]
pub(super) struct RawRecord<'a> {
    known: [Value<'a>; FIELD_NAMES.len()],
    /// Bit n: the field n was given, null or not.
    given: u16,
    unknown: Vec<UnknownField<'a>>,
    duplicate: Option<Field>,
    /// The name of the field, as sent, in whose value parsing ended early.
    pub(super) broken_at: Option<&'a str>,
}

/// How JSON is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Fast,
    Careful,
}

/// Why a text is not one JSON object.
#[derive(Debug)]
pub(super) enum ReadError {
    /// There is no object, or it is broken.
    InRecord(serde_json::Error),
    /// Something follows the object.
    BehindRecord(serde_json::Error),
}

/// Reads one JSON object into a [`RawRecord`].
pub(super) struct RecordSeed<'r, 'a>(pub(super) &'r mut RawRecord<'a>, pub(super) Pass);

/// The name of a field.
enum Name<'a> {
    Known(Field),
    /// As sent, without its quotes.
    Unknown(&'a str),
}

/// Reads the name of a field.
struct NameSeed(Pass);

// === impl Field ===

impl Field {
    #[inline]
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "timestamp" => Self::Timestamp,
            "service" => Self::Service,
            "severity" => Self::Severity,
            "level" => Self::Level,
            "message" => Self::Message,
            "trace_id" => Self::TraceId,
            "span_id" => Self::SpanId,
            "host" => Self::Host,
            "attributes" => Self::Attributes,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        FIELD_NAMES[self as usize]
    }

    /// Says whether the parser's own view of a value is too coarse: numbers have to keep every digit, and
    /// objects their text.
    fn needs_raw(self) -> bool {
        matches!(self, Self::Timestamp | Self::Attributes)
    }
}

// === impl RawRecord ===

impl<'a> RawRecord<'a> {
    /// Reads a text that holds one JSON object, the fast way or else the careful way.
    ///
    /// # Errors
    /// [`ReadError`] when it is not that.
    pub(super) fn read(&mut self, json: &'a str) -> Result<(), ReadError> {
        self.read_by(json, Pass::Fast).or_else(|_| self.read_by(json, Pass::Careful))
    }

    fn read_by(&mut self, json: &'a str, pass: Pass) -> Result<(), ReadError> {
        let mut json = serde_json::Deserializer::from_str(json);
        RecordSeed(self, pass).deserialize(&mut json).map_err(ReadError::InRecord)?;
        json.end().map_err(ReadError::BehindRecord)
    }

    /// Returns the value of a field.
    #[inline]
    pub(super) fn get(&self, field: Field) -> &Value<'a> {
        &self.known[field as usize]
    }

    /// Returns the fields that have no column of their own, in the order in which they were sent.
    pub(super) fn unknown(&self) -> &[UnknownField<'a>] {
        &self.unknown
    }

    /// Says whether the record lacks what most of ours have, and has something else.
    #[inline]
    pub(super) fn may_be_foreign(&self) -> bool {
        const USUAL: u16 = 1 << Field::Timestamp as u16 | 1 << Field::Message as u16;
        self.given & USUAL != USUAL && !self.unknown.is_empty()
    }

    /// Says whether the record has no field but one of no column.
    pub(super) fn is_one_unknown_field(&self) -> bool {
        self.unknown.len() == 1 && self.given == 0
    }

    /// Checks that no known name was given twice.
    #[inline]
    pub(super) fn check_names(&self) -> Result<(), Fault> {
        let Some(field) = self.duplicate else { return Ok(()) };
        let detail = format!("{} is given twice, a record names a field once", field.name());
        Err(Fault::of(field.name(), codes::DUPLICATE_FIELD, detail))
    }

    #[inline]
    fn clear(&mut self) {
        self.known = Default::default();
        self.given = 0;
        self.unknown.clear();
        self.duplicate = None;
        self.broken_at = None;
    }

    #[inline]
    fn set(&mut self, field: Field, value: Value<'a>) {
        let bit = 1 << field as u16;
        if self.given & bit != 0 {
            self.duplicate = Some(field);
        }
        self.given |= bit;
        self.known[field as usize] = value;
    }

    #[inline]
    fn read_field<M: MapAccess<'a>>(
        &mut self,
        name: &Name<'a>,
        pass: Pass,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match *name {
            Name::Known(field) if pass == Pass::Fast && !field.needs_raw() => {
                let value = map.next_value_seed(FastValue)?;
                self.set(field, value);
            }
            Name::Known(field) => {
                let raw_value = map.next_value::<&RawValue>()?.get();
                self.set(field, Value::of_raw(raw_value));
            }
            Name::Unknown(raw_name) => {
                let raw_value = map.next_value::<&RawValue>()?.get();
                self.unknown.push(UnknownField { raw_name, raw_value });
            }
        }
        Ok(())
    }
}

// === impl ReadError ===

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::InRecord(error) | Self::BehindRecord(error)) = self;
        error.fmt(f)
    }
}

// === impl RecordSeed ===

impl<'de> DeserializeSeed<'de> for RecordSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record, which is a JSON object")
    }

    #[inline]
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Self(record, pass) = self;
        record.clear();
        while let Some(name) = map.next_key_seed(NameSeed(pass))? {
            if let Err(error) = record.read_field(&name, pass, &mut map) {
                record.broken_at = Some(name.as_sent());
                return Err(error);
            }
        }
        Ok(())
    }
}

// === impl Name ===

impl<'a> Name<'a> {
    fn as_sent(&self) -> &'a str {
        match self {
            Self::Known(field) => field.name(),
            Self::Unknown(raw_name) => raw_name,
        }
    }
}

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name<'de>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name<'de>, D::Error> {
        if self.0 == Pass::Fast {
            return deserializer.deserialize_str(self);
        }
        let raw_name = without_quotes(<&RawValue>::deserialize(deserializer)?.get());
        let known = unescaped(raw_name).and_then(|name| Field::named(&name));
        Ok(known.map_or(Name::Unknown(raw_name), Name::Known))
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Field::named(name).map_or(Name::Unknown(name), Name::Known))
    }

    /// Called for names with escapes, whose text as sent the parser does not tell.
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name<'de>, E> {
        let known = Field::named(name).map(Name::Known);
        known.ok_or_else(|| E::custom("a name with escapes takes the careful way"))
    }
}
