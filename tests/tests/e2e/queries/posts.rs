//! Every path, shape, format and encoding that logs may be sent in stores the same logs.

use std::io::Write;

use e2e_tests::Installation;
use e2e_tests::installation::ask;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::json;

/// Two logs, one a line.
const LINES: &str = "{\"service\":\"pay\",\"message\":\"one\"}\n{\"service\":\"pay\",\"message\":\"two\"}\n";

#[tokio::test]
async fn every_path_takes_every_shape() {
    let installation = Installation::start();
    let array = format!("[{}]", LINES.trim().replace('\n', ","));
    let wrapper = format!("{{\"logs\":{array}}}");
    let shapes = [
        (Some("application/json"), array.as_str()),
        (Some("application/json; charset=utf-8"), wrapper.as_str()),
        (None, wrapper.as_str()),
        (Some("application/x-www-form-urlencoded"), array.as_str()),
        (Some("application/x-ndjson"), LINES),
        (Some("application/jsonl"), LINES),
    ];

    for path in ["/logs", "/api/v1/logs", "/api/v1/logs/batch"] {
        for (content_type, body) in shapes {
            let mut request = installation.post(path).body(body.to_owned());
            if let Some(content_type) = content_type {
                request = request.header("content-type", content_type);
            }
            let (status, answer) = ask(request).await;

            let first_id = answer["first_id"].as_i64().expect("an id");
            let expected = json!({
                "message": "Log(s) saved successfully", "accepted": 2, "rejected": 0,
                "first_id": first_id, "last_id": first_id + 1,
            });
            assert_eq!((status.as_u16(), answer), (201, expected), "{path} {content_type:?} {body}");
            assert_eq!(messages(&installation, first_id, 2).await, ["one", "two"], "{path} {content_type:?}");
        }
    }
}

#[tokio::test]
async fn every_encoding_stores_the_same_logs() {
    let installation = Installation::start();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(LINES.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(LINES.as_bytes()).unwrap();
    let deflate = deflate.finish().unwrap();
    let zstd = zstd::encode_all(LINES.as_bytes(), 3).unwrap();

    let bodies =
        [("gzip", gzip), ("deflate", deflate), ("zstd", zstd), ("identity", LINES.as_bytes().to_vec())];

    for (encoding, body) in bodies {
        let request = installation.post("/logs").header("content-type", "application/x-ndjson");
        let (status, answer) = ask(request.header("content-encoding", encoding).body(body)).await;
        assert_eq!((status.as_u16(), &answer["accepted"]), (201, &json!(2)), "{encoding}: {answer}");
        let first_id = answer["first_id"].as_i64().expect("an id");
        assert_eq!(messages(&installation, first_id, 2).await, ["one", "two"], "{encoding}");
    }
}

#[tokio::test]
async fn one_log_alone_is_taken_as_an_object() {
    let installation = Installation::start();

    let s3 = json!({"timestamp": "2025-10-23 14:35:22", "level": "ERROR", "service": "pay", "message": "m"});
    let answer = installation.post_logs(&s3).await;

    assert_eq!((&answer["accepted"], &answer["first_id"]), (&json!(1), &answer["last_id"]));
    let (_, log) = ask(installation.get(&format!("/logs/{}", answer["first_id"]))).await;
    assert_eq!(log["timestamp"], "2025-10-23T14:35:22Z");
    assert_eq!((&log["severity"], &log["service"]), (&json!("ERROR"), &json!("pay")));
}

#[tokio::test]
async fn lines_of_text_are_taken_apart_or_kept_whole() {
    let installation = Installation::start();
    let bound = installation.create_key(&["--service", "pay"]);
    let line = "2025-10-23 14:32:15 WARN [pay] Payment completed";

    let request = installation.client.post(installation.ingest.url("/logs")).bearer_auth(&bound);
    let body = format!("{line}\r\n\njust a line\n");
    let (_, answer) = ask(request.header("content-type", "text/plain").body(body)).await;

    assert_eq!(answer["accepted"], 2, "{answer}");
    let first_id = answer["first_id"].as_i64().expect("an id");
    let (_, parsed) = ask(installation.get(&format!("/logs/{first_id}"))).await;
    let found = [&parsed["timestamp"], &parsed["severity"], &parsed["service"], &parsed["message"]];
    assert_eq!(found, ["2025-10-23T14:32:15Z", "WARNING", "pay", "Payment completed"]);
    let (_, whole) = ask(installation.get(&format!("/logs/{}", first_id + 1))).await;
    assert_eq!([&whole["severity"], &whole["service"], &whole["message"]], ["INFO", "pay", "just a line"]);
}

#[tokio::test]
async fn a_bound_key_fills_in_its_service() {
    let installation = Installation::start();
    let bound = installation.create_key(&["--service", "pay"]);

    let request = installation.client.post(installation.ingest.url("/logs")).bearer_auth(&bound);
    let (status, _) = ask(request.json(&json!([{"message": "a"}, {"message": "b", "service": "pay"}]))).await;

    assert_eq!(status, 201);
    assert_eq!(installation.all_logs("service=pay").await.len(), 2);
}

/// Reads the messages of so many logs from an id on.
async fn messages(installation: &Installation, first_id: i64, count: i64) -> Vec<String> {
    let mut messages = Vec::new();
    for id in first_id..first_id + count {
        let (_, log) = ask(installation.get(&format!("/logs/{id}"))).await;
        messages.push(log["message"].as_str().unwrap_or_else(|| panic!("log {id}: {log}")).to_owned());
    }
    messages
}
