//! How a record looks in the OpenAPI document. Answers are written by `domain::LogRecord` itself.

use poem_openapi::{Enum, Object};

/// A log record.
#[derive(Default, Object)]
#[oai(rename = "LogRecord", read_only_all)]
pub(super) struct LogRecordSchema {
    /// Unique; grows in the order in which records were stored.
    #[oai(validator(minimum(value = "1")))]
    id: i64,
    /// When it happened, as its sender says: RFC 3339, UTC.
    timestamp: String,
    /// When it arrived: RFC 3339, UTC.
    received_at: String,
    /// Which service it comes from.
    service: String,
    /// How bad it is.
    severity: SeveritySchema,
    /// How bad it is, in the spelling of OpenTelemetry.
    level: LevelSchema,
    /// What happened.
    message: String,
    /// The trace it belongs to.
    trace_id: Option<String>,
    /// The span it belongs to.
    span_id: Option<String>,
    /// The machine it comes from.
    host: Option<String>,
    /// Everything else that its sender said of it: any JSON.
    attributes: std::collections::HashMap<String, serde_json::Value>,
}

/// The severities as `severity` spells them.
#[derive(Default, Enum)]
#[oai(rename = "Severity", rename_all = "UPPERCASE")]
enum SeveritySchema {
    #[default]
    Trace,
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

/// The severities as `level` spells them.
#[derive(Default, Enum)]
#[oai(rename = "Level", rename_all = "UPPERCASE")]
enum LevelSchema {
    #[default]
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}
