//! Limits that an installation sets: they hold as they are set, and their errors state them.

use domain::limits::RecordLimits;

use super::*;

const SMALL: RecordLimits = RecordLimits {
    batch_records: 2,
    message_bytes: 4,
    attributes: 2,
    attribute_name_bytes: 3,
    attribute_value_bytes: 5,
    attributes_depth: 2,
};

#[test]
fn what_keeps_to_limits_that_were_set_is_taken() {
    let record = r#"{"service":"s","message":"four","abc":12345,"attributes":{"def":[1]}}"#;
    let decoded = decode_within(&SMALL, BodyFormat::Json, format!("[{record},{record}]")).unwrap();
    assert_eq!((decoded.batch.len(), decoded.rejected), (2, 0), "{:?}", decoded.errors);
}

#[test]
fn what_goes_beyond_a_limit_that_was_set_is_told_that_limit() {
    let cases = [
        (r#""message":"fifth""#, codes::TOO_LONG, "at most 4 are accepted"),
        (r#""message":"m","a":1,"b":2,"c":3"#, codes::TOO_MANY_ATTRIBUTES, "at most 2 attributes"),
        (r#""message":"m","abcd":1"#, codes::TOO_LONG, "at most 3 are accepted"),
        (r#""message":"m","a":123456"#, codes::TOO_LONG, "at most 5 are accepted"),
        (r#""message":"m","a":[[]]"#, codes::TOO_DEEP, "at most 2 levels"),
    ];
    for (members, code, detail) in cases {
        let body = format!("{{\"service\":\"s\",{members}}}");
        for (format, body) in shapes_of(&body) {
            let decoded = decode_within(&SMALL, format, &body).unwrap();
            let error = &decoded.errors[0];
            assert_eq!(error.code, code, "{body}");
            assert!(error.detail.contains(detail), "{body}: {}", error.detail);
        }
    }
}

#[test]
fn more_records_than_were_allowed_are_refused_in_every_format() {
    let record = r#"{"service":"s","message":"m"}"#;
    for (format, body) in [
        (BodyFormat::Json, format!("[{record},{record},{record}]")),
        (BodyFormat::NdJson, format!("{record}\n{record}\n{record}\n")),
        (BodyFormat::Text, "a\nb\nc\n".to_owned()),
    ] {
        let error = decode_within(&SMALL, format, &body).unwrap_err();
        assert_eq!(error, DecodeError::TooManyRecords { limit: 2 }, "{body}");
    }
}

#[test]
fn a_line_that_is_longer_than_it_may_be_is_told_so_whatever_it_holds() {
    for line in ["level=info msg=m a=1", "plain text", "{\"message\":\"m\"}"] {
        let decoded = decode_within(&SMALL, BodyFormat::Text, line).unwrap();
        let error = &decoded.errors[0];
        assert_eq!((error.field.as_deref(), error.code), (Some("message"), codes::TOO_LONG), "{line}");
    }
}
