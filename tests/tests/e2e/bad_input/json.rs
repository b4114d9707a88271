//! Bodies that are no JSON, or JSON that holds no records.

use e2e_tests::Installation;

use super::table::{Post, check};

const GOOD: &str = r#"{"service":"pay","message":"good"}"#;

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_whole_and_says_at_which_record() {
    let installation = Installation::start();

    let nothing = ["", " \r\n\t", "\u{feff}", "\0", "NaN", "undefined", "message=hello", "<log/>", "]", "}{"];
    let without_records = nothing.map(|body| Post::refused(format!("{body:?}"), body, "malformed_body"));
    let broken = [
        ("[", None, None),
        ("{", Some(0), None),
        ("[{", Some(0), None),
        ("{'service':'pay','message':'m'}", Some(0), None),
        (r#"{"service":"pay","message":"m"} x"#, None, None),
        (r#"{"service":"pay","message":"m"}{"service":"pay","message":"m"}"#, None, None),
        (r#"{"service":"pay","message":"m",}"#, Some(0), None),
        (r#"{"service":"pay","message":"m" "host":"h"}"#, Some(0), None),
        (r#"{"service":"pay","message":}"#, Some(0), Some("message")),
        (r#"{"service":"pay","message":"cut"#, Some(0), Some("message")),
        (r#"{"service":"pay","message":nul}"#, Some(0), Some("message")),
        (r#"{"service":"pay","message":"\x41"}"#, Some(0), Some("message")),
        ("{\"service\":\"pay\",\"message\":\"a raw \0\"}", Some(0), Some("message")),
        ("{\"service\":\"pay\",\"message\":\"a raw \n\"}", Some(0), Some("message")),
        (r#"{"service":"pay","message":"m","host":01}"#, Some(0), Some("host")),
        (r#"{"service":"pay","message":"m","attributes":{"a":.5}}"#, Some(0), Some("attributes")),
        (r#"[{"service":"pay","message":"m"},]"#, Some(0), None),
        (r#"[{"service":"pay","message":"m"} {"service":"pay","message":"m"}]"#, Some(0), None),
        (r#"[{"service":"pay","message":"m"},{"service":"pay","message":tru}]"#, Some(1), Some("message")),
        (r#"[{"service":"pay","message":"m"}] x"#, None, None),
        (r#"{"logs":[{"service":"pay","message":"m"},{"service":}]}"#, Some(1), Some("service")),
    ];
    let broken = broken.map(|(body, index, field)| {
        let post = Post::refused(format!("{body:?}"), body, "malformed_body");
        if let Some(index) = index { post.at(index, field, "malformed") } else { post }
    });

    check(&installation, without_records.into_iter().chain(broken).collect()).await;
}

#[tokio::test]
async fn json_that_holds_no_records_is_refused_element_by_element() {
    let installation = Installation::start();

    let bare = ["null", "7", "-1.5e3", "true", "\"text\""];
    let bare = bare.map(|body| Post::refused(body, body, "malformed_body"));
    let elements = ["7", "null", "\"text\"", "true", "[]", "[[{}]]", "1e999", r#""\ud800""#];
    let alone = elements.map(|element| {
        let body = format!("[{element}]");
        Post::refused(body.clone(), body, "invalid_records").at(0, None, "not_an_object")
    });
    let nested = Post::refused("an array in an array", format!("[[{GOOD}]]"), "invalid_records");
    let among_good = elements.map(|element| {
        let body = format!("[{GOOD},{element},{GOOD}]");
        Post::stored(body.clone(), body, &["good", "good"]).at(1, None, "not_an_object")
    });
    let wrappers = [
        (format!(r#"{{"logs":[{GOOD}],"service":"pay"}}"#), "malformed_body"),
        (format!(r#"{{"source":1,"logs":[{GOOD}]}}"#), "malformed_body"),
    ];
    let wrappers = wrappers.map(|(body, code)| Post::refused(body.clone(), body, code));

    let posts = bare.into_iter().chain(alone).chain([nested.at(0, None, "not_an_object")]);
    check(&installation, posts.chain(among_good).chain(wrappers).collect()).await;
}

#[tokio::test]
async fn an_empty_array_is_a_request_that_stores_nothing() {
    let installation = Installation::start();

    let bodies = ["[]", " [ ] ", r#"{"logs":[]}"#];
    let posts = bodies.map(|body| Post::stored(body, body, &[]));

    check(&installation, posts.into()).await;
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_refused_in_every_format() {
    let installation = Installation::start();

    let body = b"{\"service\":\"pay\",\"message\":\"caf\xe9\"}";
    let types = ["application/json", "application/x-ndjson", "text/plain"];
    let posts = types.map(|content_type| {
        Post::refused(content_type, body.as_slice(), "malformed_body").with("content-type", content_type)
    });

    check(&installation, posts.into()).await;
}
