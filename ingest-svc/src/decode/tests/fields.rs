//! The rules of the fields that have columns of their own.

use super::*;

#[test]
fn a_full_record_keeps_every_field() {
    let json = r#"{"timestamp":"2025-04-01T11:00:00.5Z","service":"pay","level":"warn","message":"m",
        "trace_id":"t1","span_id":"s1","host":"web-1","attributes":{"a":1}}"#;
    with_record(json, |record| {
        assert_eq!(record.timestamp.as_micros(), ARRIVAL_MICROS - 3_599_500_000);
        assert_eq!(record.received_at.as_micros(), ARRIVAL_MICROS);
        assert_eq!(record.severity.level_text(), "WARN");
        assert_eq!((record.service, record.message), ("pay", "m"));
        assert_eq!((record.trace_id, record.span_id, record.host), ("t1", "s1", "web-1"));
        assert_eq!(record.attributes, r#"{"a":1}"#);
    });
}

#[test]
fn what_is_missing_or_null_takes_its_default() {
    let nulls = r#""timestamp":null,"severity":null,"level":null,"trace_id":null,"span_id":null,"host":null,
        "attributes":null"#;
    for json in [record_with(""), record_with(nulls)] {
        with_record(&json, |record| {
            assert_eq!(record.timestamp, record.received_at);
            assert_eq!(record.severity, domain::Severity::DEFAULT);
            assert_eq!((record.trace_id, record.span_id, record.host, record.attributes), ("", "", "", ""));
        });
    }
}

#[test]
fn timestamps_are_read_in_every_spelling_to_the_last_digit() {
    for (spelling, micros_after_arrival) in [
        ("\"2025-04-01 12:00:00\"", 0),
        ("\"2025-04-01T14:00:00+02:00\"", 0),
        ("\"\\u0032025-04-01T12:00:00Z\"", 0),
        ("\"1743508800\"", 0),
        ("1743508800", 0),
        ("1743508800.123456", 123_456),
        ("1743508800.1234569", 123_456),
        ("1743508800123", 123_000),
        ("1743508800123456", 123_456),
        ("1743508800123456789", 123_456),
    ] {
        let json = record_with(&format!("\"timestamp\":{spelling}"));
        with_record(&json, |record| {
            assert_eq!(record.timestamp.as_micros() - ARRIVAL_MICROS, micros_after_arrival, "{spelling}");
        });
    }
}

#[test]
fn severities_are_read_from_either_field_as_text_or_integer() {
    for (members, number) in [
        (r#""severity":"WARNING""#, 13),
        (r#""level":"error""#, 17),
        (r#""severity":21"#, 21),
        (r#""level":"18""#, 18),
        (r#""severity":"warn","level":14"#, 13),
        (r#""severity":14,"level":"warn""#, 14),
        (r#""severity":null,"level":"debug""#, 5),
        (r#""level":"f\u0061tal""#, 21),
    ] {
        with_record(&record_with(members), |record| {
            assert_eq!(record.severity.number(), number, "{members}");
        });
    }
}

#[test]
fn a_fault_names_its_field_and_code_and_says_what_was_expected() {
    for (json, field, code, expected) in [
        (r#"{"message":"m"}"#, "service", codes::REQUIRED, "bound to one"),
        (r#"{"service":null,"message":"m"}"#, "service", codes::REQUIRED, "bound to one"),
        (r#"{"service":"pay"}"#, "message", codes::REQUIRED, "may be empty"),
        (r#"{"service":"pay","message":null}"#, "message", codes::REQUIRED, "may be empty"),
        (r#"{"service":7,"message":"m"}"#, "service", codes::WRONG_TYPE, "a text, not a number"),
        (r#"{"service":"pay","message":[["x"]]}"#, "message", codes::WRONG_TYPE, "a text, not an array"),
        (r#"{"service":"pay","message":{"a":{}}}"#, "message", codes::WRONG_TYPE, "a text, not an object"),
        (r#"{"service":"pay","message":1e999}"#, "message", codes::WRONG_TYPE, "a text, not a number"),
        (r#"{"service":"pay","message":"\ud800"}"#, "message", codes::INVALID_TEXT, "surrogate pair"),
        (r#"{"service":"pay","message":"\udc00\ud800"}"#, "message", codes::INVALID_TEXT, "surrogate pair"),
        (r#"{"service":"","message":"m"}"#, "service", codes::INVALID_SERVICE, "1 to 256 bytes"),
        (r#"{"service":"a\nb","message":"m"}"#, "service", codes::INVALID_SERVICE, "control characters"),
    ] {
        let (found_field, found_code, detail) = fault_of(json);
        assert_eq!((found_field.as_deref(), found_code), (Some(field), code), "{json}");
        assert!(detail.contains(expected), "{detail}");
    }
}

#[test]
fn a_fault_in_an_optional_field_names_it_too() {
    for (members, field, code, expected) in [
        (r#""timestamp":true"#, "timestamp", codes::WRONG_TYPE, "a text or a number, not true or false"),
        (r#""timestamp":{}"#, "timestamp", codes::WRONG_TYPE, "not an object"),
        (r#""timestamp":"soon""#, "timestamp", codes::INVALID_TIMESTAMP, "\"soon\": not a time"),
        (r#""timestamp":1e9"#, "timestamp", codes::INVALID_TIMESTAMP, "number since the Unix epoch"),
        (r#""timestamp":-1"#, "timestamp", codes::TIMESTAMP_OUT_OF_RANGE, "1970-01-01 to 2261-12-31"),
        (r#""timestamp":"9999-01-01T00:00:00Z""#, "timestamp", codes::TIMESTAMP_OUT_OF_RANGE, "2261"),
        (r#""timestamp":18446744073709551616"#, "timestamp", codes::TIMESTAMP_OUT_OF_RANGE, "2261"),
        (r#""severity":"loud""#, "severity", codes::UNKNOWN_SEVERITY, "\"loud\": unknown severity: expected"),
        (r#""level":0"#, "level", codes::UNKNOWN_SEVERITY, "1 to 24"),
        (r#""level":9.0"#, "level", codes::UNKNOWN_SEVERITY, "1 to 24"),
        (r#""level":-9"#, "level", codes::UNKNOWN_SEVERITY, "1 to 24"),
        (r#""level":[]"#, "level", codes::WRONG_TYPE, "a text or an integer, not an array"),
        (r#""severity":"info","level":"warn""#, "severity", codes::CONFLICTING_SEVERITY, "level says WARN"),
        (r#""trace_id":1"#, "trace_id", codes::WRONG_TYPE, "a text, not a number"),
        (r#""span_id":false"#, "span_id", codes::WRONG_TYPE, "a text, not true or false"),
        (r#""host":"\udfff""#, "host", codes::INVALID_TEXT, "surrogate pair"),
        (r#""attributes":"x""#, "attributes", codes::WRONG_TYPE, "an object, not a text"),
        (r#""attributes":[1]"#, "attributes", codes::WRONG_TYPE, "an object, not an array"),
        (r#""message":"n""#, "message", codes::DUPLICATE_FIELD, "given twice"),
        (r#""host":null,"h\u006fst":null"#, "host", codes::DUPLICATE_FIELD, "given twice"),
    ] {
        let (found_field, found_code, detail) = fault_of(&record_with(members));
        assert_eq!((found_field.as_deref(), found_code), (Some(field), code), "{members}");
        assert!(detail.contains(expected), "{detail}");
    }
}

#[test]
fn texts_may_be_as_long_as_their_limit_and_no_longer() {
    use domain::limits::{IDENTIFIER_MAX_BYTES, MESSAGE_MAX_BYTES, SERVICE_MAX_BYTES};

    for (field, code, limit) in [
        ("service", codes::INVALID_SERVICE, SERVICE_MAX_BYTES),
        ("message", codes::TOO_LONG, MESSAGE_MAX_BYTES),
        ("trace_id", codes::TOO_LONG, IDENTIFIER_MAX_BYTES),
        ("span_id", codes::TOO_LONG, IDENTIFIER_MAX_BYTES),
        ("host", codes::TOO_LONG, IDENTIFIER_MAX_BYTES),
    ] {
        let record = |text: String| {
            let mut json = serde_json::json!({"service": "pay", "message": "m"});
            json[field] = text.into();
            json.to_string()
        };
        with_record(&record("\"".repeat(limit)), |_| ());
        let (found_field, found_code, detail) = fault_of(&record("ä".repeat(limit / 2) + "x"));
        assert_eq!((found_field.as_deref(), found_code), (Some(field), code));
        assert!(detail.contains(&limit.to_string()), "{detail}");
    }
}

#[test]
fn messages_keep_every_character_whatever_its_spelling() {
    for (spelling, message) in [
        ("", ""),
        (" two  spaces ", " two  spaces "),
        (
            r#"nul\u0000 tab\t quote\" slash\/ back\\ \b\f\n\r"#,
            "nul\0 tab\t quote\" slash/ back\\ \u{8}\u{c}\n\r",
        ),
        (r"\u00e4 \ud83d\ude00 \uFFFF", "ä 😀 \u{ffff}"),
        ("ä 😀 \u{feff}\u{7f}", "ä 😀 \u{feff}\u{7f}"),
        (r"\\ud800 is no surrogate", "\\ud800 is no surrogate"),
    ] {
        let json = format!(r#"{{"service":"pay","message":"{spelling}"}}"#);
        with_record(&json, |record| assert_eq!(record.message, message));
    }
}

#[test]
fn a_bound_key_fills_in_its_service_and_refuses_another() {
    let body = r#"[{"message":"a"},{"message":"b","service":"pay"},{"message":"c","service":null},
        {"message":"d","service":"auth"},{"message":"e","service":""}]"#;

    let decoded = decode_bound(BodyFormat::Json, body).unwrap();

    assert_eq!(messages(&decoded), ["a", "b", "c"]);
    assert!(decoded.batch.iter().all(|record| record.service == "pay"));
    let expected =
        [(3, Some("service"), codes::SERVICE_MISMATCH), (4, Some("service"), codes::INVALID_SERVICE)];
    assert_eq!(faults(&decoded), expected);
    assert!(decoded.errors[0].detail.contains("\"pay\" only, not of \"auth\""));
}
