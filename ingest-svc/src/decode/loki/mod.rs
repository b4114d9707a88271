//! Loki's push API: streams of lines with labels in, in protobuf (`logproto.PushRequest`) or JSON, the one batch of records
//! out.
//!
//! * `protobuf` and `json` read the two encodings, each in one pass and without a tree
//! * `labels` the labels of a stream in protobuf, which are a text: `{app="pay", env="prod"}`
//! * `streams` what a line becomes, whichever encoding it came in
//!
//! ```text
//! the first of these labels → service      service_name, then those that Loki goes by: service, app, application, app_name, name,
//!                                          app_kubernetes_io_name, container, container_name, k8s_container_name, component,
//!                                          workload, job, k8s_job_name
//! level, severity, detected_level          → severity, if it is one     host, hostname → host
//! trace_id, traceID, traceId               → trace_id                   span_id, spanID, spanId → span_id
//! the line → message, as it is             its time, in nanoseconds → timestamp
//! ```
//!
//! All but the service is looked for in the line's structured metadata, then in the labels. What is no column is an
//! attribute; where both have a name the metadata's keeps it, and the label's is `stream.<name>`.

mod json;
mod labels;
mod protobuf;
mod streams;
#[cfg(test)]
mod tests;

use super::error::DecodeError;
use super::{Context, Decoded, WireFormat};
use streams::Streams;

/// Decodes a push. An empty body is one without streams.
///
/// # Errors
/// [`DecodeError`] when the body is none, or has too many lines; then none of them counts.
pub fn decode_loki(body: &[u8], encoding: WireFormat, context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let mut streams = Streams::new(context);
    match encoding {
        _ if body.is_empty() => {}
        WireFormat::Protobuf => protobuf::read_push(body, &mut streams)?,
        WireFormat::Json => json::read_push(body, &mut streams)?,
    }
    streams.finish()
}
