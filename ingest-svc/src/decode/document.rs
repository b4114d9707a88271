//! A document as log shippers send it to Elasticsearch: fields of the Elastic Common Schema, nested or with dots in their
//! names, or of the shippers' own.
//!
//! | of the record | the first of these that fits |
//! |---|---|
//! | timestamp | `@timestamp`, `timestamp`, `timereported`; else the time of arrival |
//! | message | `message`, `msg`, `log`; else the whole document |
//! | severity | `log.level`, `level`, `severity`, `priority`; else INFO |
//! | service | `service.name`, `service`; else the service that the key is bound to; else the index |
//! | host | `host.name`, `host`, `fromhost` |
//! | `trace_id`, `span_id` | `trace.id`, `trace_id`; `span.id`, `span_id` |
//! | attributes | everything else as it was sent, and the index as `_index` where it is not the service |
//!
//! A log is not lost because a field is unusual: a value that does not fit (a level that nobody knows, a host that is a
//! list) is an attribute. Only a time that cannot be read is a fault: the log would be stored under a wrong one. An
//! object of which one member is used is an attribute all the same, unless it has no other member.
//!
//! `timereported`, `fromhost` and `priority` are what rsyslog's omelasticsearch sends when nobody tells it otherwise.

use std::borrow::Cow;
use std::fmt;

use domain::limits::IDENTIFIER_MAX_BYTES;
use domain::{RecordRef, ServiceName, Severity, Timestamp};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Context;
use super::attributes::{AttributeMerge, next_member};
use super::error::{Fault, codes};
use super::fields;
use super::record::UnknownField;
use super::value::{Value, without_quotes};

/// The fields that may go into a record's own columns, by their names at the top of a document.
#[derive(Debug, Clone, Copy)]
enum Known {
    AtTimestamp,
    Timestamp,
    TimeReported,
    Message,
    Msg,
    Log,
    LogLevel,
    Level,
    Severity,
    Priority,
    ServiceName,
    Service,
    HostName,
    Host,
    FromHost,
    TraceIdOfTrace,
    Trace,
    TraceId,
    SpanIdOfSpan,
    Span,
    SpanId,
}

/// How many [`Known`] there are.
const KNOWN: usize = Known::SpanId as usize + 1;

/// Reads one document after the other; its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct DocumentReader<'a> {
    document: Document<'a>,
    attributes: AttributeMerge<'a>,
    texts: Texts<'a>,
}

/// The members of a document.
#[derive(Debug, Default)]
struct Document<'a> {
    members: Vec<UnknownField<'a>>,
    /// The places of the known ones in `members`.
    known: [Option<usize>; KNOWN],
    /// The places of those that have gone into a column.
    used: Vec<usize>,
}

/// What goes into a record's columns.
#[derive(Debug, Default)]
struct Texts<'a> {
    message: Cow<'a, str>,
    service: Option<Cow<'a, str>>,
    host: Cow<'a, str>,
    trace_id: Cow<'a, str>,
    span_id: Cow<'a, str>,
}

/// Reads the members of an object.
struct DocumentSeed<'d, 'a>(&'d mut Document<'a>);

// === impl DocumentReader ===

impl<'a> DocumentReader<'a> {
    /// Reads a document of an index, whose name is given as it is and as JSON, into a record.
    pub(super) fn read<'r>(
        &'r mut self,
        source: &'a str,
        (index, raw_index): (&'r str, &'a str),
        context: &'r Context<'r>,
    ) -> Result<RecordRef<'r>, Fault> {
        let Self { document, attributes, texts } = self;
        document.read(source)?;
        let timestamp = document.take_timestamp(context.received_at)?;
        let severity = document.take_severity().unwrap_or(Severity::DEFAULT);
        document.take_texts(source, texts);
        let service = match (&texts.service, context.bound_service) {
            (None, Some(bound)) => bound.as_str(),
            (named, bound) => fields::allowed_service(Some(named.as_deref().unwrap_or(index)), bound)?,
        };
        document.drop_used();
        if service != index {
            document.add_index(raw_index);
        }
        Ok(RecordRef {
            timestamp,
            received_at: context.received_at,
            severity,
            service,
            message: fields::bounded_message(&texts.message, context.limits.message_bytes)?,
            trace_id: &texts.trace_id,
            span_id: &texts.span_id,
            host: &texts.host,
            attributes: attributes.merge(&Value::Absent, &document.members, context.limits)?,
        })
    }
}

// === impl Document ===

impl<'a> Document<'a> {
    /// Takes a text apart that has to be a JSON object.
    fn read(&mut self, source: &'a str) -> Result<(), Fault> {
        self.members.clear();
        self.known = [None; KNOWN];
        self.used.clear();
        let mut json = serde_json::Deserializer::from_str(source);
        let read = DocumentSeed(self).deserialize(&mut json).and_then(|()| json.end());
        read.map_err(|error| {
            let what = error.to_string().replace(" at line 1 column ", " at column ");
            let detail = format!("the document is not a JSON object: {what}");
            Fault { field: None, code: codes::MALFORMED, detail }
        })?;
        for (place, member) in self.members.iter().enumerate() {
            let Some(known) = Known::named(member.raw_name) else { continue };
            if self.known[known as usize].replace(place).is_some() {
                let detail = format!("{} is given twice", member.raw_name);
                return Err(Fault::of(member.raw_name, codes::DUPLICATE_FIELD, detail));
            }
        }
        Ok(())
    }

    fn raw(&self, known: Known) -> Option<(usize, &'a str)> {
        let place = self.known[known as usize]?;
        Some((place, self.members[place].raw_value))
    }

    /// Takes a member for a column, if `accept` makes something of its value.
    fn take<T>(&mut self, known: Known, accept: impl FnOnce(Value<'a>) -> Option<T>) -> Option<T> {
        let (place, raw_value) = self.raw(known)?;
        let accepted = accept(Value::of_raw(raw_value))?;
        self.used.push(place);
        Some(accepted)
    }

    /// The same with the member `inner` of an object. The object stays an attribute, unless it has no other member.
    fn take_inner<T>(
        &mut self,
        known: Known,
        inner: &str,
        accept: impl FnOnce(Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let (place, raw_value) = self.raw(known)?;
        let mut rest = raw_value.strip_prefix('{')?;
        let (mut found, mut count) = (None, 0);
        while let Some((raw_name, raw_value, _, after)) = next_member(rest) {
            if raw_name == inner {
                found = Some(raw_value);
            }
            count += 1;
            rest = after;
        }
        let accepted = accept(Value::of_raw(found?))?;
        if count == 1 {
            self.used.push(place);
        }
        Some(accepted)
    }

    fn take_timestamp(&mut self, received_at: Timestamp) -> Result<Timestamp, Fault> {
        for known in [Known::AtTimestamp, Known::Timestamp] {
            let read = self.take(known, |value| match value {
                Value::Absent => None,
                value => Some(fields::timestamp(&value, received_at)),
            });
            if let Some(read) = read {
                return read;
            }
        }
        let reported = self.take(Known::TimeReported, |value| Timestamp::parse(&text(value)?).ok());
        Ok(reported.unwrap_or(received_at))
    }

    fn take_severity(&mut self) -> Option<Severity> {
        let named = |value| match value {
            Value::Text(text) | Value::Number(text) => Severity::parse(&text).ok(),
            _ => None,
        };
        // A number would be one of another scale: priorities of syslog fall where severities rise.
        let of_priority = |value| Severity::parse(&text(value)?).ok();
        self.take(Known::LogLevel, named)
            .or_else(|| self.take_inner(Known::Log, "level", named))
            .or_else(|| self.take(Known::Level, named))
            .or_else(|| self.take(Known::Severity, named))
            .or_else(|| self.take(Known::Priority, of_priority))
    }

    fn take_texts(&mut self, source: &'a str, texts: &mut Texts<'a>) {
        let message = self
            .take(Known::Message, text)
            .or_else(|| self.take(Known::Msg, text))
            .or_else(|| self.take(Known::Log, text));
        texts.message = message.unwrap_or(Cow::Borrowed(source));
        texts.service = self
            .take(Known::ServiceName, service)
            .or_else(|| self.take_inner(Known::Service, "name", service))
            .or_else(|| self.take(Known::Service, service));
        let host = self
            .take(Known::HostName, identifier)
            .or_else(|| self.take_inner(Known::Host, "name", identifier))
            .or_else(|| self.take(Known::Host, identifier))
            .or_else(|| self.take(Known::FromHost, identifier));
        texts.host = host.unwrap_or_default();
        let trace_id = self
            .take(Known::TraceIdOfTrace, identifier)
            .or_else(|| self.take_inner(Known::Trace, "id", identifier))
            .or_else(|| self.take(Known::TraceId, identifier));
        texts.trace_id = trace_id.unwrap_or_default();
        let span_id = self
            .take(Known::SpanIdOfSpan, identifier)
            .or_else(|| self.take_inner(Known::Span, "id", identifier))
            .or_else(|| self.take(Known::SpanId, identifier));
        texts.span_id = span_id.unwrap_or_default();
    }

    /// Removes the members that have gone into a column.
    fn drop_used(&mut self) {
        let mut place = 0;
        let used = &self.used;
        self.members.retain(|_| {
            place += 1;
            !used.contains(&(place - 1))
        });
    }

    fn add_index(&mut self, raw_index: &'a str) {
        const NAME: &str = "_index";

        if self.members.iter().all(|member| member.raw_name != NAME) {
            self.members.push(UnknownField { raw_name: NAME, raw_value: raw_index });
        }
    }
}

fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn service(value: Value<'_>) -> Option<Cow<'_, str>> {
    text(value).filter(|name| ServiceName::check(name).is_ok())
}

fn identifier(value: Value<'_>) -> Option<Cow<'_, str>> {
    text(value).filter(|text| text.len() <= IDENTIFIER_MAX_BYTES)
}

// === impl DocumentSeed ===

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document, which is a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        while let Some(raw_name) = members.next_key::<&RawValue>()? {
            let raw_name = without_quotes(raw_name.get());
            let raw_value = members.next_value::<&RawValue>()?.get();
            self.0.members.push(UnknownField { raw_name, raw_value });
        }
        Ok(())
    }
}

// === impl Known ===

impl Known {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "@timestamp" => Self::AtTimestamp,
            "timestamp" => Self::Timestamp,
            "timereported" => Self::TimeReported,
            "message" => Self::Message,
            "msg" => Self::Msg,
            "log" => Self::Log,
            "log.level" => Self::LogLevel,
            "level" => Self::Level,
            "severity" => Self::Severity,
            "priority" => Self::Priority,
            "service.name" => Self::ServiceName,
            "service" => Self::Service,
            "host.name" => Self::HostName,
            "host" => Self::Host,
            "fromhost" => Self::FromHost,
            "trace.id" => Self::TraceIdOfTrace,
            "trace" => Self::Trace,
            "trace_id" => Self::TraceId,
            "span.id" => Self::SpanIdOfSpan,
            "span" => Self::Span,
            "span_id" => Self::SpanId,
            _ => return None,
        })
    }
}
