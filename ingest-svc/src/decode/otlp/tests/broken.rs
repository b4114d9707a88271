//! Bodies that are no requests, or are so in an unusual way.

use domain::limits::{BATCH_DECODED_MAX_BYTES, RecordLimits};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use serde_json::json;

use super::request::{attribute, object, request, request_of, text, value_of};
use super::*;

fn some_request() -> Request {
    let attributes = vec![text("a", "1"), attribute("b", object(vec![text("c", "2")]))];
    let log = LogRecord {
        time_unix_nano: EARLIER_NANOS,
        body: Some(value_of(Kind::StringValue("hello".to_owned()))),
        attributes,
        trace_id: vec![1; 16],
        ..LogRecord::default()
    };
    request(vec![text("service.name", "pay")], None, vec![log.clone(), log])
}

#[test]
fn a_request_without_logs_has_none() {
    for body in [&b""[..], &request(vec![], None, vec![]).encode_to_vec()] {
        assert_eq!(decode_protobuf(body).unwrap().batch.len(), 0);
    }
    let empty = ["", "{}", " {} ", r#"{"resourceLogs":[]}"#, r#"{"resourceLogs":null}"#, "\u{feff}{}"];
    let inner =
        r#"{"resourceLogs":[{},{"scopeLogs":[{},{"logRecords":[]},{"logRecords":null}]}],"other":[1]}"#;
    for body in empty.into_iter().chain([inner]) {
        assert_eq!(decode_json(body).unwrap().batch.len(), 0, "{body}");
    }
}

#[test]
fn what_is_no_request_is_malformed() {
    let broken = [
        "{",
        "[]",
        "5",
        "{\"resourceLogs\":{}}",
        "{\"resourceLogs\":[5]}",
        "{} {}",
        "\"\u{1}\"",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":5}]}]}]}",
        "{\"resourceLogs\":[{\"resource\":{},\"scopeLogs\":[{\"scope\":{},\"logRecords\":[{\"traceId\":[]}]}]}]}",
    ];
    for body in broken {
        assert!(matches!(decode_json(body), Err(DecodeError::Malformed { .. })), "{body}");
    }
    for body in [&b"{}"[..], b"[]", b"hello", b"\x0a", b"\x0a\x02\x0a", b"\x08\x01"] {
        assert!(matches!(decode_protobuf(body), Err(DecodeError::Malformed { .. })), "{body:?}");
    }
    let not_utf8 = decode_within(&RecordLimits::STANDARD, None, WireFormat::Json, b"{\"\xff\":1}");
    assert!(matches!(not_utf8, Err(DecodeError::Malformed { .. })));
}

#[test]
fn a_request_that_is_cut_is_malformed_or_its_beginning() {
    let (protobuf, json) = (some_request().encode_to_vec(), json_of(&some_request()).to_string());
    for length in 1..protobuf.len() {
        assert!(decode_protobuf(&protobuf[..length]).is_err(), "{length}");
    }
    for length in 1..json.len() {
        assert!(decode_json(&json[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_text_that_is_no_utf8_refuses_its_record_only() {
    let body = some_request().encode_to_vec();
    for text in [&b"hello"[..], b"\x01a", b"\x01c", b"\x012"] {
        let at = body.windows(text.len()).position(|window| window == text).unwrap() + text.len() - 1;
        let mut broken = body.clone();
        broken[at] = 0xFF;
        let decoded = decode_protobuf(&broken).unwrap();
        assert_eq!((decoded.batch.len(), decoded.rejected), (1, 1), "{text:?}");
        assert_eq!((decoded.errors[0].index, decoded.errors[0].code), (0, "invalid_text"), "{text:?}");
    }
}

#[test]
fn half_of_a_surrogate_pair_refuses_its_record_only() {
    let good = r#"{"body":{"stringValue":"good \ud83d\ude00"}}"#;
    let broken = [
        (r#"{"body":{"stringValue":"cut \ud83d"}}"#, "message"),
        (r#"{"body":{"arrayValue":{"values":[{"stringValue":"\ude00"}]}}}"#, "message"),
        (r#"{"attributes":[{"key":"a","value":{"stringValue":"\ud83d"}}]}"#, "attributes.a"),
        (r#"{"attributes":[{"value":{"stringValue":"\ud83d"},"key":"a"}]}"#, "attributes.a"),
        (r#"{"attributes":[{"key":"\ud83d","value":{"intValue":1}}]}"#, r"attributes.\\ud83d"),
        (r#"{"severityText":"\ud83d"}"#, "severity"),
        (r#"{"eventName":"\ud83d"}"#, "event.name"),
        (r#"{"traceId":"\ud83d"}"#, "trace_id"),
        (r#"{"spanId":"\ud83d"}"#, "span_id"),
    ];
    for (log, field) in broken {
        for scope in [r#""scope":{},"logRecords""#, r#""logRecords""#] {
            let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{{scope}:[{log},{good}]}}]}}]}}"#);
            let decoded = decode_json(&body).unwrap();
            assert_eq!(faults(&decoded), [(0, Some(field), "invalid_text")], "{body}");
            assert_eq!(stored(&decoded)[0].message, "good \u{1f600}", "{body}");
        }
    }
    let scopes = [r#"{"scope":{"name":"\ud83d"},"logRecords":[{}]}"#, r#"{"\ud83d":1,"logRecords":[{}]}"#];
    let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{}]}}]}}"#, scopes.join(","));
    let decoded = decode_json(&body).unwrap();
    assert_eq!(faults(&decoded), [(0, Some("attributes.otel.scope.name"), "invalid_text")]);
    assert_eq!(decoded.batch.len(), 1, "a name that nobody knows is ignored");
}

#[test]
fn more_records_than_a_request_may_have_are_refused_as_a_whole() {
    let limits = RecordLimits { batch_records: 2, ..RecordLimits::STANDARD };
    let logs = |count| request(vec![], None, vec![LogRecord::default(); count]);
    assert_eq!(decode_bound(&limits, None, &logs(2)).batch.len(), 2);
    let (protobuf, json) = (logs(3).encode_to_vec(), json_of(&logs(3)).to_string());
    for (encoding, body) in [(WireFormat::Protobuf, &protobuf[..]), (WireFormat::Json, json.as_bytes())] {
        let decoded = decode_within(&limits, None, encoding, body);
        assert!(matches!(decoded, Err(DecodeError::TooManyRecords { limit: 2 })), "{encoding:?}");
    }
}

#[test]
fn a_resource_that_makes_its_records_too_large_together_is_refused_as_a_whole() {
    let big = (0..100).map(|index| text(&format!("k{index}"), &"v".repeat(32_000))).collect::<Vec<_>>();
    let logs = |count| request(big.clone(), None, vec![LogRecord::default(); count]);
    assert_eq!(decode(&logs(20)).batch.len(), 20);
    // The last one is too large, and one before it.
    for count in [21, 1000] {
        let (protobuf, json) = (logs(count).encode_to_vec(), json_of(&logs(count)).to_string());
        let too_large = Err(DecodeError::TooLarge { limit_bytes: BATCH_DECODED_MAX_BYTES });
        assert_eq!(decode_protobuf(&protobuf).map(|decoded| decoded.batch.len()), too_large, "{count}");
        assert_eq!(decode_json(&json).map(|decoded| decoded.batch.len()), too_large, "{count}");
    }
}

#[test]
fn json_is_read_in_all_the_spellings_that_the_mapping_allows() {
    let usual = stored(&decode(&request_of(LogRecord {
        time_unix_nano: EARLIER_NANOS,
        severity_number: 13,
        attributes: vec![attribute("n", Kind::IntValue(5)), attribute("d", Kind::DoubleValue(2.0))],
        trace_id: vec![0xAB; 16],
        ..LogRecord::default()
    })));
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "pay"}}]});
    let attributes = |int: Value, double: Value| json!([{"value": {"intValue": int}, "key": "n"}, {"key": "d", "value": {"doubleValue": double}, "x": 1}]);
    let logs = [
        json!({"timeUnixNano": EARLIER_NANOS, "severityNumber": "SEVERITY_NUMBER_WARN", "traceId": "AB".repeat(16),
               "attributes": attributes(json!(5), json!("2"))}),
        json!({"time_unix_nano": EARLIER_NANOS.to_string(), "severity_number": "13", "trace_id": "ab".repeat(16),
               "attributes": attributes(json!("5"), json!(2)), "body": null, "spanId": null, "flags": null,
               "severityText": null, "droppedAttributesCount": null, "eventName": null, "unknown": {"a": [null]}}),
        json!({"timeUnixNano": EARLIER_NANOS, "severityNumber": 13.0, "traceId": "ab".repeat(16),
               "attributes": attributes(json!("+5"), json!(2.0)), "body": {"stringValue": null}}),
    ];
    for log in logs {
        let (resource, log) = (resource.to_string(), log.to_string());
        let orders = [
            format!(
                r#"{{"resourceLogs":[{{"resource":{resource},"scopeLogs":[{{"logRecords":[{log}]}}]}}]}}"#
            ),
            format!(
                r#"{{"resource_logs":[{{"scope_logs":[{{"log_records":[{log}],"scope":null}}],"resource":{resource}}}]}}"#
            ),
        ];
        for body in orders {
            let decoded = decode_json(&body).unwrap();
            assert_eq!((stored(&decoded), &decoded.errors[..]), (usual.clone(), &[][..]), "{body}");
        }
    }
    let no_time =
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"soon"},{"timeUnixNano":-1}]}]}]}"#;
    let decoded = decode_json(no_time).unwrap();
    let expected = [(0, Some("timestamp"), "invalid_timestamp"), (1, Some("timestamp"), "invalid_timestamp")];
    assert_eq!(faults(&decoded), expected);
}

#[test]
fn nesting_without_end_is_refused_however_it_is_written() {
    let limits = RecordLimits { attributes_depth: 64, ..RecordLimits::STANDARD };
    let around = |levels: usize, open: &str, close: &str| {
        let value = format!("{}{{\"intValue\":1}}{}", open.repeat(levels), close.repeat(levels));
        let log = format!(r#"{{"attributes":[{{"value":{value},"key":"a"}}],"body":{value}}}"#);
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{log}]}}]}}]}}"#)
    };
    let forms = [
        (r#"{"kvlistValue":{"values":[{"value":"#, r#","key":"k"}]}}"#),
        (r#"{"kvlistValue":{"values":[{"key":"k","value":"#, "}]}}"),
        (r#"{"arrayValue":{"values":["#, "]}}"),
    ];
    for (open, close) in forms {
        for levels in [65, 10_000] {
            let body = around(levels, open, close);
            let decoded = decode_within(&limits, None, WireFormat::Json, body.as_bytes());
            let is_refused = decoded.as_ref().map_or(true, |decoded| decoded.rejected == 1);
            assert!(is_refused, "{levels} {open}");
        }
    }
    let mut value = value_of(Kind::IntValue(1)).encode_to_vec();
    for _ in 0..5000 {
        for tag in [0x0A, 0x2A] {
            let mut outer = vec![tag];
            prost::encode_length_delimiter(value.len(), &mut outer).unwrap();
            outer.extend_from_slice(&value);
            value = outer;
        }
    }
    let mut body = value;
    for tag in [0x2A, 0x12, 0x12, 0x0A] {
        let mut outer = vec![tag];
        prost::encode_length_delimiter(body.len(), &mut outer).unwrap();
        outer.extend_from_slice(&body);
        body = outer;
    }
    let decoded = decode_within(&limits, None, WireFormat::Protobuf, &body).unwrap();
    assert_eq!(faults(&decoded), [(0, Some("message"), "too_deep")]);
}

proptest! {
    #[test]
    fn no_body_makes_the_decoder_panic(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let _ = decode_protobuf(&noise);
        let (mut protobuf, mut json) = (some_request().encode_to_vec(), json_of(&some_request()).to_string().into_bytes());
        for (at, byte) in changes {
            let (in_protobuf, in_json) = (at.index(protobuf.len()), at.index(json.len()));
            protobuf[in_protobuf] = byte;
            json[in_json] = byte;
        }
        for decoded in [
            decode_protobuf(&protobuf),
            decode_within(&RecordLimits::STANDARD, None, WireFormat::Json, &json),
        ].into_iter().flatten() {
            for record in stored(&decoded) {
                attributes(&record);
            }
        }
    }
}
