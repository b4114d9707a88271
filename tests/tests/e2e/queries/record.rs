//! One log: as it was sent, under both of its paths, the same as in a search.

use e2e_tests::Installation;
use e2e_tests::installation::ask;
use serde_json::{Value, json};

use super::post;

#[tokio::test]
async fn a_log_comes_back_with_every_field_under_both_paths() {
    let installation = Installation::start();
    let sent = json!({
        "timestamp": "2025-04-01T14:00:00.25+02:00", "service": "auth-service", "level": "warn",
        "message": "Login failed: \"ü\" \u{0}", "trace_id": "t-1", "span_id": "s-1", "host": "web-1",
        "attributes": {"error_code": "E503", "nested": {"a": [1, 2.50, null]}}, "user": {"name": "ü"}, "tries": 3,
    });
    let id = post(&installation, &sent).await;

    let (status, log) = ask(installation.get(&format!("/logs/{id}"))).await;
    let (_, same) = ask(installation.get(&format!("/api/v1/logs/{id}"))).await;
    let (_, found) = ask(installation.get("/logs")).await;

    assert_eq!(status, 200);
    let expected = json!({
        "id": id, "timestamp": "2025-04-01T12:00:00.250000Z", "received_at": log["received_at"],
        "service": "auth-service", "severity": "WARNING", "level": "WARN", "message": "Login failed: \"ü\" \u{0}",
        "trace_id": "t-1", "span_id": "s-1", "host": "web-1",
        "attributes": {"error_code": "E503", "nested": {"a": [1, 2.50, null]}, "user": {"name": "ü"}, "tries": 3},
    });
    assert_eq!(log, expected);
    assert_eq!(same, expected);
    assert_eq!(found, json!([expected]));
}

#[tokio::test]
async fn what_was_not_sent_is_null_or_its_default() {
    let installation = Installation::start();
    let id = post(&installation, &json!({"service": "pay", "message": ""})).await;

    let (_, log) = ask(installation.get(&format!("/logs/{id}"))).await;

    let received_at = log["received_at"].as_str().expect("a time");
    assert!(received_at.starts_with("20") && received_at.ends_with('Z'), "{received_at}");
    let expected = json!({
        "id": id, "timestamp": received_at, "received_at": received_at, "service": "pay", "severity": "INFO",
        "level": "INFO", "message": "", "trace_id": null, "span_id": null, "host": null, "attributes": {},
    });
    assert_eq!(log, expected);
}

#[tokio::test]
async fn logs_of_any_age_are_kept_in_the_order_of_their_times() {
    let installation = Installation::start();
    let times = [
        "2261-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "2025-04-01T12:00:00Z",
        "2100-02-28T00:00:00Z",
    ];
    let logs: Vec<Value> =
        times.iter().map(|time| json!({"service": "pay", "message": "m", "timestamp": time})).collect();
    post(&installation, &logs.into()).await;

    let found = installation.all_logs("order=asc").await;

    let mut expected = times.to_vec();
    expected.sort_unstable();
    let found: Vec<_> = found.iter().map(|log| log["timestamp"].as_str().expect("a time")).collect();
    assert_eq!(found, expected);
}
