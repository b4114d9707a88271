//! OTLP/HTTP logs, `ExportLogsServiceRequest` of the OpenTelemetry protocol: protobuf and its JSON mapping in, the one
//! batch of records out.
//!
//! * `protobuf` and `json` read the two encodings, each in one pass and without a tree
//! * `any_value` and `any_value_json` OpenTelemetry's values in each, written as JSON
//! * `records` what a log record becomes, whichever encoding it came in
//!
//! A request is resources, each with scopes, each with log records:
//!
//! ```text
//! resource.attributes   service.name → service, host.name → host, others → attributes under their own names
//! scope                 name → otel.scope.name, version → otel.scope.version, attributes under their own names
//! log record            time, else observed time, else now → timestamp      severity_number, else severity_text → severity
//!                       body → message; one that is no text as JSON, an object also → attribute body
//!                       trace_id, span_id in hex; attributes as they are
//!                       event_name → event.name      observed time, if it is another → observed_timestamp
//!                       flags, dropped_attributes_count if not 0      severity_text if the severity does not say it
//! ```
//!
//! Of two attributes with one name the log record's keeps it; another is called `resource.<name>`, `scope.<name>` or, for the
//! record's own fields, `otel.<name>`.

mod any_value;
mod any_value_json;
mod json;
mod protobuf;
mod records;
#[cfg(test)]
mod tests;

use super::error::DecodeError;
use super::{Context, Decoded, WireFormat};
use records::Records;

/// Decodes an `ExportLogsServiceRequest`. An empty body is one without logs.
///
/// # Errors
/// [`DecodeError`] when the body is none, or has too many records; then none of them counts.
pub fn decode_otlp(body: &[u8], encoding: WireFormat, context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let mut records = Records::new(context);
    match encoding {
        _ if body.is_empty() => {}
        WireFormat::Protobuf => protobuf::read_request(body, &mut records)?,
        WireFormat::Json => json::read_request(body, &mut records)?,
    }
    records.finish()
}
