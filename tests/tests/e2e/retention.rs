//! Retention rules with the real programs: what a preview says is what is deleted, by itself, by any number of
//! processes; and what is no rule is refused.

use std::time::Duration;

use e2e_tests::installation::ask;
use e2e_tests::{Answer, Installation, Printed, Service};
use reqwest::Client;
use serde_json::{Value, json};
use testkit::wait_until;

const RULES: &str = "/api/v1/retention-rules";
const PATIENCE: Duration = Duration::from_secs(60);

/// Bodies of rules that are refused with 400, and the code of the problem.
const BAD_RULES: [(&str, &str); 32] = [
    ("", "malformed_body"),
    ("[]", "malformed_body"),
    ("null", "malformed_body"),
    ("{", "malformed_body"),
    ("max_age=1d", "malformed_body"),
    (r#"{"max_age":"1d"}"#, "malformed_body"),
    (r#"{"name":null,"max_age":"1d"}"#, "malformed_body"),
    (r#"{"name":7,"max_age":"1d"}"#, "malformed_body"),
    (r#"{"name":"n","max_age":30}"#, "malformed_body"),
    (r#"{"name":"n","max_bytes":-5}"#, "malformed_body"),
    (r#"{"name":"n","max_age":"1d","tenant":"other"}"#, "malformed_body"),
    (r#"{"name":"n","max_age":"1d","max_age":"2d"}"#, "malformed_body"),
    (r#"{"name":"n","max_age":"1d","id":7}"#, "malformed_body"),
    (r#"{"name":"n"}"#, "invalid_rule"),
    (r#"{"name":"n","filter":"service=pay"}"#, "invalid_rule"),
    (r#"{"name":"","max_age":"1d"}"#, "invalid_rule"),
    (r#"{"name":"a\nb","max_age":"1d"}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":""}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":"soon"}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":"-1d"}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":"0s"}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":"1.5d"}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":"99999999999999999999w"}"#, "invalid_rule"),
    (r#"{"name":"n","max_bytes":"-5GiB"}"#, "invalid_rule"),
    (r#"{"name":"n","max_bytes":"0"}"#, "invalid_rule"),
    (r#"{"name":"n","max_bytes":"much"}"#, "invalid_rule"),
    (r#"{"name":"n","max_bytes":"99999999999TiB"}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":"1d","filter":"from=now-1h"}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":"1d","filter":"received_at_end=now"}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":"1d","filter":"colour=blue"}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":"1d","filter":"q=(a"}"#, "invalid_rule"),
    (r#"{"name":"n","max_age":"1d","filter":"service=%ff"}"#, "invalid_rule"),
];

#[tokio::test]
async fn two_processes_delete_once_what_the_preview_said_and_nothing_else() {
    let mut installation = Installation::start();
    // What is slow must not let this one take part as well, a minute after its start.
    installation.query =
        Service::start("query-svc", installation.data.path(), &["--retention-interval", "0"]);
    post(&installation, "auth", 7).await;
    post(&installation, "pay", 5).await;
    let rule = json!({"name": "short", "filter": "service=auth", "max_age": "1s"});

    let preview = wait_until("the logs are old enough", PATIENCE, async || {
        let preview = post_rule(&installation, "?dry_run=true", rule.to_string()).await.json();
        (preview["would_delete"] == 7).then_some(preview)
    })
    .await;
    let untouched = installation.all_logs("").await.len();
    let answer = post_rule(&installation, "", rule.to_string()).await;
    let made = answer.json();
    let services = [(); 2].map(|()| with_retention("query-svc", &installation));
    let printed = services.each_ref().map(Service::printed);
    let deleted = || printed.iter().map(|printed| deleted_by(printed, &made["id"])).sum::<u64>();
    // Said after it is done: whoever only looks at the logs could end a process before it has said so.
    wait_until("a deletion is logged", PATIENCE, async || (deleted() > 0).then_some(())).await;
    let ended = services.map(Service::stop);

    assert_eq!((answer.status.as_u16(), &made["name"], untouched), (201, &json!("short"), 12));
    assert!(preview["id"].is_null() && preview["keeps_from"].is_string(), "{preview}");
    assert!(ended.iter().all(std::process::ExitStatus::success), "{ended:?}");
    assert_eq!(deleted(), 7);
    assert_eq!(installation.all_logs("").await.len(), 5);
    let (_, stats) = ask(installation.get("/stats")).await;
    assert_eq!(stats["logs_per_service"], json!({"pay": 5}));
}

#[tokio::test]
async fn a_rule_outlives_a_restart_and_sentinel_up_applies_it_to_its_own_tenant_only() {
    let mut installation = Installation::start();
    let other = installation.create_key(&["--tenant", "other", "--scopes", "ingest,read,delete"]);
    let log = json!({"service": "auth", "message": "theirs"});
    let theirs = installation.client.post(installation.ingest.url("/logs")).bearer_auth(&other).json(&log);
    assert_eq!(ask(theirs).await.0, 201);
    post(&installation, "auth", 3).await;
    let rule = r#"{"name":"all","max_age":"1s"}"#;
    let made = post_rule(&installation, "", rule).await;
    assert_eq!(made.status, 201, "{}", made.text());

    installation.query.crash();
    installation.query.start_again();
    installation.forget_connections();
    let (_, listed) = ask(installation.get(RULES)).await;
    let up = with_retention("sentinel", &installation);
    wait_until("the old logs are deleted", PATIENCE, async || {
        installation.all_logs("").await.is_empty().then_some(())
    })
    .await;
    let of_other = ask(installation.client.get(installation.query.url("/logs")).bearer_auth(&other)).await.1;
    let removal = installation.delete(&format!("{RULES}/{}", made.json()["id"]));
    let removed = Answer::to(removal).await;
    let (_, none) = ask(Client::new().get(up.url(RULES)).bearer_auth(&installation.key)).await;

    assert_eq!(listed, json!({"rules": [made.json()]}));
    assert_eq!((of_other[0]["message"].as_str(), removed.status.as_u16()), (Some("theirs"), 204));
    assert_eq!(none, json!({"rules": []}));
    assert!(up.stop().success());
}

#[tokio::test]
async fn what_is_no_rule_is_400_with_a_reason_and_makes_none() {
    let installation = Installation::start();

    let mut wrong = Vec::new();
    for (body, code) in BAD_RULES {
        for query in ["", "?dry_run=true"] {
            let answer = post_rule(&installation, query, body).await;
            wrong.extend(answer.problem(400, code).err().map(|error| format!("{query} {body}: {error}")));
        }
    }
    let good = r#"{"name":"n","max_age":"1d"}"#;
    for (query, code) in [
        ("?dry_run=maybe", "invalid_parameter"),
        ("?limit=1", "unknown_parameter"),
        ("?a=%ff", "invalid_query"),
    ] {
        let answer = post_rule(&installation, query, good).await;
        wrong.extend(answer.problem(400, code).err().map(|error| format!("{query}: {error}")));
    }
    let long = format!(r#"{{"name":"n","max_age":"1d","filter":"service={}"}}"#, "x".repeat(40_000));
    let answer = post_rule(&installation, "", long).await;
    wrong.extend(answer.problem(400, "invalid_rule").err());
    for (path, status, code) in
        [("abc", 400, "invalid_parameter"), ("7", 404, "not_found"), ("-1", 404, "not_found")]
    {
        let answer = Answer::to(installation.delete(&format!("{RULES}/{path}"))).await;
        wrong.extend(answer.problem(status, code).err().map(|error| format!("DELETE {path}: {error}")));
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(ask(installation.get(RULES)).await.1, json!({"rules": []}));
}

async fn post(installation: &Installation, service: &str, count: usize) {
    let logs: Vec<Value> =
        (0..count).map(|n| json!({"service": service, "message": format!("log {n}")})).collect();
    installation.post_logs(&logs.into()).await;
}

async fn post_rule(installation: &Installation, query: &str, body: impl Into<String>) -> Answer {
    let url = installation.query.url(&format!("{RULES}{query}"));
    Answer::to(installation.client.post(url).bearer_auth(&installation.key).body(body.into())).await
}

/// Starts one more program on the installation's data that applies rules every second.
fn with_retention(name: &str, installation: &Installation) -> Service {
    Service::start(name, installation.data.path(), &["--retention-interval", "1s"])
}

/// Returns how many logs a process says to have deleted by a rule.
fn deleted_by(printed: &Printed, rule_id: &Value) -> u64 {
    let events = printed.stderr().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let by_rule = events.filter(|event| event["rule_id"] == *rule_id && event["tenant"] == "default");
    by_rule.filter_map(|event| event["deleted"].as_u64()).sum()
}
