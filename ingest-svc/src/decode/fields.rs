//! The rules of each field.

use domain::limits::IDENTIFIER_MAX_BYTES;
use domain::timestamp::TimestampError;
use domain::{ServiceName, Severity, SeveritySet, Timestamp};

use super::error::{Fault, codes, shortened};
use super::record::Field;
use super::value::Value;

/// Reads `timestamp`: a text or a number, or `received_at` if there is none.
#[inline]
pub(super) fn timestamp(value: &Value<'_>, received_at: Timestamp) -> Result<Timestamp, Fault> {
    let (read, sent) = match value {
        Value::Absent => return Ok(received_at),
        Value::Text(text) => (Timestamp::parse(text), text),
        Value::Number(number) => (Timestamp::parse_epoch(number), number),
        other => return Err(wrong_type(Field::Timestamp, "a text or a number", other)),
    };
    read.map_err(|error| unreadable_time(error, sent))
}

#[cold]
fn unreadable_time(error: TimestampError, sent: &str) -> Fault {
    let code = match error {
        TimestampError::Unreadable => codes::INVALID_TIMESTAMP,
        TimestampError::OutOfRange => codes::TIMESTAMP_OUT_OF_RANGE,
    };
    Fault::of(Field::Timestamp.name(), code, format!("timestamp \"{}\": {error}", shortened(sent)))
}

/// Reads `severity` and `level`, which mean the same; `severity` wins where both name one band. `None`: neither is
/// given.
#[inline]
pub(super) fn severity(severity: &Value<'_>, level: &Value<'_>) -> Result<Option<Severity>, Fault> {
    match (one_severity(Field::Severity, severity)?, one_severity(Field::Level, level)?) {
        (Some(severity), Some(level)) => agreeing_severity(severity, level).map(Some),
        (severity, level) => Ok(severity.or(level)),
    }
}

fn agreeing_severity(severity: Severity, level: Severity) -> Result<Severity, Fault> {
    if SeveritySet::band_of(severity).contains(level) {
        return Ok(severity);
    }
    let detail = format!(
        "severity says {}, level says {}: send one of them, or the same in both",
        severity.severity_text(),
        level.level_text()
    );
    Err(Fault::of(Field::Severity.name(), codes::CONFLICTING_SEVERITY, detail))
}

#[inline]
fn one_severity(field: Field, value: &Value<'_>) -> Result<Option<Severity>, Fault> {
    let sent = match value {
        Value::Absent => return Ok(None),
        Value::Text(sent) | Value::Number(sent) => sent,
        other => return Err(wrong_type(field, "a text or an integer", other)),
    };
    Severity::parse(sent).map(Some).map_err(|error| {
        let detail = format!("{} \"{}\": {error}", field.name(), shortened(sent));
        Fault::of(field.name(), codes::UNKNOWN_SEVERITY, detail)
    })
}

/// Reads `service` as a text.
#[inline]
pub(super) fn service<'v>(value: &'v Value<'_>) -> Result<Option<&'v str>, Fault> {
    text(Field::Service, value)
}

/// Returns the service that a record of the named one is stored under.
#[inline]
pub(super) fn allowed_service<'a>(
    named: Option<&'a str>,
    bound: Option<&'a ServiceName>,
) -> Result<&'a str, Fault> {
    match (named, bound.map(ServiceName::as_str)) {
        (Some(named), Some(bound)) if named == bound => Ok(bound),
        (None, Some(bound)) => Ok(bound),
        (None, None) => {
            let detail = "service is required: name the service that the record comes from, or use a key that is bound to one";
            Err(Fault::of(Field::Service.name(), codes::REQUIRED, detail.to_owned()))
        }
        (Some(named), bound) => {
            let fault = |code, detail| Fault::of(Field::Service.name(), code, detail);
            ServiceName::check(named).map_err(|error| fault(codes::INVALID_SERVICE, error.to_string()))?;
            let Some(bound) = bound else { return Ok(named) };
            let detail =
                format!("the key may send logs of service \"{bound}\" only, not of \"{}\"", shortened(named));
            Err(fault(codes::SERVICE_MISMATCH, detail))
        }
    }
}

/// Reads `message`.
#[inline]
pub(super) fn message<'v>(value: &'v Value<'_>, limit_bytes: usize) -> Result<&'v str, Fault> {
    let Some(message) = text(Field::Message, value)? else {
        let detail = "message is required: a text, which may be empty".to_owned();
        return Err(Fault::of(Field::Message.name(), codes::REQUIRED, detail));
    };
    bounded_message(message, limit_bytes)
}

/// Checks the length of a message.
#[inline]
pub(super) fn bounded_message(message: &str, limit_bytes: usize) -> Result<&str, Fault> {
    bounded(Field::Message, message, limit_bytes)
}

/// Reads `trace_id`, `span_id` or `host`; empty: none.
#[inline]
pub(super) fn identifier<'v>(field: Field, value: &'v Value<'_>) -> Result<&'v str, Fault> {
    bounded(field, text(field, value)?.unwrap_or_default(), IDENTIFIER_MAX_BYTES)
}

/// Returns a text as the value of `host`, `trace_id` or `span_id`, if it can be one.
pub(super) fn as_identifier(text: &str) -> Option<String> {
    (1..=IDENTIFIER_MAX_BYTES).contains(&text.len()).then(|| text.to_owned())
}

#[inline]
fn bounded(field: Field, text: &str, limit_bytes: usize) -> Result<&str, Fault> {
    if text.len() <= limit_bytes {
        return Ok(text);
    }
    let name = field.name();
    let detail = format!("{name} has {} bytes of UTF-8, at most {limit_bytes} are accepted", text.len());
    Err(Fault::of(name, codes::TOO_LONG, detail))
}

#[inline]
fn text<'v>(field: Field, value: &'v Value<'_>) -> Result<Option<&'v str>, Fault> {
    match value {
        Value::Text(text) => Ok(Some(text)),
        Value::Absent => Ok(None),
        other => Err(wrong_type(field, "a text", other)),
    }
}

/// Makes the fault of a value that the field does not take.
#[cold]
pub(super) fn wrong_type(field: Field, expected: &str, value: &Value<'_>) -> Fault {
    if *value == Value::BrokenText {
        return lone_surrogate(field.name());
    }
    let detail = format!("{} has to be {expected}, not {}", field.name(), value.kind());
    Fault::of(field.name(), codes::WRONG_TYPE, detail)
}

/// Makes the fault of a string that is no text.
#[cold]
pub(super) fn lone_surrogate(field: &str) -> Fault {
    let detail = format!(
        "{} holds one half of a surrogate pair (\\ud800 to \\udfff) without the other, so it is no text",
        shortened(field)
    );
    Fault::of(field, codes::INVALID_TEXT, detail)
}

/// Makes the fault of a text of another format that is none.
#[cold]
pub(super) fn not_unicode(field: &str) -> Fault {
    let detail = format!(
        "{} holds bytes that are no UTF-8, or one half of a surrogate pair, so it is no text",
        shortened(field)
    );
    Fault::of(field, codes::INVALID_TEXT, detail)
}
