//! Exports: the same logs as a search, whatever is in them, however they travel, and without holding anybody up.

use std::io::Read;
use std::time::Duration;

use e2e_tests::{Answer, Installation, Senders, seed_from};
use reqwest::Client;
use serde_json::{Value, json};
use testkit::wait_until;

use crate::files;

const PATIENCE: Duration = Duration::from_secs(120);

const COLUMNS: [&str; 11] = [
    "id",
    "timestamp",
    "received_at",
    "service",
    "severity",
    "level",
    "message",
    "trace_id",
    "span_id",
    "host",
    "attributes",
];

const HOSTILE: [&str; 16] = [
    "plain",
    "",
    "comma, \"quotes\" and 'more'",
    "two\nlines",
    "two\r\nlines",
    "\"",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1:A9)",
    "\ttab",
    "\rreturn",
    "  =spaces",
    "＝full width",
    "üñí😀\u{2028}\u{0}\u{7f}",
    "a;b|c",
];

/// Returns a text as a spreadsheet gets it.
fn as_cell(text: &str) -> String {
    let first = text.trim_start_matches(' ').chars().next();
    let is_formula = first.is_some_and(|first| "=+-@\t\r\n＝＋－＠".contains(first));
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

/// Posts logs with hostile texts in every field; returns all logs in the order of their ids.
async fn hostile_logs(installation: &Installation) -> Vec<Value> {
    let logs: Vec<Value> = HOSTILE
        .iter()
        .map(|text| {
            let service = if text.trim().is_empty() || text.contains(char::is_control) { "pay" } else { text };
            json!({"service": service, "message": text, "level": "warn", "attributes": {"text": text, "n": [1, {}]}})
        })
        .collect();
    installation.post_logs(&json!(logs)).await;
    let laid_out = "{\"service\":\"laid out\",\"message\":\"m\",\"host\":\"h\",\"attributes\":{\n \"a\" : 1,\r\n\"b\":[ ]}}";
    let posted = installation.post("/logs").header("content-type", "application/json").body(laid_out);
    assert_eq!(Answer::to(posted).await.status, 201);
    let mut logs = installation.all_logs("").await;
    logs.sort_by_key(|log| log["id"].as_i64());
    logs
}

/// Returns the cells that a log becomes.
fn cells_of(log: &Value, columns: &[&str], row: &[String]) -> Vec<String> {
    let cell = |(place, column): (usize, &&str)| match &log[*column] {
        Value::Null => String::new(),
        Value::String(text) if ["timestamp", "received_at", "severity", "level"].contains(column) => {
            text.clone()
        }
        Value::String(text) => as_cell(text),
        Value::Object(members) if members.is_empty() => String::new(),
        // Attributes are kept as they were sent: what counts is what they say.
        object @ Value::Object(_) => {
            let cell: Value = serde_json::from_str(&row[place]).expect("attributes are JSON");
            assert_eq!(cell, *object);
            row[place].clone()
        }
        number => number.to_string(),
    };
    columns.iter().enumerate().map(cell).collect()
}

/// Checks that a file of CSV has these logs in these columns.
fn assert_csv(file: &[u8], columns: &[&str], logs: &[Value]) {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file);
    let rows: Vec<Vec<String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows[0], columns);
    assert_eq!(rows.len(), logs.len() + 1);
    for (row, log) in rows[1..].iter().zip(logs) {
        assert_eq!(*row, cells_of(log, columns, row), "{log}");
    }
}

#[tokio::test]
async fn an_export_has_the_logs_of_a_search_whatever_is_in_them() {
    let installation = Installation::start();
    let logs = hostile_logs(&installation).await;

    let csv = Answer::to(installation.get("/api/v1/logs/export")).await;
    let ndjson = Answer::to(installation.get("/api/v1/logs/export?format=ndjson")).await;
    let report = Answer::to(installation.get("/report/csv")).await;

    assert_csv(&csv.body, &COLUMNS, &logs);
    assert_csv(&report.body, &["id", "timestamp", "level", "message"], &logs);
    let lines: Vec<Value> =
        ndjson.text().split_terminator('\n').map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, logs);
    for (answer, kind, ending) in [
        (&csv, "text/csv; charset=utf-8", ".csv\""),
        (&report, "text/csv; charset=utf-8", ".csv\""),
        (&ndjson, "application/x-ndjson", ".ndjson\""),
    ] {
        assert_eq!((answer.header("content-type"), answer.header("vary")), (kind, "Accept-Encoding"));
        let name = answer.header("content-disposition");
        assert!(name.starts_with("attachment; filename=\"logs-") && name.ends_with(ending), "{name}");
        assert_eq!(answer.header("content-encoding"), "");
    }
}

#[tokio::test]
async fn filters_select_what_is_exported() {
    let installation = Installation::start();
    hostile_logs(&installation).await;
    for query in ["service=pay", "level=error", "q=plain", "from=now%2B1h"] {
        let mut logs = installation.all_logs(query).await;
        logs.sort_by_key(|log| log["id"].as_i64());
        let csv = Answer::to(installation.get(&format!("/api/v1/logs/export?{query}"))).await;
        assert_csv(&csv.body, &COLUMNS, &logs);
    }
    for (query, code) in [
        ("format=xml", "invalid_parameter"),
        ("limit=5", "unknown_parameter"),
        ("severity=loud", "invalid_parameter"),
    ] {
        let refused = Answer::to(installation.get(&format!("/api/v1/logs/export?{query}"))).await;
        refused.problem(400, code).unwrap();
    }
    Answer::to(installation.get("/report/csv?format=csv")).await.problem(400, "unknown_parameter").unwrap();
}

#[tokio::test]
async fn an_export_travels_compressed_for_who_asks_for_it() {
    let installation = Installation::start();
    for _ in 0..5 {
        hostile_logs(&installation).await;
    }
    let plain = Answer::to(installation.get("/api/v1/logs/export")).await;
    for (accept, encoding) in [("gzip", "gzip"), ("zstd", "zstd"), ("gzip;q=0.5, br, zstd;q=0.1", "gzip")] {
        let answer =
            Answer::to(installation.get("/api/v1/logs/export").header("Accept-Encoding", accept)).await;
        assert_eq!((answer.header("content-encoding"), answer.header("vary")), (encoding, "Accept-Encoding"));
        let mut file = Vec::new();
        match encoding {
            "gzip" => flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut file).unwrap(),
            _ => zstd::Decoder::new(&*answer.body).unwrap().read_to_end(&mut file).unwrap(),
        };
        assert_eq!(file, plain.body, "{accept}");
        assert!(answer.body.len() < plain.body.len() / 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_under_load_ends_and_has_what_was_acknowledged_before() {
    let seed = seed_from("SENTINEL_TEST_SEED");
    let installation = Installation::start();
    let senders = Senders::start(&installation, 4, seed);
    for round in 1..=5 {
        wait_until("logs come in", PATIENCE, async || {
            (senders.acknowledged_batches() > 20 * round).then_some(())
        })
        .await;
        let acknowledged = usize::try_from(senders.acknowledged_records()).unwrap();
        let file = Answer::to(installation.get("/api/v1/logs/export?format=ndjson")).await;
        let ids: Vec<i64> = file
            .text()
            .split_terminator('\n')
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap())
            .collect();
        assert!(ids.len() >= acknowledged, "{} of at least {acknowledged}", ids.len());
        assert!(ids.is_sorted_by(|a, b| a < b));
        let missing = ids.last().unwrap() - ids.len() as i64;
        assert_eq!(missing, 0, "ids begin with 1 and none is missing");
    }
    senders.finish().await;
}

#[tokio::test]
async fn an_export_that_nobody_reads_holds_nothing_up() {
    let installation = Installation::start();
    let message = "x".repeat(2000);
    let logs: Vec<Value> = (0..2000).map(|_| json!({"service": "pay", "message": message})).collect();
    for _ in 0..10 {
        installation.post_logs(&json!(logs)).await;
    }
    // More than a socket takes.
    let mut unread = installation.get("/api/v1/logs/export").send().await.unwrap();
    assert_eq!(unread.status(), 200);
    let begun = unread.chunk().await.unwrap().unwrap();

    installation.post_logs(&json!({"service": "pay", "message": "after"})).await;
    let Installation { data, ingest, query, .. } = installation;
    let status = ingest.stop();

    assert!(status.success(), "{status}");
    files::assert_no_wal(&data.path().join("logs.db"));
    let mut rest = begun.to_vec();
    while let Some(chunk) = unread.chunk().await.unwrap() {
        rest.extend(chunk);
    }
    assert_eq!(rest.iter().filter(|byte| **byte == b'\n').count(), 1 + 20_000);
    assert!(query.stop().success());
}

#[tokio::test]
async fn an_export_breaks_off_when_its_key_is_revoked() {
    const LOGS: usize = 20_000;
    let installation = Installation::start();
    let message = "x".repeat(2000);
    let logs: Vec<Value> = (0..LOGS / 10).map(|_| json!({"service": "pay", "message": message})).collect();
    for _ in 0..10 {
        installation.post_logs(&json!(logs)).await;
    }
    let keys = installation.query.url("/api/v1/keys");
    let body = json!({"name": "reader", "scopes": ["read"]});
    let made = Answer::to(Client::new().post(&keys).bearer_auth(&installation.key).json(&body)).await.json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let export = Client::new().get(installation.query.url("/api/v1/logs/export")).bearer_auth(key);
    let mut file = export.send().await.unwrap();
    let mut lines = 0;

    let revoked = Client::new().delete(format!("{keys}/{id}")).bearer_auth(&installation.key);
    assert_eq!(Answer::to(revoked).await.status, 200);
    // Longer than it takes until the key is looked at again (3 s); the export waits for its reader meanwhile.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let ended = loop {
        match file.chunk().await {
            Ok(Some(part)) => lines += part.iter().filter(|byte| **byte == b'\n').count(),
            ended => break ended,
        }
    };

    assert!(ended.is_err(), "the file looks whole");
    assert!((1..LOGS).contains(&lines), "{lines} lines");
}
