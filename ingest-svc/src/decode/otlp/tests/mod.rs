//! Tests of OTLP's decoder: what a request turns into, in both encodings.

mod broken;
mod fields;
mod request;
mod values;

use domain::limits::RecordLimits;
use domain::{LogRecord as Stored, ServiceName, Timestamp};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest as Request;
use prost::Message;
use serde_json::{Value, json};

use super::{WireFormat, decode_otlp};
use crate::decode::{Context, DecodeError, Decoded};
use request::json_of;

/// When the requests of these tests arrive: 2025-04-01T12:00:00Z.
const ARRIVAL_MICROS: i64 = 1_743_508_800_000_000;

/// A time before that, in nanoseconds since the Unix epoch.
const EARLIER_NANOS: u64 = 1_743_500_000_123_456_789;

/// A time between the two.
const LATER_NANOS: u64 = 1_743_500_001_000_000_000;

fn decode_within(
    limits: &RecordLimits,
    bound: Option<&str>,
    encoding: WireFormat,
    body: &[u8],
) -> Result<Decoded, DecodeError> {
    let bound = bound.map(|name| ServiceName::parse(name).expect("a name of a service"));
    let received_at = Timestamp::saturating_from_micros(ARRIVAL_MICROS);
    decode_otlp(body, encoding, &Context { received_at, bound_service: bound.as_ref(), limits })
}

fn decode_json(body: &str) -> Result<Decoded, DecodeError> {
    decode_within(&RecordLimits::STANDARD, None, WireFormat::Json, body.as_bytes())
}

fn decode_protobuf(body: &[u8]) -> Result<Decoded, DecodeError> {
    decode_within(&RecordLimits::STANDARD, None, WireFormat::Protobuf, body)
}

/// Decodes a request with a key that is bound to a service or not, in both encodings, which have to agree.
fn decode_bound(limits: &RecordLimits, bound: Option<&str>, request: &Request) -> Decoded {
    let (protobuf, json) = (request.encode_to_vec(), json_of(request).to_string());
    let protobuf = decode_within(limits, bound, WireFormat::Protobuf, &protobuf).expect("it is a request");
    let decoded = decode_within(limits, bound, WireFormat::Json, json.as_bytes()).expect("it is a request");
    assert_eq!(stored(&protobuf), stored(&decoded), "{json}");
    assert_eq!(protobuf.errors, decoded.errors, "{json}");
    assert_eq!(protobuf.rejected, decoded.rejected);
    protobuf
}

fn decode(request: &Request) -> Decoded {
    decode_bound(&RecordLimits::STANDARD, None, request)
}

/// Decodes a request of one record that keeps the rules.
fn record_of(request: &Request) -> Stored {
    let decoded = decode(request);
    assert_eq!((decoded.batch.len(), decoded.rejected), (1, 0), "{:?}", decoded.errors);
    stored(&decoded).remove(0)
}

/// Returns the records as a store would keep them, with their index as the id.
fn stored(decoded: &Decoded) -> Vec<Stored> {
    (0..).zip(decoded.batch.iter()).map(|(index, record)| Stored::new(index, &record)).collect()
}

/// Returns a record's attributes.
fn attributes(record: &Stored) -> Value {
    if record.attributes.is_empty() {
        return json!({});
    }
    serde_json::from_str(&record.attributes).expect("attributes are JSON")
}

/// Returns index, field and code of every refused record.
fn faults(decoded: &Decoded) -> Vec<(usize, Option<&str>, &'static str)> {
    decoded.errors.iter().map(|e| (e.index, e.field.as_deref(), e.code)).collect()
}
