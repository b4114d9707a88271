//! `Idempotency-Key`: a repeat stores nothing and gives the first answer again.

use e2e_tests::{Answer, Installation};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// Two good records and one that is rejected: the first answer tells of all three.
fn batch() -> Value {
    json!([
        {"service": "orders", "message": "first"},
        {"service": "orders", "message": "second", "severity": "no such severity"},
        {"service": "orders", "message": "third"},
    ])
}

fn post(installation: &Installation, key: &str, logs: &Value) -> RequestBuilder {
    installation.post("/logs").header("Idempotency-Key", key).json(logs)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_copies_of_a_batch_at_once_are_stored_once_and_answered_alike() {
    let installation = Installation::start();
    let mut differing = Vec::new();
    let rounds = 20;

    for round in 0..rounds {
        let copy = || Answer::to(post(&installation, &format!("batch-{round}"), &batch()));
        let (first, second, third) = tokio::join!(copy(), copy(), copy());
        let answers = [first, second, third].map(|answer| (answer.status, answer.text()));
        if answers[0].0 != 201 || answers.iter().any(|answer| *answer != answers[0]) {
            differing.push(answers);
        }
    }

    assert!(differing.is_empty(), "{differing:#?}");
    let logs = installation.all_logs("").await;
    assert_eq!(logs.len(), 2 * rounds);
}

#[tokio::test]
async fn a_key_that_comes_back_with_another_body_is_refused_and_nothing_is_stored() {
    let installation = Installation::start();
    let first = Answer::to(post(&installation, "k1", &batch())).await;
    let other = json!([{"service": "orders", "message": "another"}]);

    let refused = Answer::to(post(&installation, "k1", &other)).await;
    let elsewhere = installation.create_key(&["--tenant", "elsewhere", "--scopes", "ingest"]);
    let of_another_tenant =
        installation.client.post(installation.ingest.url("/logs")).header("Idempotency-Key", "k1");
    let of_another_tenant = Answer::to(of_another_tenant.bearer_auth(elsewhere).json(&other)).await;

    assert_eq!(first.status, 201, "{}", first.text());
    refused.problem(422, "idempotency_conflict").unwrap();
    assert_eq!(of_another_tenant.status, 201, "a tenant's keys are its own: {}", of_another_tenant.text());
    assert_eq!(installation.all_logs("").await.len(), 2);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_also_after_the_service_was_stopped_or_killed() {
    let mut installation = Installation::start();
    let first = Answer::to(post(&installation, "k1", &batch())).await;
    let between = installation.post_logs(&json!({"service": "orders", "message": "in between"})).await;

    installation.ingest.ask_to_stop();
    assert!(installation.ingest.wait_for_end().success());
    installation.ingest.start_again();
    installation.forget_connections();
    let after_stop = Answer::to(post(&installation, "k1", &batch())).await;
    installation.ingest.crash();
    installation.ingest.start_again();
    installation.forget_connections();
    let after_kill = Answer::to(post(&installation, "k1", &batch())).await;
    let other = json!({"service": "orders", "message": "another"});
    let refused = Answer::to(post(&installation, "k1", &other)).await;

    assert_eq!((first.status.as_u16(), &first.json()["rejected"]), (201, &json!(1)), "{}", first.text());
    assert!(between["first_id"].as_i64() > first.json()["last_id"].as_i64());
    assert_eq!((after_stop.status, after_stop.text()), (first.status, first.text()));
    assert_eq!((after_kill.status, after_kill.text()), (first.status, first.text()));
    refused.problem(422, "idempotency_conflict").unwrap();
    assert_eq!(installation.all_logs("").await.len(), 3);
}
