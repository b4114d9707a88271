//! The shapes of bodies: how records are found, and what happens to a body in which they are not.

use domain::limits::{BATCH_MAX_RECORDS, RECORD_ERRORS_SHOWN};

use super::*;

fn malformed(format: BodyFormat, body: impl AsRef<[u8]>) -> (Option<usize>, Option<String>, String) {
    match decode_as(format, body) {
        Err(DecodeError::Malformed { index, field, detail }) => (index, field, detail),
        other => panic!("expected a malformed body, found {other:?}"),
    }
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!(r#"{{"service":"pay","message":"{n}"}}"#)).collect()
}

#[test]
fn arrays_and_wrappers_keep_the_order_of_their_records() {
    let records = numbered(3).join(" , ");
    for body in [
        format!("[{records}]"),
        format!("\u{feff}\r\n[{records}]\n"),
        format!("{{\"logs\":[{records}]}}"),
        format!("\t{{ \"logs\" :\n[ {records} ] }}"),
        format!("{{\"\\u006cogs\":[{records}]}}"),
    ] {
        let decoded = decode_json(&body);
        assert_eq!(messages(&decoded), ["0", "1", "2"], "{body}");
        assert_eq!((decoded.rejected, decoded.errors.len()), (0, 0));
    }
}

#[test]
fn an_empty_array_is_an_empty_batch() {
    for body in ["[]", " [ ] ", r#"{"logs":[]}"#, r#"{"log\u0073":[]}"#] {
        let decoded = decode_json(body);
        assert!(decoded.batch.is_empty() && decoded.rejected == 0, "{body}");
    }
    for format in [BodyFormat::NdJson, BodyFormat::Text] {
        assert!(decode_as(format, " \r\n\n").unwrap().batch.is_empty());
    }
}

#[test]
fn elements_that_are_no_objects_are_refused_one_by_one() {
    for odd in ["1e999", r#""\ud800""#] {
        let good = &numbered(1)[0];
        let body = format!(r#"[7,{good},null,"x",[[{{}}]],-1.5,true,{odd},{good}]"#);
        let decoded = decode_json(&body);

        assert_eq!(messages(&decoded), ["0", "0"]);
        let places = [0, 2, 3, 4, 5, 6, 7].map(|index| (index, None, codes::NOT_AN_OBJECT));
        assert_eq!(faults(&decoded), places);
        assert!(decoded.errors[1].detail.contains("not null"), "{}", decoded.errors[1].detail);
        assert!(decoded.errors[3].detail.contains("not an array"));
    }
}

#[test]
fn only_the_first_faults_are_spelled_out_but_all_are_counted() {
    let body = format!("[{}]", vec!["1"; 50].join(","));
    let decoded = decode_json(&body);

    assert_eq!((decoded.rejected, decoded.errors.len()), (50, RECORD_ERRORS_SHOWN));
    assert_eq!(decoded.errors[19].index, 19);
}

#[test]
fn nesting_of_any_depth_is_an_answer_and_no_overflow() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let decoded = decode_json(&deep);
    assert_eq!(faults(&decoded), [(0, None, codes::NOT_AN_OBJECT)]);

    let deep_objects = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let body = format!(r#"[{},{}]"#, numbered(1)[0], record_with(&format!("\"message\":{deep_objects}")));
    let decoded = decode_json(&body);
    assert_eq!(faults(&decoded), [(1, Some("message"), codes::DUPLICATE_FIELD)]);

    for open in ["[", "{\"a\":", "[{\"a\":", "{\"logs\":["] {
        let (index, _, detail) = malformed(BodyFormat::Json, open.repeat(50_000));
        assert_eq!(index, Some(0));
        assert!(detail.contains("EOF while parsing") && detail.contains("line 1 column"), "{detail}");
    }
}

#[test]
fn broken_json_names_its_place() {
    let good = &numbered(1)[0];
    for (body, index, field, expected) in [
        (
            format!("[{good},\n{{\"message\":\"m\",\"level\":tru}}]"),
            Some(1),
            Some("level"),
            "line 2 column 27",
        ),
        (format!("[{good},{{\"user id\":01}}]"), Some(1), Some("user id"), "invalid number"),
        (format!("{{\"logs\":[{good} {good}]}}"), Some(0), None, "expected `,` or `]`"),
        (format!("[{good},"), Some(0), None, "EOF"),
        (format!("[{good}]]"), None, None, "trailing characters"),
        (format!("[{good},{{\"\\ud800\":1,\"a\":x}}]"), Some(1), None, "expected value"),
        ("[".to_owned(), None, None, "EOF"),
        ("{\"message\":\"a\nb\"}".to_owned(), Some(0), Some("message"), "control character"),
        ("{\"message\":\"m\"".to_owned(), Some(0), None, "EOF"),
        (format!("{good}\n{good}"), None, None, "sent as application/x-ndjson"),
    ] {
        let (found_index, found_field, detail) = malformed(BodyFormat::Json, &body);
        assert_eq!((found_index, found_field.as_deref()), (index, field), "{body}: {detail}");
        assert!(detail.contains(expected), "{detail}");
    }
}

#[test]
fn a_body_that_is_no_object_and_no_array_is_malformed() {
    for body in ["", "  ", "null", "42", "\"text\"", "message=hello", "<xml/>"] {
        let (index, _, detail) = malformed(BodyFormat::Json, body);
        assert_eq!(index, None, "{body}");
        assert!(detail.contains("an array of objects"), "{detail}");
    }
}

#[test]
fn bytes_that_are_no_utf8_are_malformed_at_their_offset() {
    for format in [BodyFormat::Json, BodyFormat::NdJson, BodyFormat::Text] {
        let (index, _, detail) = malformed(format, b"[\"ab\xff\"]");
        assert_eq!(index, None);
        assert!(detail.contains("offset 4"), "{detail}");
    }
}

#[test]
fn a_wrapper_has_no_other_members() {
    let good = &numbered(1)[0];
    for body in [
        format!(r#"{{"logs":[{good}],"service":"pay"}}"#),
        format!(r#"{{"source":"x","logs":[{good}]}}"#),
        format!(r#"{{"logs":[{good}],"logs":[]}}"#),
        format!(r#"{{"service":"pay","l\u006fgs":[{good}]}}"#),
    ] {
        let (_, _, detail) = malformed(BodyFormat::Json, &body);
        assert!(detail.contains("may have no other member"), "{detail}");
    }
    with_record(r#"{"logs":"x","service":"pay","message":"m"}"#, |record| {
        assert_eq!(record.attributes, r#"{"logs":"x"}"#);
    });
}

#[test]
fn a_full_request_is_accepted_and_one_record_more_is_not() {
    let full = numbered(BATCH_MAX_RECORDS);
    let too_many = DecodeError::TooManyRecords { limit: BATCH_MAX_RECORDS };
    assert_eq!(decode_json(format!("[{}]", full.join(","))).batch.len(), BATCH_MAX_RECORDS);
    for (format, body) in [
        (BodyFormat::Json, format!("[{},7]", full.join(","))),
        (BodyFormat::Json, format!("{{\"logs\":[{},{{}}]}}", full.join(","))),
        (BodyFormat::Json, format!("[1e999,{}]", full.join(","))),
        (BodyFormat::Json, format!("[{}", "0,".repeat(BATCH_MAX_RECORDS + 1))),
        (BodyFormat::NdJson, format!("{}\nx", full.join("\n"))),
        (BodyFormat::Text, "x\n".repeat(BATCH_MAX_RECORDS + 1)),
    ] {
        assert_eq!(decode_as(format, body).unwrap_err(), too_many);
    }
    assert!(too_many.to_string().contains("10000"));
}

#[test]
fn a_line_of_ndjson_costs_one_record_at_most() {
    let good = &numbered(1)[0];
    let body = format!(
        "{good}\r\n\n{{\"host\":x}}\n7\n \t\n{good}\n[{good}]\n{good} x\n{{\"message\":\"\\ud800\"}}\n{{"
    );
    let decoded = decode_as(BodyFormat::NdJson, body).unwrap();

    assert_eq!(messages(&decoded), ["0", "0"]);
    let expected = [
        (1, Some("host"), codes::MALFORMED),
        (2, None, codes::NOT_AN_OBJECT),
        (4, None, codes::NOT_AN_OBJECT),
        (5, None, codes::MALFORMED),
        (6, Some("service"), codes::REQUIRED),
        (7, None, codes::MALFORMED),
    ];
    assert_eq!(faults(&decoded), expected);
    assert_eq!(decoded.errors[0].detail, "line 3 is not valid JSON: expected value at column 9");
}

#[test]
fn text_lines_are_records() {
    let body =
        "2025-04-01 12:00:00 ERROR [pay] down\r\n\r\n  at frame 1 \n2025-04-01 12:00:00 INFO [auth] up\n\0";
    let decoded = decode_bound(BodyFormat::Text, body).unwrap();

    assert_eq!(messages(&decoded), ["down", "  at frame 1 ", "\0"]);
    assert_eq!(decoded.batch.get(0).severity.level_text(), "ERROR");
    assert_eq!(decoded.batch.get(1).severity, domain::Severity::DEFAULT);
    assert!(decoded.batch.iter().all(|record| record.service == "pay"));
    assert_eq!(faults(&decoded), [(2, Some("service"), codes::SERVICE_MISMATCH)]);
}

#[test]
fn text_without_a_service_needs_a_bound_key() {
    let long = "x".repeat(domain::limits::MESSAGE_MAX_BYTES + 1);
    let body = format!("2025-04-01 12:00:00 ERROR [pay] down\nplain\n2025-04-01 12:00:00 ERROR [pay] {long}");
    let decoded = decode_as(BodyFormat::Text, body).unwrap();

    assert_eq!(messages(&decoded), ["down"]);
    assert_eq!(
        faults(&decoded),
        [(1, Some("service"), codes::REQUIRED), (2, Some("message"), codes::TOO_LONG)]
    );
}
