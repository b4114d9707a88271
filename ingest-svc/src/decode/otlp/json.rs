//! `ExportLogsServiceRequest` in the JSON mapping of OTLP: names in lowerCamelCase (the protobuf names are taken, too),
//! ids in hex, 64-bit numbers as texts or numbers, enumerators by number or name. Unknown members are ignored.
//!
//! What all records of a resource or a scope need stands before them in what nearly every sender writes, and they are read in
//! one pass. Where the records come first, their text is put aside, and read when the rest is known.

use std::borrow::Cow;

use domain::Severity;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::super::error::{DecodeError, Fault, codes, shortened};
use super::super::json_object::{
    Array, Object, ReadElements, ReadMembers, Scalar, Text, ignore, request_text,
};
use super::super::record::Field;
use super::any_value_json::{JsonKind, JsonValue, KeyValues};
use super::records::{Body, LogRecord, Records, set_id_of_text};

pub(super) fn read_request<'a>(body: &'a [u8], records: &mut Records<'a, '_>) -> Result<(), DecodeError> {
    let mut json = serde_json::Deserializer::from_str(request_text(body)?);
    let mut request = Request { records, stop: None };
    let read = Object(&mut request).deserialize(&mut json).and_then(|()| json.end());
    match (request.stop, read) {
        (Some(stop), _) => Err(stop),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => Err(DecodeError::malformed(format!(
            "the body is not a valid ExportLogsServiceRequest in JSON: {error}"
        ))),
    }
}

/// The request, or the array of its `ResourceLogs`.
struct Request<'r, 'a, 'c> {
    records: &'r mut Records<'a, 'c>,
    /// Why reading was broken off, if it was not the syntax.
    stop: Option<DecodeError>,
}

/// One `ResourceLogs`, or the array of its `ScopeLogs`.
struct ResourceLogs<'q, 'r, 'a, 'c> {
    request: &'q mut Request<'r, 'a, 'c>,
    is_known: bool,
    /// Scopes that came before their resource.
    put_aside: Option<&'a RawValue>,
}

/// A `Resource`.
struct Resource<'q, 'a, 'c>(&'q mut Records<'a, 'c>);

/// One `ScopeLogs`, or the array of its `LogRecord`s.
struct ScopeLogs<'q, 'r, 'a, 'c> {
    request: &'q mut Request<'r, 'a, 'c>,
    is_known: bool,
    put_aside: Option<&'a RawValue>,
}

/// An `InstrumentationScope`.
struct Scope<'q, 'a, 'c> {
    records: &'q mut Records<'a, 'c>,
    name: Text<'a>,
    version: Text<'a>,
}

/// A `LogRecord`, from its start to its end.
struct RecordSeed<'q, 'r, 'a, 'c>(&'q mut Request<'r, 'a, 'c>);

/// A `LogRecord`'s members.
struct Record<'q, 'a, 'c>(&'q mut Records<'a, 'c>);

// === Request ===

impl<'a> ReadMembers<'a> for Request<'_, 'a, '_> {
    const EXPECTED: &'static str = "an object with an array resourceLogs";

    fn read_member<M: MapAccess<'a>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        match name {
            "resourceLogs" | "resource_logs" => members.next_value_seed(Array(self)),
            _ => ignore(members),
        }
    }
}

impl<'a> ReadElements<'a> for Request<'_, 'a, '_> {
    const EXPECTED: &'static str = "an array of ResourceLogs";

    fn read_element<S: SeqAccess<'a>>(&mut self, elements: &mut S) -> Result<bool, S::Error> {
        self.records.start_resource();
        let mut logs = ResourceLogs { request: self, is_known: false, put_aside: None };
        if elements.next_element_seed(Object(&mut logs))?.is_none() {
            return Ok(false);
        }
        if let Some(scopes) = logs.put_aside.take() {
            logs.know_resource();
            read_put_aside(scopes, Array(&mut logs))?;
        }
        Ok(true)
    }
}

// === ResourceLogs ===

impl ResourceLogs<'_, '_, '_, '_> {
    fn know_resource(&mut self) {
        if !self.is_known {
            self.request.records.end_resource();
            self.is_known = true;
        }
    }
}

impl<'a> ReadMembers<'a> for ResourceLogs<'_, '_, 'a, '_> {
    const EXPECTED: &'static str = "a ResourceLogs, which is an object";

    fn read_member<M: MapAccess<'a>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        match name {
            "resource" => {
                members.next_value_seed(Object(&mut Resource(self.request.records)))?;
                self.know_resource();
                Ok(())
            }
            "scopeLogs" | "scope_logs" if self.is_known => members.next_value_seed(Array(self)),
            "scopeLogs" | "scope_logs" => {
                self.put_aside = Some(members.next_value()?);
                Ok(())
            }
            _ => ignore(members),
        }
    }
}

impl<'a> ReadElements<'a> for ResourceLogs<'_, '_, 'a, '_> {
    const EXPECTED: &'static str = "an array of ScopeLogs";

    fn read_element<S: SeqAccess<'a>>(&mut self, elements: &mut S) -> Result<bool, S::Error> {
        self.request.records.start_scope();
        let mut logs = ScopeLogs { request: self.request, is_known: false, put_aside: None };
        if elements.next_element_seed(Object(&mut logs))?.is_none() {
            return Ok(false);
        }
        if let Some(records) = logs.put_aside.take() {
            logs.know_scope(&Text::default(), &Text::default());
            read_put_aside(records, Array(&mut logs))?;
        }
        Ok(true)
    }
}

impl<'a> ReadMembers<'a> for Resource<'_, 'a, '_> {
    const EXPECTED: &'static str = "a Resource, which is an object";

    fn read_member<M: MapAccess<'a>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        match name {
            "attributes" => members.next_value_seed(Array(&mut KeyValues(&mut self.0.resource))),
            _ => ignore(members),
        }
    }
}

// === ScopeLogs ===

impl ScopeLogs<'_, '_, '_, '_> {
    fn know_scope(&mut self, name: &Text<'_>, version: &Text<'_>) {
        if !self.is_known {
            self.request.records.end_scope(name.0.as_deref().ok(), version.0.as_deref().ok());
            self.is_known = true;
        }
    }
}

impl<'a> ReadMembers<'a> for ScopeLogs<'_, '_, 'a, '_> {
    const EXPECTED: &'static str = "a ScopeLogs, which is an object";

    fn read_member<M: MapAccess<'a>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        match name {
            "scope" => {
                let records = &mut *self.request.records;
                let mut scope = Scope { records, name: Text::default(), version: Text::default() };
                members.next_value_seed(Object(&mut scope))?;
                let Scope { name, version, .. } = scope;
                self.know_scope(&name, &version);
                Ok(())
            }
            "logRecords" | "log_records" if self.is_known => members.next_value_seed(Array(self)),
            "logRecords" | "log_records" => {
                self.put_aside = Some(members.next_value()?);
                Ok(())
            }
            _ => ignore(members),
        }
    }
}

impl<'a> ReadElements<'a> for ScopeLogs<'_, '_, 'a, '_> {
    const EXPECTED: &'static str = "an array of LogRecords";

    #[inline]
    fn read_element<S: SeqAccess<'a>>(&mut self, elements: &mut S) -> Result<bool, S::Error> {
        Ok(elements.next_element_seed(RecordSeed(self.request))?.is_some())
    }
}

impl<'a> ReadMembers<'a> for Scope<'_, 'a, '_> {
    const EXPECTED: &'static str = "an InstrumentationScope, which is an object";

    fn read_member<M: MapAccess<'a>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        match name {
            "name" => self.name = members.next_value()?,
            "version" => self.version = members.next_value()?,
            "attributes" => members.next_value_seed(Array(&mut KeyValues(&mut self.records.scope)))?,
            _ => ignore(members)?,
        }
        Ok(())
    }
}

// === RecordSeed ===

impl<'a> DeserializeSeed<'a> for RecordSeed<'_, '_, 'a, '_> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        if let Err(stop) = self.0.records.start_record() {
            self.0.stop = Some(stop);
            return Err(D::Error::custom("stopped"));
        }
        Object(&mut Record(self.0.records)).deserialize(deserializer)?;
        self.0.records.end_record();
        Ok(())
    }
}

// === Record ===

impl<'a> ReadMembers<'a> for Record<'_, 'a, '_> {
    const EXPECTED: &'static str = "a LogRecord, which is an object";

    #[inline]
    fn read_member<M: MapAccess<'a>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        let log = &mut self.0.log;
        match name {
            "timeUnixNano" | "time_unix_nano" => {
                log.time_unix_nano = nanos(log, &members.next_value()?);
            }
            "observedTimeUnixNano" | "observed_time_unix_nano" => {
                log.observed_time_unix_nano = nanos(log, &members.next_value()?);
            }
            "severityNumber" | "severity_number" => log.severity_number = severity(&members.next_value()?),
            "severityText" | "severity_text" => {
                log.severity_text = text(log, Field::Severity.name(), members.next_value()?);
            }
            "body" => return self.read_body(members),
            "attributes" => return members.next_value_seed(Array(&mut KeyValues(&mut self.0.attributes))),
            "droppedAttributesCount" | "dropped_attributes_count" => {
                log.dropped_attributes_count = count(&members.next_value()?);
            }
            "flags" => log.flags = u32::try_from(count(&members.next_value()?)).unwrap_or(u32::MAX),
            "traceId" | "trace_id" => {
                let id = text(log, Field::TraceId.name(), members.next_value()?);
                let set = set_id_of_text(&mut log.trace_id, Field::TraceId, &id);
                log.note(set);
            }
            "spanId" | "span_id" => {
                let id = text(log, Field::SpanId.name(), members.next_value()?);
                let set = set_id_of_text(&mut log.span_id, Field::SpanId, &id);
                log.note(set);
            }
            "eventName" | "event_name" => {
                log.event_name = text(log, "event.name", members.next_value()?);
            }
            _ => return ignore(members),
        }
        Ok(())
    }
}

impl<'a> Record<'_, 'a, '_> {
    fn read_body<M: MapAccess<'a>>(&mut self, members: &mut M) -> Result<(), M::Error> {
        let mut body = JsonValue::or_text(self.0.start_body());
        members.next_value_seed(Object(&mut body))?;
        self.0.log.body = match body.kind {
            JsonKind::Nothing => Body::None,
            JsonKind::Text(text) => Body::Text(text),
            JsonKind::Object => Body::Object,
            JsonKind::Other => Body::Json,
        };
        Ok(())
    }
}

/// Returns a text; one that is none is noted.
#[inline]
fn text<'a>(log: &mut LogRecord<'_>, field: &str, sent: Text<'a>) -> Cow<'a, str> {
    sent.0.unwrap_or_else(|_| {
        log.not_unicode(field);
        Cow::Borrowed("")
    })
}

/// Returns a time; one that is none is noted.
fn nanos(log: &mut LogRecord<'_>, time: &Scalar<'_>) -> u64 {
    time.as_u64().unwrap_or_else(|| {
        let detail =
            format!("\"{}\" is no number of nanoseconds since the Unix epoch", shortened(&time.to_string()));
        log.note(Err(Fault::of(Field::Timestamp.name(), codes::INVALID_TIMESTAMP, detail)));
        0
    })
}

/// Returns the number of an enumerator; 0, unspecified, for what is none.
fn severity(sent: &Scalar<'_>) -> i64 {
    let named = |name: &str| {
        let name = name.strip_prefix("SEVERITY_NUMBER_").unwrap_or(name);
        Severity::parse(name).ok().map(|severity| i64::from(severity.number()))
    };
    match sent {
        Scalar::Text(name) => named(name).unwrap_or(0),
        Scalar::Signed(number) => *number,
        other => other.as_u64().and_then(|number| i64::try_from(number).ok()).unwrap_or(0),
    }
}

fn count(sent: &Scalar<'_>) -> u64 {
    sent.as_u64().unwrap_or(0)
}

/// Reads what was put aside.
fn read_put_aside<'a, E: Error>(
    json: &'a RawValue,
    seed: impl DeserializeSeed<'a, Value = ()>,
) -> Result<(), E> {
    // The text is JSON; what is wrong is what it holds, and where it lies in the body is not known here.
    seed.deserialize(&mut serde_json::Deserializer::from_str(json.get())).map_err(E::custom)
}
