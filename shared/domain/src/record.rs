//! A stored record and the JSON form in which every answer carries it.

use serde::ser::{Error as _, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{RecordRef, Severity, Timestamp};

/// A record as a store returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Unique, below 2^53 (so that every JSON reader keeps it exact), grows in commit order.
    pub id: i64,
    /// When it happened, as its sender says.
    pub timestamp: Timestamp,
    /// When it arrived here.
    pub received_at: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// Which service it comes from.
    pub service: String,
    /// What happened.
    pub message: String,
    /// The trace it belongs to; empty: none.
    pub trace_id: String,
    /// The span it belongs to; empty: none.
    pub span_id: String,
    /// The machine it comes from; empty: none.
    pub host: String,
    /// Everything else, as the text of a JSON object; empty: no attributes.
    pub attributes: String,
}

impl LogRecord {
    /// Makes the stored form of `record`.
    #[must_use]
    pub fn new(id: i64, record: &RecordRef<'_>) -> Self {
        Self {
            id,
            timestamp: record.timestamp,
            received_at: record.received_at,
            severity: record.severity,
            service: record.service.to_owned(),
            message: record.message.to_owned(),
            trace_id: record.trace_id.to_owned(),
            span_id: record.span_id.to_owned(),
            host: record.host.to_owned(),
            attributes: record.attributes.to_owned(),
        }
    }

    /// Borrows everything but the id.
    #[must_use]
    pub fn as_record_ref(&self) -> RecordRef<'_> {
        RecordRef {
            timestamp: self.timestamp,
            received_at: self.received_at,
            severity: self.severity,
            service: &self.service,
            message: &self.message,
            trace_id: &self.trace_id,
            span_id: &self.span_id,
            host: &self.host,
            attributes: &self.attributes,
        }
    }
}

impl Serialize for LogRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let some = |text: &'_ str| if text.is_empty() { None } else { Some(text.to_owned()) };
        let attributes = if self.attributes.is_empty() { "{}" } else { &self.attributes };
        let attributes: &RawValue = serde_json::from_str(attributes).map_err(S::Error::custom)?;

        let mut json = serializer.serialize_struct("LogRecord", 11)?;
        json.serialize_field("id", &self.id)?;
        json.serialize_field("timestamp", &self.timestamp)?;
        json.serialize_field("received_at", &self.received_at)?;
        json.serialize_field("service", &self.service)?;
        json.serialize_field("severity", self.severity.severity_text())?;
        json.serialize_field("level", self.severity.level_text())?;
        json.serialize_field("message", &self.message)?;
        json.serialize_field("trace_id", &some(&self.trace_id))?;
        json.serialize_field("span_id", &some(&self.span_id))?;
        json.serialize_field("host", &some(&self.host))?;
        json.serialize_field("attributes", attributes)?;
        json.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_written_with_both_spellings_of_its_severity() {
        let record = LogRecord {
            id: 1842,
            timestamp: Timestamp::parse("2025-04-01T12:00:00Z").unwrap(),
            received_at: Timestamp::parse("2025-04-01T12:00:00.123456Z").unwrap(),
            severity: Severity::parse("warn").unwrap(),
            service: "auth-service".into(),
            message: "a \"quoted\" thing".into(),
            trace_id: String::new(),
            span_id: String::new(),
            host: "web-1".into(),
            attributes: r#"{"error_code":"E503","big":123456789012345678901234567890}"#.into(),
        };

        let json = serde_json::to_string(&record).unwrap();

        assert_eq!(
            json,
            concat!(
                r#"{"id":1842,"timestamp":"2025-04-01T12:00:00Z","received_at":"2025-04-01T12:00:00.123456Z","#,
                r#""service":"auth-service","severity":"WARNING","level":"WARN","message":"a \"quoted\" thing","#,
                r#""trace_id":null,"span_id":null,"host":"web-1","#,
                r#""attributes":{"error_code":"E503","big":123456789012345678901234567890}}"#
            )
        );
    }
}
