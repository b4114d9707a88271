//! Records that break the rules of a field.

use e2e_tests::Installation;
use serde_json::json;

use super::table::{Post, check};

/// Members of a record that are at fault: the members, the field, the code.
const FAULTS: [(&str, &str, &str); 34] = [
    (r#""service":"pay""#, "message", "required"),
    (r#""service":"pay","message":null"#, "message", "required"),
    (r#""service":"pay","message":7"#, "message", "wrong_type"),
    (r#""service":"pay","message":true"#, "message", "wrong_type"),
    (r#""service":"pay","message":["a"]"#, "message", "wrong_type"),
    (r#""service":"pay","message":{"a":1}"#, "message", "wrong_type"),
    (r#""service":"pay","message":"half \ud83d of a pair""#, "message", "invalid_text"),
    (r#""service":"pay","message":"\udc00\ud800""#, "message", "invalid_text"),
    (r#""message":"m""#, "service", "required"),
    (r#""message":"m","service":null"#, "service", "required"),
    (r#""message":"m","service":"""#, "service", "invalid_service"),
    (r#""message":"m","service":"a\u0000b""#, "service", "invalid_service"),
    (r#""message":"m","service":7"#, "service", "wrong_type"),
    (r#""message":"m","service":["pay"]"#, "service", "wrong_type"),
    (r#""message":"m","service":"\ud800""#, "service", "invalid_text"),
    (r#""message":"m","service":"pay","severity":"loud""#, "severity", "unknown_severity"),
    (r#""message":"m","service":"pay","severity":"""#, "severity", "unknown_severity"),
    (r#""message":"m","service":"pay","severity":25"#, "severity", "unknown_severity"),
    (r#""message":"m","service":"pay","level":0"#, "level", "unknown_severity"),
    (r#""message":"m","service":"pay","level":1.5"#, "level", "unknown_severity"),
    (r#""message":"m","service":"pay","level":["INFO"]"#, "level", "wrong_type"),
    (r#""message":"m","service":"pay","severity":"INFO","level":"WARN""#, "severity", "conflicting_severity"),
    (r#""message":"m","service":"pay","timestamp":"yesterday""#, "timestamp", "invalid_timestamp"),
    (r#""message":"m","service":"pay","timestamp":"""#, "timestamp", "invalid_timestamp"),
    (r#""message":"m","service":"pay","timestamp":"2025-02-30T00:00:00Z""#, "timestamp", "invalid_timestamp"),
    (r#""message":"m","service":"pay","timestamp":1e9"#, "timestamp", "invalid_timestamp"),
    (r#""message":"m","service":"pay","timestamp":true"#, "timestamp", "wrong_type"),
    (r#""message":"m","service":"pay","timestamp":-1"#, "timestamp", "timestamp_out_of_range"),
    (
        r#""message":"m","service":"pay","timestamp":"1969-12-31T23:59:59Z""#,
        "timestamp",
        "timestamp_out_of_range",
    ),
    (
        r#""message":"m","service":"pay","timestamp":"9999-01-01T00:00:00Z""#,
        "timestamp",
        "timestamp_out_of_range",
    ),
    (r#""message":"m","service":"pay","trace_id":1"#, "trace_id", "wrong_type"),
    (r#""message":"m","service":"pay","host":{}"#, "host", "wrong_type"),
    (r#""message":"m","service":"pay","attributes":[1]"#, "attributes", "wrong_type"),
    (r#""message":"m","service":"pay","message":"again""#, "message", "duplicate_field"),
];

#[tokio::test]
async fn a_record_at_fault_is_refused_alone_and_its_field_is_named() {
    let installation = Installation::start();

    let mut posts = Vec::new();
    for (members, field, code) in FAULTS {
        posts.push(Post::refused(members, format!("{{{members}}}"), "invalid_records").at(0, field, code));
        let body = format!(
            r#"[{{"service":"pay","message":"before"}},{{{members}}},{{"service":"pay","message":"behind"}}]"#
        );
        posts.push(
            Post::stored(format!("among others: {members}"), body, &["before", "behind"]).at(1, field, code),
        );
    }

    check(&installation, posts).await;
}

#[tokio::test]
async fn an_attribute_at_fault_is_named() {
    let installation = Installation::start();

    let deep = format!("{}1{}", "[".repeat(16), "]".repeat(16));
    let long = format!("\"{}\"", "v".repeat(32 * 1024));
    let many: Vec<_> = (0..129).map(|n| format!("\"n{n}\":{n}")).collect();
    let many = many.join(",");
    let faults = [
        (r#""x":"\ud800""#.to_owned(), "x", "invalid_text"),
        (r#""attributes":{"x":["\udc00"]}"#.to_owned(), "attributes.x", "invalid_text"),
        (r#""x":1,"attributes":{"x":1}"#.to_owned(), "attributes.x", "duplicate_field"),
        (format!("\"x\":{deep}"), "x", "too_deep"),
        (format!("\"attributes\":{{\"x\":{deep}}}"), "attributes.x", "too_deep"),
        (format!("\"x\":{long}"), "x", "too_long"),
        (format!("\"attributes\":{{{many}}}"), "attributes", "too_many_attributes"),
    ];
    let posts = faults.map(|(members, field, code)| {
        let body = format!(r#"{{"service":"pay","message":"m",{members}}}"#);
        Post::refused(format!("{field} {code}"), body, "invalid_records").at(0, field, code)
    });

    check(&installation, posts.into()).await;
}

#[tokio::test]
async fn every_character_of_a_message_comes_back() {
    let installation = Installation::start();
    let bound = installation.create_key(&["--service", "pay"]);

    let texts = [
        "a NUL \0 in the middle",
        "\0",
        "",
        " \t\r\n ",
        "quote \" backslash \\ slash /",
        "\u{1}\u{7f}\u{80}\u{2028}\u{feff}\u{ffff}",
        "😀 ä 支付 \u{202e}",
    ];
    let as_json = texts.map(|text| {
        let body = json!({"service": "pay", "message": text}).to_string();
        Post::stored(format!("JSON {text:?}"), body, &[text])
    });
    let escaped = Post::stored(r"\u0000", r#"{"service":"pay","message":"\u0000\ud83d\ude00"}"#, &["\0😀"]);
    let line = "a raw NUL \0 and a tab \t in a line of text";
    let as_text = Post::stored("text", line, &[line]).with("content-type", "text/plain").by(&bound);

    check(&installation, as_json.into_iter().chain([escaped, as_text]).collect()).await;
}

#[tokio::test]
async fn valid_records_of_a_request_are_stored_without_the_others_and_with_atomic_none_is() {
    let installation = Installation::start();

    let body = r#"[{"service":"pay","message":"one"},{"service":"pay"},{"service":"pay","message":"two"},7,
        {"service":"pay","message":"three","level":"loud"}]"#;
    let lines = "{\"service\":\"pay\",\"message\":\"one\"}\n{\"service\":\n\n{\"service\":\"pay\",\"message\":\"two\"}\n";
    let in_part = Post::stored("in part", body, &["one", "two"])
        .at(1, "message", "required")
        .at(3, None, "not_an_object")
        .at(4, "level", "unknown_severity");
    let none = Post::refused("atomic", body, "invalid_records")
        .to("/logs?atomic=true")
        .at(1, "message", "required")
        .at(3, None, "not_an_object")
        .at(4, "level", "unknown_severity");
    let lines_in_part = Post::stored("lines in part", lines, &["one", "two"])
        .with("content-type", "application/x-ndjson")
        .at(1, "service", "malformed");
    let no_lines = Post::refused("atomic lines", lines, "invalid_records")
        .with("content-type", "application/x-ndjson")
        .to("/api/v1/logs?atomic=true")
        .at(1, "service", "malformed");
    let not_atomic = Post::stored("atomic=false", body, &["one", "two"])
        .to("/api/v1/logs/batch?atomic=false")
        .at(1, "message", "required")
        .at(3, None, "not_an_object")
        .at(4, "level", "unknown_severity");

    check(&installation, vec![in_part, none, lines_in_part, no_lines, not_atomic]).await;
}

#[tokio::test]
async fn a_bound_key_sends_logs_of_its_own_service_only() {
    let installation = Installation::start();
    let bound = installation.create_key(&["--service", "pay"]);

    let other = r#"{"service":"auth","message":"m"}"#;
    let both =
        r#"[{"message":"mine"},{"service":"auth","message":"m"},{"service":"pay","message":"mine too"}]"#;
    let posts = vec![
        Post::refused("another service", other, "invalid_records").by(&bound).at(
            0,
            "service",
            "service_mismatch",
        ),
        Post::stored("among its own", both, &["mine", "mine too"]).by(&bound).at(
            1,
            "service",
            "service_mismatch",
        ),
        Post::refused("atomic", both, "invalid_records").by(&bound).to("/logs?atomic=true").at(
            1,
            "service",
            "service_mismatch",
        ),
        Post::refused("a line without a service", "plain", "invalid_records")
            .with("content-type", "text/plain")
            .at(0, "service", "required"),
    ];
    check(&installation, posts).await;

    let of_pay = installation.all_logs("service=pay").await;
    assert_eq!(of_pay.len(), 2);
}
