//! Tests of the decoder as a whole: what a body turns into.

mod attributes;
mod bulk;
mod fields;
mod foreign;
mod limits;
mod random;
mod shapes;

use domain::limits::RecordLimits;
use domain::{RecordRef, ServiceName, Timestamp};

use super::{BodyFormat, Context, DecodeError, Decoded, codes, decode};

/// When the requests of these tests arrive: 2025-04-01T12:00:00Z.
const ARRIVAL_MICROS: i64 = 1_743_508_800_000_000;

/// Decodes a body that comes with a key of any service.
fn decode_as(format: BodyFormat, body: impl AsRef<[u8]>) -> Result<Decoded, DecodeError> {
    decode_within(&RecordLimits::STANDARD, format, body)
}

/// Decodes a body within these limits.
fn decode_within(
    limits: &RecordLimits,
    format: BodyFormat,
    body: impl AsRef<[u8]>,
) -> Result<Decoded, DecodeError> {
    let received_at = Timestamp::saturating_from_micros(ARRIVAL_MICROS);
    decode(body.as_ref(), format, &Context { received_at, bound_service: None, limits })
}

/// Decodes a body that comes with a key bound to the service `pay`.
fn decode_bound(format: BodyFormat, body: &str) -> Result<Decoded, DecodeError> {
    let received_at = Timestamp::saturating_from_micros(ARRIVAL_MICROS);
    let bound = ServiceName::parse("pay").unwrap();
    let limits = &RecordLimits::STANDARD;
    decode(body.as_bytes(), format, &Context { received_at, bound_service: Some(&bound), limits })
}

fn decode_json(body: impl AsRef<[u8]>) -> Decoded {
    decode_as(BodyFormat::Json, body).expect("the body holds records")
}

/// Makes a record of service `pay` and message `m` with these members added.
fn record_with(members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"service":"pay","message":"m"{comma}{members}}}"#)
}

/// Decodes one record sent alone, hands it to `look`, and checks that every other shape agrees on it.
fn with_record<T>(json: &str, look: impl Fn(RecordRef<'_>) -> T) -> T {
    let decoded = decode_json(json);
    assert_eq!((decoded.batch.len(), decoded.rejected), (1, 0), "{json}: {:?}", decoded.errors);
    let record = decoded.batch.get(0);
    for (format, body) in shapes_of(json) {
        let same = decode_as(format, &body).unwrap();
        assert_eq!(same.batch.iter().next(), Some(record), "{body}");
    }
    look(record)
}

/// Decodes one record that has to be refused, and checks that every other shape agrees on why.
fn fault_of(json: &str) -> (Option<String>, &'static str, String) {
    let decoded = decode_json(json);
    assert_eq!((decoded.batch.len(), decoded.rejected), (0, 1), "{json}");
    for (format, body) in shapes_of(json) {
        let same = decode_as(format, &body).unwrap();
        assert_eq!(same.errors[0], decoded.errors[0], "{body}");
    }
    let error = decoded.errors.into_iter().next().unwrap();
    assert_eq!(error.index, 0);
    (error.field, error.code, error.detail)
}

/// Returns other bodies with the same first record; the last two take the careful way through an array.
fn shapes_of(json: &str) -> [(BodyFormat, String); 5] {
    [
        (BodyFormat::NdJson, json.replace('\n', " ")),
        (BodyFormat::Json, format!("[{json}]")),
        (BodyFormat::Json, format!(r#" {{ "logs" : [ {json} ] }} "#)),
        (BodyFormat::Json, format!("[{json}, 1e999]")),
        (BodyFormat::Json, format!(r#"{{"l\u006fgs":[{json}, "\ud800"]}}"#)),
    ]
}

/// Returns index, field and code of every refused record.
fn faults(decoded: &Decoded) -> Vec<(usize, Option<&str>, &'static str)> {
    decoded.errors.iter().map(|e| (e.index, e.field.as_deref(), e.code)).collect()
}

fn messages(decoded: &Decoded) -> Vec<&str> {
    decoded.batch.iter().map(|record| record.message).collect()
}
