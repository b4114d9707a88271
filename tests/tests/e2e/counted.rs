//! `/metrics`: what came in and what was refused, by door and reason.

use e2e_tests::{Answer, Installation};
use reqwest::Client;
use serde_json::json;

/// Returns the value of a series, 0 if there is none yet.
fn value_of(exposition: &str, series: &str) -> u64 {
    let line = exposition.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0, |value| value.trim().parse().expect("a counter is a number"))
}

#[tokio::test]
async fn what_is_stored_and_what_is_refused_is_counted_by_reason() {
    let installation = Installation::start();
    let long = "x".repeat(300_000);
    installation
        .post_logs(&json!([{"service": "pay", "message": "a"}, {"service": "pay", "message": "b"}]))
        .await;
    let mixed = json!([
        {"service": "pay", "message": "c"},
        {"service": "pay"},
        {"service": "pay", "message": long},
        {"service": "pay", "message": "d", "level": "loud"},
    ]);
    installation.post_logs(&mixed).await;
    let atomic = installation.post("/logs?atomic=true").json(&mixed).send().await.unwrap();
    assert_eq!(atomic.status(), 400);
    let broken = installation
        .post("/logs")
        .header("Content-Type", "application/json")
        .body("[{")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 400);
    let unknown =
        installation.post("/logs").header("Content-Type", "text/html").body("x").send().await.unwrap();
    assert_eq!(unknown.status(), 415);

    let answer = Answer::to(Client::new().get(installation.ingest.url("/metrics"))).await;

    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let text = answer.text();
    for (series, expected) in [
        ("sentinel_ingest_records_accepted_total{door=\"logs\"}", 3),
        ("sentinel_ingest_records_rejected_total{door=\"logs\",reason=\"atomic\"}", 1),
        ("sentinel_ingest_records_rejected_total{door=\"logs\",reason=\"required\"}", 2),
        ("sentinel_ingest_records_rejected_total{door=\"logs\",reason=\"too_long\"}", 2),
        ("sentinel_ingest_records_rejected_total{door=\"logs\",reason=\"unknown_severity\"}", 2),
        ("sentinel_ingest_requests_refused_total{door=\"logs\",reason=\"malformed_body\"}", 1),
        ("sentinel_http_problems_total{code=\"unsupported_media_type\"}", 1),
        ("sentinel_http_problems_total{code=\"invalid_records\"}", 1),
    ] {
        assert_eq!(value_of(&text, series), expected, "{series} in\n{text}");
    }
}
