//! The rules of attributes, and of unknown fields, which become attributes.

use domain::limits::{
    ATTRIBUTE_NAME_MAX_BYTES, ATTRIBUTE_VALUE_MAX_BYTES, ATTRIBUTES_MAX_COUNT, ATTRIBUTES_MAX_DEPTH,
};

use super::*;

fn attributes_of(members: &str) -> String {
    with_record(&record_with(members), |record| record.attributes.to_owned())
}

#[test]
fn attributes_are_kept_byte_for_byte() {
    for attributes in [
        r#"{"a":1}"#,
        r#"{ "a" : [ 1 , {"b" : null} ] , "c":"\u00e4\ud83d\ude00\u0000" }"#,
        r#"{"big":123456789012345678901234567890,"huge":1e999,"small":-0.10,"ü":true}"#,
        r#"{"":"","quote\"{[":"}],\\"}"#,
        r#"{"message":"inner","service":7}"#,
        r#"{"same":{"a":1,"a":2}}"#,
    ] {
        assert_eq!(attributes_of(&format!("\"attributes\":{attributes}")), attributes);
    }
    for none in ["{}", "{ }", "null"] {
        assert_eq!(attributes_of(&format!("\"attributes\":{none}")), "");
    }
}

#[test]
fn unknown_fields_join_the_attributes() {
    for (members, attributes) in [
        (r#""user":"u1""#, r#"{"user":"u1"}"#),
        (r#""user":null, "n" : 1.50"#, r#"{"user":null,"n":1.50}"#),
        (r#""x":[1, 2],"attributes":{"a":1},"y":{}"#, r#"{"a":1,"x":[1, 2],"y":{}}"#),
        (r#""x":1,"attributes":{ "a":1 }"#, r#"{ "a":1,"x":1}"#),
        (r#""x":1,"attributes":{ }"#, r#"{"x":1}"#),
        (r#""x":1e999,"attributes":null"#, r#"{"x":1e999}"#),
        (r#""gr\u00f6\u00dfe":1,"id":2"#, r#"{"gr\u00f6\u00dfe":1,"id":2}"#),
        (r#""logs":"x""#, r#"{"logs":"x"}"#),
    ] {
        assert_eq!(attributes_of(members), attributes, "{members}");
    }
}

#[test]
fn attributes_at_each_limit_are_accepted() {
    let names: Vec<_> = (1..ATTRIBUTES_MAX_COUNT).map(|n| format!("\"n{n}\":{n}")).collect();
    let nested = ATTRIBUTES_MAX_DEPTH - 1;
    for members in [
        format!("\"attributes\":{{{}}},\"x\":1", names.join(",")),
        format!("\"attributes\":{{\"{}\":1}}", "n".repeat(ATTRIBUTE_NAME_MAX_BYTES)),
        format!("\"{}\":1", "\\u00e4".repeat(ATTRIBUTE_NAME_MAX_BYTES / 2)),
        format!("\"x\":\"{}\"", "v".repeat(ATTRIBUTE_VALUE_MAX_BYTES - 2)),
        format!("\"x\":{}1{}", "[".repeat(nested), "]".repeat(nested)),
        format!("\"attributes\":{{\"x\":{}{}}}", "[".repeat(nested), "]".repeat(nested)),
        format!("\"x\":\"{}\"", "[".repeat(100)),
    ] {
        assert!(!attributes_of(&members).is_empty());
    }
}

#[test]
fn a_fault_of_an_attribute_names_it() {
    let long_name = "n".repeat(ATTRIBUTE_NAME_MAX_BYTES + 1);
    let long_value = "v".repeat(ATTRIBUTE_VALUE_MAX_BYTES - 1);
    let shown_name = format!("{}…", "n".repeat(64));
    let names: Vec<_> = (0..=ATTRIBUTES_MAX_COUNT).map(|n| format!("\"n{n}\":{n}")).collect();
    let deep = format!("{}1{}", "[".repeat(ATTRIBUTES_MAX_DEPTH), "]".repeat(ATTRIBUTES_MAX_DEPTH));
    let deeper = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases = [
        (names.join(","), "attributes", codes::TOO_MANY_ATTRIBUTES, "128"),
        (format!("\"attributes\":{{{}}}", names.join(",")), "attributes", codes::TOO_MANY_ATTRIBUTES, "128"),
        (format!("\"{long_name}\":1"), &shown_name, codes::TOO_LONG, "257 bytes of UTF-8, at most 256"),
        (format!("\"x\":\"{long_value}\""), "x", codes::TOO_LONG, "32769 bytes of JSON, at most 32768"),
        (format!("\"attributes\":{{\"x\":\"{long_value}\"}}"), "attributes.x", codes::TOO_LONG, "32768"),
        (format!("\"x\":{deep}"), "x", codes::TOO_DEEP, "16 levels"),
        (format!("\"attributes\":{{\"a\":1,\"x\":{deep}}}"), "attributes.x", codes::TOO_DEEP, "16 levels"),
        (format!("\"x\":{deeper}"), "x", codes::TOO_LONG, "32768"),
        (r#""attributes":{"x":["\ud800"]}"#.to_owned(), "attributes.x", codes::INVALID_TEXT, "surrogate"),
        (r#""x":"\ud800\u0041""#.to_owned(), "x", codes::INVALID_TEXT, "surrogate"),
        (r#""x\udead":1"#.to_owned(), r"x\udead", codes::INVALID_TEXT, "surrogate"),
    ];
    for (members, field, code, expected) in cases {
        let (found_field, found_code, detail) = fault_of(&record_with(&members));
        assert_eq!((found_field.as_deref(), found_code), (Some(field), code), "{detail}");
        assert!(detail.contains(expected), "{detail}");
    }
}

#[test]
fn one_name_stands_for_one_attribute() {
    let many: Vec<_> = (0..20).map(|n| format!("\"n{n}\":{n}")).collect();
    for members in [
        r#""x":1,"attributes":{"x":1}"#.to_owned(),
        r#""x":1,"x":1"#.to_owned(),
        r#""attributes":{"x":1,"x":2}"#.to_owned(),
        r#""x":1,"\u0078":1"#.to_owned(),
        format!("{},\"x\":1,\"attributes\":{{\"x\":2}}", many.join(",")),
    ] {
        let (field, code, detail) = fault_of(&record_with(&members));
        assert_eq!((field.as_deref(), code), (Some("attributes.x"), codes::DUPLICATE_FIELD), "{members}");
        assert!(detail.contains("\"x\" is given twice"), "{detail}");
    }
}
