//! From the bytes of a request body to records: JSON, NDJSON and text lines in, a [`domain::RecordBatch`]
//! and the records that were refused out. Pure and synchronous; the bytes are already inflated and bounded.
//!
//! A fault in one record refuses that record only and names its index, its field and a stable code. Only a
//! body that cannot be taken apart into records fails as a whole.
//!
//! * `body` the entry, `format` which format a `Content-Type` stands for, `error` what can be wrong
//! * `json` the three shapes of a JSON body, `ndjson` lines of JSON, `line` lines of text,
//!   `syslog` messages from the network
//! * `record` one JSON object, taken apart but not judged; `value` one of its values; `escapes` in its texts
//! * `foreign` records that older systems send: the envelope of a shipper, the log of a workflow
//! * `fields` the rules of each field, `attributes` those of attributes
//! * [`otlp`] OpenTelemetry's logs, [`loki`] Loki's streams; `members` attributes, and `json_text` any JSON, in the making; `protobuf` and `json_object`
//!   messages and objects that are read member by member
//! * `bulk` actions and documents of Elasticsearch's bulk API, `document` the fields of such a document
//! * `builder` puts records that keep the rules into the batch and counts the others
//!
//! Not here: decompression, the sizes of bodies, HTTP answers.

mod attributes;
mod body;
mod builder;
mod bulk;
mod document;
mod error;
mod escapes;
mod fields;
mod foreign;
mod format;
mod json;
mod json_object;
mod json_text;
mod line;
pub mod loki;
mod members;
mod ndjson;
pub mod otlp;
mod protobuf;
mod record;
mod syslog;
mod value;

#[cfg(test)]
mod tests;

pub use body::{Context, Decoded, decode};
pub use bulk::{BulkAction, BulkFault, BulkItem, BulkItems, decode_bulk};
pub use error::{DecodeError, RejectedRecord, codes};
pub use format::{BodyFormat, WireFormat};
pub use loki::decode_loki;
pub use otlp::decode_otlp;
pub use syslog::{HEADER_MAX_BYTES, decode_syslog};
