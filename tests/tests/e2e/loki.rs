//! Loki's push API: what an agent sends is found, and it is told what became of it as Loki would tell it.

use std::io::Write;

use e2e_tests::protobuf::{field, integer};
use e2e_tests::{Answer, Installation};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Makes a `PushRequest` of one stream.
fn push_of(labels: &str, lines: &[&str]) -> Vec<u8> {
    let entry = |line: &&str| {
        let time = [integer(1, 1_743_508_800), integer(2, 1000)].concat();
        let metadata = |name, value| field(3, [field(1, name), field(2, value)].concat());
        let entry = [field(1, time), field(2, line), metadata("order", "17"), metadata("trace_id", "abc")];
        field(2, entry.concat())
    };
    let entries: Vec<_> = lines.iter().map(entry).collect();
    field(1, [field(1, labels), entries.concat()].concat())
}

fn json_push(lines: &[&str]) -> Value {
    let metadata = json!({"order": "17", "trace_id": "abc"});
    let values: Vec<_> = lines.iter().map(|line| json!(["1743508800000001000", line, metadata])).collect();
    json!({"streams": [{"stream": {"app": "pay", "level": "warn", "env": "prod"}, "values": values}]})
}

const LABELS: &str = "{app=\"pay\", level=\"warn\", env=\"prod\"}";

fn block(body: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(body).expect("a short text fits")
}

fn frames(body: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(body).expect("a Vec takes everything");
    encoder.into_inner().expect("a Vec takes everything")
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}

fn post(installation: &Installation, content_type: &str, body: Vec<u8>) -> RequestBuilder {
    let request = installation.post("/loki/api/v1/push").header("X-Scope-OrgID", "somebody else");
    request.header("Content-Type", content_type).body(body)
}

#[tokio::test]
async fn lines_of_both_encodings_plain_and_compressed_are_found_alike() {
    let installation = Installation::start();
    let line = "late \u{1b}[31mpayment\u{1b}[0m ";
    let (protobuf, json) = (push_of(LABELS, &[line]), json_push(&[line]).to_string().into_bytes());
    let sent = [
        post(&installation, PROTOBUF, block(&protobuf)),
        post(&installation, PROTOBUF, block(&protobuf)).header("Content-Encoding", "snappy"),
        post(&installation, PROTOBUF, frames(&protobuf)),
        post(&installation, PROTOBUF, protobuf.clone()).header("Content-Encoding", "identity"),
        post(&installation, PROTOBUF, gzip(&protobuf)).header("Content-Encoding", "gzip"),
        post(&installation, JSON, json.clone()),
        post(&installation, JSON, gzip(&json)).header("Content-Encoding", "gzip"),
        post(&installation, JSON, frames(&json)).header("Content-Encoding", "snappy"),
    ];
    let count = sent.len();

    for request in sent {
        let answer = Answer::to(request).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (204, ""));
    }

    let mut logs = installation.all_logs("q=trace_id:abc").await;
    assert_eq!(logs.len(), count);
    for log in &mut logs {
        for of_its_own in ["id", "received_at"] {
            log.as_object_mut().unwrap().remove(of_its_own);
        }
    }
    let expected = json!({
        "timestamp": "2025-04-01T12:00:00.000001Z", "service": "pay", "severity": "WARNING", "level": "WARN", "message": line,
        "trace_id": "abc", "span_id": null, "host": null, "attributes": {"order": "17", "env": "prod"}});
    assert!(logs.iter().all(|log| *log == expected), "{logs:#?}");
}

#[tokio::test]
async fn lines_that_are_not_valid_are_named_and_the_others_stored() {
    let installation = Installation::start();
    let long = "x".repeat(300_000);
    let bodies = [
        (PROTOBUF, block(&push_of(LABELS, &["good", &long]))),
        (JSON, json_push(&["good", &long]).to_string().into_bytes()),
    ];
    for (content_type, body) in bodies {
        let answer = Answer::to(post(&installation, content_type, body)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (400, "text/plain; charset=utf-8")
        );
        let expected = "1 lines were not stored, 1 were\n\
                        line 1: message has 300000 bytes of UTF-8, at most 262144 are accepted (too_long)\n";
        assert_eq!(answer.text(), expected);
    }
    assert_eq!(installation.all_logs("").await.len(), 2);
}

#[tokio::test]
async fn a_push_without_streams_is_nothing_to_complain_about() {
    let installation = Installation::start();
    let empty = [(PROTOBUF, vec![]), (PROTOBUF, block(b"")), (JSON, b"{\"streams\":[]}".to_vec())];
    for (content_type, body) in empty {
        assert_eq!(Answer::to(post(&installation, content_type, body)).await.status, 204, "{content_type}");
    }
}

#[tokio::test]
async fn errors_are_texts() {
    let installation = Installation::start();
    let reader = installation.create_key(&["--scopes", "read"]);
    let push = || installation.client.post(installation.ingest.url("/loki/api/v1/push"));
    let mut bomb = vec![0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
    bomb.extend_from_slice(&[0; 100]);
    let table = [
        (push(), JSON, b"{}".to_vec(), 401),
        (push().bearer_auth(&reader), JSON, b"{}".to_vec(), 403),
        (installation.post("/loki/api/v1/push"), JSON, b"{\"streams\":1}".to_vec(), 400),
        (installation.post("/loki/api/v1/push"), PROTOBUF, b"no block".to_vec(), 400),
        (installation.post("/loki/api/v1/push"), PROTOBUF, bomb, 413),
        (installation.post("/loki/api/v1/push"), "text/plain", b"x".to_vec(), 415),
    ];
    for (request, content_type, body, status) in table {
        let answer = Answer::to(request.header("Content-Type", content_type).body(body)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (status, "text/plain; charset=utf-8")
        );
        assert!(!answer.text().is_empty() && !answer.text().starts_with('{'), "{}", answer.text());
    }
    assert!(installation.all_logs("").await.is_empty());
}
