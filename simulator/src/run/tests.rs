//! Tests of whole runs against a server that acknowledges everything.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::config::{Format, Mode};
use crate::keys::{ApiKey, KeySource};
use crate::ledger::read_ledgers;
use crate::outfile::OutFile;
use crate::test_server::{Answer, Seen, TestServer};

fn records_of(request: &Seen) -> Vec<Value> {
    match serde_json::from_str(&request.body).unwrap() {
        Value::Array(records) => records,
        record => vec![record],
    }
}

async fn accepting_server() -> TestServer {
    let next_id = AtomicU64::new(1);
    TestServer::start(move |_, request| {
        let is_text = request.header("content-type").starts_with("text/plain");
        let accepted = if is_text { request.body.lines().count() } else { records_of(request).len() } as u64;
        let first_id = next_id.fetch_add(accepted, Ordering::Relaxed);
        let last_id = first_id + accepted - 1;
        let stored = json!({ "message": "ok", "accepted": accepted, "rejected": 0, "first_id": first_id, "last_id": last_id });
        Answer(201, "content-type: application/json\r\n", stored.to_string())
    })
    .await
}

fn config(server: &TestServer, count: u64) -> Config {
    Config {
        count: Some(count),
        interval: Duration::ZERO,
        seed: Some(5),
        name: Some("web-1".to_owned()),
        ..Config::new(&server.url, KeySource::Shared(ApiKey::new("secret")))
    }
}

/// What was sent by a run, without what differs from run to run.
async fn contents_of_run(config: Config, server: &TestServer) -> Vec<String> {
    run(config, CancellationToken::new()).await.unwrap();
    let mut contents = Vec::new();
    for mut record in server.seen().iter().flat_map(records_of) {
        record["timestamp"].take();
        record["attributes"]["simulator"].take();
        contents.push(record.to_string());
    }
    contents.sort();
    contents
}

#[tokio::test]
async fn a_run_with_a_count_sends_and_writes_down_exactly_so_many_logs() {
    let server = accepting_server().await;
    let directory = tempfile::tempdir().unwrap();
    let config = Config { ledger: Some(directory.path().to_owned()), ..config(&server, 203) };

    let summary = run(config, CancellationToken::new()).await.unwrap();

    assert_eq!((summary.sent, summary.acknowledged), (203, 203));
    assert!(summary.is_complete());
    let entries = read_ledgers(&[directory.path().to_owned()]).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.accepted).sum::<u64>(), 203);
    let keys: HashSet<_> = entries.iter().map(|entry| entry.key.clone()).collect();
    assert_eq!(keys.len(), entries.len());
}

#[tokio::test]
async fn the_same_seed_sends_the_same_logs_apart_from_times() {
    let (first, second) = (accepting_server().await, accepting_server().await);

    let contents = contents_of_run(config(&first, 100), &first).await;
    let again = contents_of_run(config(&second, 100), &second).await;

    assert_eq!(contents.len(), 100);
    assert_eq!(contents, again);
}

#[tokio::test]
async fn single_mode_sends_one_object_per_request() {
    let server = accepting_server().await;
    let config =
        Config { mode: Mode::Single, services: vec!["user-service".to_owned()], ..config(&server, 3) };

    run(config, CancellationToken::new()).await.unwrap();

    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| request.body.starts_with('{')), "{seen:?}");
}

#[tokio::test]
async fn text_mode_sends_lines() {
    let server = accepting_server().await;
    let config =
        Config { format: Format::Text, services: vec!["user-service".to_owned()], ..config(&server, 10) };

    let summary = run(config, CancellationToken::new()).await.unwrap();

    assert!(summary.is_complete());
    let seen = server.seen();
    assert!(seen[0].body.lines().all(|line| line.contains(" [user-service] ")), "{seen:?}");
}

#[tokio::test]
async fn a_run_that_is_stopped_before_it_starts_sends_nothing() {
    let server = accepting_server().await;
    let shutdown = CancellationToken::new();
    shutdown.cancel();

    let summary = run(config(&server, 100), shutdown).await.unwrap();

    assert_eq!(summary, Summary::default());
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn logs_go_into_a_file_instead_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let out = OutFile { path: path.clone(), max_bytes: 1 << 30, keep: 1 };
    let config = Config {
        count: Some(100),
        rate: Some(100_000.0),
        out: Some(out),
        ..Config::new("http://127.0.0.1:1", KeySource::None)
    };

    let summary = run(config, CancellationToken::new()).await.unwrap();

    assert!(summary.is_complete(), "{summary}");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 100);
    assert!(lines.iter().all(|line| line["attributes"]["sequence"].is_u64()));
}
