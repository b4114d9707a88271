//! What a log record becomes, whichever encoding it came in.

use std::borrow::Cow;

use domain::timestamp::TimestampError;
use domain::{RecordRef, ServiceName, Severity, SeveritySet, Timestamp};

use super::super::builder::BatchBuilder;
use super::super::error::{DecodeError, Fault, codes};
use super::super::fields;
use super::super::json_text::{JsonText, TextFault};
use super::super::members::{Members, NamedValues, Shared};
use super::super::record::Field;
use super::super::{Context, Decoded};

/// The service of a resource that names none, as OpenTelemetry has it. SDKs name it themselves, often with `:<program>`.
pub(super) const UNKNOWN_SERVICE: &str = "unknown_service";

/// Most bytes of a trace's or a span's id that are kept; OpenTelemetry's have 16 and 8.
const ID_MAX_BYTES: usize = 64;

const NANOS_PER_MICRO: u64 = 1000;

/// The records of a request in the making. A reader fills in what is public, and ends each part when it is read.
pub(super) struct Records<'a, 'c> {
    batch: BatchBuilder<'a, 'c>,
    pub(super) resource: Members,
    pub(super) scope: Members,
    pub(super) attributes: Members,
    pub(super) log: LogRecord<'a>,
    origin: Origin,
    in_common: InCommon,
}

/// What the records of a scope have in common: what the resource and the scope say. It is put together for the first record
/// that is stored: a scope without one costs nothing, however much its resource says.
#[derive(Debug, Default)]
struct InCommon {
    shared: Shared,
    is_known: bool,
}

/// Whom the records of a resource come from.
#[derive(Debug, Default)]
struct Origin {
    service: String,
    host: String,
    fault: Option<Fault>,
}

/// One log record, without its attributes.
#[derive(Debug, Default)]
pub(super) struct LogRecord<'a> {
    pub(super) time_unix_nano: u64,
    pub(super) observed_time_unix_nano: u64,
    /// 0: not given.
    pub(super) severity_number: i64,
    pub(super) severity_text: Cow<'a, str>,
    pub(super) body: Body<'a>,
    /// The body as JSON, if it is no text.
    pub(super) body_json: JsonText,
    /// In hex; empty: none.
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) flags: u32,
    pub(super) event_name: Cow<'a, str>,
    pub(super) dropped_attributes_count: u64,
    /// The first thing that is wrong with it.
    pub(super) fault: Option<Fault>,
}

/// What kind of body a record has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Body<'a> {
    #[default]
    None,
    Text(Cow<'a, str>),
    /// A value that is written in [`LogRecord::body_json`].
    Json,
    /// The same, and it is an object.
    Object,
}

// === impl Records ===

impl<'a, 'c> Records<'a, 'c> {
    pub(super) fn new(context: &'c Context<'c>) -> Self {
        let members = || Members::new(context.limits);
        let mut records = Self {
            batch: BatchBuilder::new(context),
            resource: members(),
            scope: members(),
            attributes: members(),
            log: LogRecord::default(),
            origin: Origin::default(),
            in_common: InCommon::default(),
        };
        records.start_resource();
        records.end_resource();
        records.start_scope();
        records.end_scope(Some(""), Some(""));
        records
    }

    pub(super) fn finish(self) -> Result<Decoded, DecodeError> {
        self.batch.finish()
    }

    /// Returns where the body of a record is written that is no text.
    pub(super) fn start_body(&mut self) -> &mut JsonText {
        let limits = self.batch.context().limits;
        self.log.body_json.clear();
        self.log.body_json.bound(limits.message_bytes, limits.attributes_depth);
        &mut self.log.body_json
    }

    /// Starts a resource, whose attributes go into [`Self::resource`].
    pub(super) fn start_resource(&mut self) {
        self.resource.clear();
    }

    /// Ends the resource; its scopes follow.
    pub(super) fn end_resource(&mut self) {
        let bound = self.batch.context().bound_service;
        self.origin = match Origin::of(&mut self.resource, bound) {
            Ok(origin) => origin,
            Err(fault) => Origin { fault: Some(fault), ..Origin::default() },
        };
    }

    /// Starts a scope, whose attributes go into [`Self::scope`].
    pub(super) fn start_scope(&mut self) {
        self.scope.clear();
    }

    /// Ends the scope of this name and version, `None` for what is no text; its records follow.
    pub(super) fn end_scope(&mut self, name: Option<&str>, version: Option<&str>) {
        let own = [("otel.scope.name", name), ("otel.scope.version", version)];
        for (name, text) in own.into_iter().filter(|(_, text)| *text != Some("")) {
            self.scope.begin(name);
            match text {
                Some(text) => self.scope.value().string(text),
                None => self.scope.value().fail(TextFault::BrokenText),
            }
            self.scope.end();
        }
        self.in_common.is_known = false;
    }

    /// Starts a record, which goes into [`Self::log`] and [`Self::attributes`].
    ///
    /// # Errors
    /// [`DecodeError::TooManyRecords`] and [`DecodeError::TooLarge`].
    pub(super) fn start_record(&mut self) -> Result<(), DecodeError> {
        self.batch.start_record()?;
        self.attributes.clear();
        self.log.clear();
        Ok(())
    }

    /// Ends the record.
    pub(super) fn end_record(&mut self) {
        if let Err(fault) = self.push_record() {
            self.batch.end_with_fault(fault);
        }
    }

    fn push_record(&mut self) -> Result<(), Fault> {
        let Context { received_at, limits, .. } = *self.batch.context();
        let log = &mut self.log;
        if let Some(fault) = self.origin.fault.clone().or_else(|| log.fault.take()) {
            return Err(fault);
        }
        self.scope.check()?;
        let observed = time(log.observed_time_unix_nano)?;
        let timestamp = time(log.time_unix_nano)?.or(observed).unwrap_or(received_at);
        let severity = log.severity();
        let message = fields::bounded_message(log.message(limits.attributes_depth)?, limits.message_bytes)?;
        log.add_own(severity, observed.filter(|observed| *observed != timestamp), &mut self.attributes);
        self.attributes.check()?;
        self.batch.end_with(&RecordRef {
            timestamp,
            received_at,
            severity: severity.severity,
            service: &self.origin.service,
            message,
            trace_id: &log.trace_id,
            span_id: &log.span_id,
            host: &self.origin.host,
            attributes: self.attributes.object(self.in_common.of(&self.resource, &self.scope)),
        });
        Ok(())
    }
}

// === impl InCommon ===

impl InCommon {
    #[inline]
    fn of(&mut self, resource: &Members, scope: &Members) -> &Shared {
        if !self.is_known {
            self.shared.clear();
            self.shared.add(resource, "resource.");
            self.shared.add(scope, "scope.");
            self.shared.complete();
            self.is_known = true;
        }
        &self.shared
    }
}

// === impl Origin ===

impl Origin {
    /// Takes it out of a resource's attributes.
    fn of(resource: &mut Members, bound: Option<&ServiceName>) -> Result<Self, Fault> {
        resource.check()?;
        let named = resource.take_text("service.name").filter(|name| !name.is_empty());
        // What an SDK calls a service that nobody named says less than the key does.
        let is_placeholder = |name: &&str| name.split(':').next() == Some(UNKNOWN_SERVICE);
        let named = named.as_deref().filter(|name| bound.is_none() || !is_placeholder(name));
        let named = named.or(if bound.is_none() { Some(UNKNOWN_SERVICE) } else { None });
        let service = fields::allowed_service(named, bound)?.to_owned();
        let host = resource.take_if("host.name", fields::as_identifier).unwrap_or_default();
        Ok(Self { service, host, fault: None })
    }
}

// === impl LogRecord ===

/// A record's severity, and whether its text has to be kept beside it.
#[derive(Debug, Clone, Copy)]
struct ReadSeverity {
    severity: Severity,
    keeps_text: bool,
    keeps_number: bool,
}

impl LogRecord<'_> {
    fn clear(&mut self) {
        let (mut body_json, mut trace_id) =
            (std::mem::take(&mut self.body_json), std::mem::take(&mut self.trace_id));
        let mut span_id = std::mem::take(&mut self.span_id);
        body_json.clear();
        trace_id.clear();
        span_id.clear();
        *self = Self { body_json, trace_id, span_id, ..Self::default() };
    }

    /// Notes what is wrong with it, if something is.
    #[inline]
    pub(super) fn note(&mut self, checked: Result<(), Fault>) {
        if let Err(fault) = checked {
            self.fault.get_or_insert(fault);
        }
    }

    /// Notes that a text of the record is none.
    #[cold]
    pub(super) fn not_unicode(&mut self, field: &str) {
        self.fault.get_or_insert_with(|| fields::not_unicode(field));
    }

    fn severity(&self) -> ReadSeverity {
        let number = u64::try_from(self.severity_number).ok().and_then(|n| Severity::from_number(n).ok());
        let text = if self.severity_text.is_empty() { None } else { Some(&*self.severity_text) };
        let parsed = text.and_then(|text| Severity::parse(text).ok());
        let severity = number.or(parsed).unwrap_or(Severity::DEFAULT);
        let says_it = parsed.is_some_and(|parsed| SeveritySet::band_of(severity).contains(parsed));
        let keeps_number = number.is_none() && self.severity_number != 0;
        ReadSeverity { severity, keeps_text: text.is_some() && !says_it, keeps_number }
    }

    fn message(&self, max_depth: usize) -> Result<&str, Fault> {
        let fault = match (&self.body, self.body_json.fault()) {
            (Body::None, _) => return Ok(""),
            (Body::Text(text), _) => return Ok(text),
            (Body::Json | Body::Object, None) => return Ok(self.body_json.as_str()),
            (Body::Json | Body::Object, Some(fault)) => fault,
        };
        Err(match fault {
            TextFault::TooLong => {
                let detail = "the body, as JSON, is longer than a message may be".to_owned();
                Fault::of(Field::Message.name(), codes::TOO_LONG, detail)
            }
            TextFault::TooDeep => {
                let detail = format!("the body is nested too deep: it has at most {max_depth} levels");
                Fault::of(Field::Message.name(), codes::TOO_DEEP, detail)
            }
            TextFault::BrokenText => fields::not_unicode(Field::Message.name()),
        })
    }

    /// Adds what has no column, to the record's attributes.
    fn add_own(&self, severity: ReadSeverity, observed: Option<Timestamp>, attributes: &mut Members) {
        if severity.keeps_text {
            attributes.add_own("severity_text", |json| json.string(&self.severity_text));
        }
        if severity.keeps_number {
            attributes.add_own("severity_number", |json| json.plain(self.severity_number));
        }
        if self.body == Body::Object {
            attributes.add_own("body", |json| json.written(&self.body_json));
        }
        if !self.event_name.is_empty() {
            attributes.add_own("event.name", |json| json.string(&self.event_name));
        }
        if let Some(observed) = observed {
            attributes.add_own("observed_timestamp", |json| json.string(&observed.to_string()));
        }
        if self.flags != 0 {
            attributes.add_own("flags", |json| json.plain(self.flags));
        }
        if self.dropped_attributes_count != 0 {
            let count = self.dropped_attributes_count;
            attributes.add_own("dropped_attributes_count", |json| json.plain(count));
        }
    }
}

/// Reads a time in nanoseconds since the Unix epoch; 0: none.
fn time(unix_nanos: u64) -> Result<Option<Timestamp>, Fault> {
    if unix_nanos == 0 {
        return Ok(None);
    }
    let micros = i64::try_from(unix_nanos / NANOS_PER_MICRO).unwrap_or(i64::MAX);
    Timestamp::from_micros(micros).map(Some).map_err(|error| {
        let code = match error {
            TimestampError::Unreadable => codes::INVALID_TIMESTAMP,
            TimestampError::OutOfRange => codes::TIMESTAMP_OUT_OF_RANGE,
        };
        Fault::of(Field::Timestamp.name(), code, format!("time_unix_nano {unix_nanos}: {error}"))
    })
}

/// Writes the id that bytes are, in hex; only zeros are none.
pub(super) fn set_id(id: &mut String, field: Field, bytes: &[u8]) -> Result<(), Fault> {
    id.clear();
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    let mut hex = [0; 2 * ID_MAX_BYTES];
    let Some(hex) = hex.get_mut(..2 * bytes.len()) else {
        return Err(long_id(field));
    };
    hex::encode_to_slice(bytes, hex).expect("the slice is twice as long");
    id.push_str(std::str::from_utf8(hex).expect("hex is ASCII"));
    Ok(())
}

#[cold]
fn long_id(field: Field) -> Fault {
    let detail = format!("{} has more than the {ID_MAX_BYTES} bytes that are accepted", field.name());
    Fault::of(field.name(), codes::TOO_LONG, detail)
}

/// Writes the id that a text in hex is; what is no hex stays as it is.
pub(super) fn set_id_of_text(id: &mut String, field: Field, text: &str) -> Result<(), Fault> {
    id.clear();
    if text.len() > 2 * ID_MAX_BYTES {
        return Err(long_id(field));
    }
    if text.bytes().any(|byte| byte != b'0') {
        id.push_str(text);
        if text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            id.make_ascii_lowercase();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::limits::RecordLimits;

    use super::*;

    #[test]
    fn what_a_resource_says_is_copied_for_scopes_with_records_that_are_stored_only() {
        let received_at = Timestamp::saturating_from_micros(0);
        let context = Context { received_at, bound_service: None, limits: &RecordLimits::STANDARD };
        let mut records = Records::new(&context);
        records.start_resource();
        records.resource.add_text("a", "1");
        records.end_resource();
        for (scope, unix_nanos) in [("none", None), ("refused", Some(u64::MAX)), ("stored", Some(1))] {
            records.start_scope();
            records.end_scope(Some(scope), Some(""));
            if let Some(unix_nanos) = unix_nanos {
                records.start_record().unwrap();
                records.log.time_unix_nano = unix_nanos;
                records.end_record();
            }
            assert_eq!(records.in_common.is_known, scope == "stored", "{scope}");
        }
        let decoded = records.finish().unwrap();
        let attributes: Vec<_> = decoded.batch.iter().map(|record| record.attributes).collect();
        assert_eq!(attributes, [r#"{"a":"1","otel.scope.name":"stored"}"#]);
        assert_eq!(decoded.rejected, 1);
    }
}
