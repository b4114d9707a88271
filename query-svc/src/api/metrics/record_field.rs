//! The fields that every record can have, by their names.

use std::borrow::Cow;

use domain::LogRecord;
use domain::condition::TextField;

/// A field that every record can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RecordField {
    Id,
    Timestamp,
    ReceivedAt,
    Service,
    Severity,
    Level,
    Message,
    TraceId,
    SpanId,
    Host,
}

impl RecordField {
    /// All of them, in the order in which a record has them.
    pub(super) const ALL: [Self; 10] = [
        Self::Id,
        Self::Timestamp,
        Self::ReceivedAt,
        Self::Service,
        Self::Severity,
        Self::Level,
        Self::Message,
        Self::TraceId,
        Self::SpanId,
        Self::Host,
    ];

    /// Returns the field with this name; `None`: it is an attribute's.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Timestamp => "timestamp",
            Self::ReceivedAt => "received_at",
            Self::Service => "service",
            Self::Severity => "severity",
            Self::Level => "level",
            Self::Message => "message",
            Self::TraceId => "trace_id",
            Self::SpanId => "span_id",
            Self::Host => "host",
        }
    }

    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Id => "number",
            Self::Timestamp | Self::ReceivedAt => "time",
            _ => "string",
        }
    }

    /// Returns the field as one that a record may lack; `None`: every record has it.
    pub(super) fn as_optional(self) -> Option<TextField> {
        match self {
            Self::Message => Some(TextField::Message),
            Self::TraceId => Some(TextField::TraceId),
            Self::SpanId => Some(TextField::SpanId),
            Self::Host => Some(TextField::Host),
            Self::Id | Self::Timestamp | Self::ReceivedAt | Self::Service | Self::Severity | Self::Level => {
                None
            }
        }
    }

    /// Returns the field's value in a record; `None`: it has none.
    pub(super) fn value_of(self, record: &LogRecord) -> Option<Cow<'_, str>> {
        let text = match self {
            Self::Id => return Some(record.id.to_string().into()),
            Self::Timestamp => return Some(record.timestamp.to_string().into()),
            Self::ReceivedAt => return Some(record.received_at.to_string().into()),
            Self::Service => &record.service,
            Self::Severity => record.severity.severity_text(),
            Self::Level => record.severity.level_text(),
            Self::Message => &record.message,
            Self::TraceId => &record.trace_id,
            Self::SpanId => &record.span_id,
            Self::Host => &record.host,
        };
        (!text.is_empty()).then_some(Cow::Borrowed(text))
    }
}
