//! Quotas and limits that an installation sets, in the programs: they hold, and whoever meets one is told it.

use e2e_tests::installation::ask;
use e2e_tests::{Answer, Installation, Service};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

fn logs(count: usize) -> Value {
    (0..count).map(|n| json!({"service": "s", "message": format!("log {n}")})).collect()
}

/// Asks until the answer is a 429, which has to come.
async fn ask_until_refused(request: impl Fn() -> RequestBuilder) -> Answer {
    for _ in 0..1000 {
        let answer = Answer::to(request()).await;
        if answer.status == 429 {
            return answer;
        }
        assert!(answer.status.is_success(), "{}", answer.text());
    }
    panic!("a thousand requests are taken");
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_how_often_it_may_and_another_is_not() {
    let installation = Installation::start();
    let query = Service::start("query-svc", installation.data.path(), &["--key-requests-per-second", "1"]);
    let other = installation.create_key(&["--scopes", "read"]);
    let ask = |key: &str| Client::new().get(query.url("/stats")).bearer_auth(key);

    let refused = ask_until_refused(|| ask(&installation.key)).await;

    let problem = refused.problem(429, "quota_exceeded").unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("1 requests per second"), "{problem}");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(Answer::to(ask(&other)).await.status, 200);
}

#[tokio::test]
async fn a_batch_beyond_a_keys_records_is_stored_once_and_what_is_refused_is_not_stored() {
    let installation = Installation::start();
    let options = ["--key-records-per-second", "10", "--key-bytes-per-second", "1GiB"];
    let ingest = Service::start("ingest-svc", installation.data.path(), &options);
    let post =
        |count| Client::new().post(ingest.url("/logs")).bearer_auth(&installation.key).json(&logs(count));

    let stored = Answer::to(post(1000)).await;
    let refused = Answer::to(post(1)).await;

    assert_eq!(stored.status, 201, "{}", stored.text());
    let problem = refused.problem(429, "quota_exceeded").unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("10 records per second"), "{problem}");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 60, "{problem}");
    assert_eq!(ask(installation.get("/stats")).await.1["total"], 1000);
}

#[tokio::test]
async fn a_key_that_sends_only_what_cannot_be_stored_is_charged_for_it() {
    let installation = Installation::start();
    let options = ["--key-records-per-second", "10", "--key-bytes-per-second", "1000"];
    let ingest = Service::start("ingest-svc", installation.data.path(), &options);
    let post = async |body: String| {
        let post = Client::new().post(ingest.url("/logs")).bearer_auth(&installation.key).body(body);
        Answer::to(post).await
    };
    let no_service = Value::from(vec![json!({"message": "m"}); 100]).to_string();

    let invalid = post(no_service.clone()).await;
    let records_are_over = post(no_service).await;
    invalid.problem(400, "invalid_records").unwrap();
    let problem = records_are_over.problem(429, "quota_exceeded").unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("10 records per second"), "{problem}");

    let other = installation.create_key(&["--scopes", "ingest"]);
    let post = async |body: String| {
        Answer::to(Client::new().post(ingest.url("/logs")).bearer_auth(&other).body(body)).await
    };
    let malformed = post(format!("[{}", " ".repeat(10_000))).await;
    let mut bytes_are_over = post("[".to_owned()).await;
    malformed.problem(400, "malformed_body").unwrap();
    let problem = bytes_are_over.problem(429, "quota_exceeded").unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("1000 bytes of logs per second"), "{problem}");

    let third = installation.create_key(&["--scopes", "ingest"]);
    let post = async |body: Vec<u8>| {
        let post = Client::new().post(ingest.url("/logs")).bearer_auth(&third);
        Answer::to(post.header("Content-Encoding", "gzip").body(body)).await
    };
    let broken = post(vec![b'x'; 10_000]).await;
    bytes_are_over = post(vec![b'x']).await;
    assert_eq!(broken.status, 400, "{}", broken.text());
    bytes_are_over.problem(429, "quota_exceeded").unwrap();
}

#[tokio::test]
async fn limits_of_records_are_those_that_were_set_and_errors_state_them() {
    let installation = Installation::start();
    let options = ["--message-max", "10B", "--attributes-max-count", "1", "--batch-max-records", "2"];
    for program in ["ingest-svc", "sentinel"] {
        let service = Service::start(program, installation.data.path(), &options);
        let post = async |body: Value| {
            let post = Client::new().post(service.url("/logs")).bearer_auth(&installation.key).json(&body);
            Answer::to(post).await.json()["detail"].as_str().unwrap_or_default().to_owned()
        };
        let refusals = [
            (json!({"service": "s", "message": "eleven char"}), "at most 10 are accepted"),
            (json!({"service": "s", "message": "m", "a": 1, "b": 2}), "at most 1 attributes"),
            (logs(3), "at most 2 records"),
        ];
        for (body, expected) in refusals {
            let detail = post(body).await;
            assert!(detail.contains(expected), "{program}: {detail}");
        }
        assert_eq!(post(logs(2)).await, "");
    }
}

#[tokio::test]
async fn below_the_disks_reserve_logs_are_refused_while_questions_and_deletes_go_on() {
    let installation = Installation::start();
    installation.post_logs(&logs(3)).await;
    let options = ["--disk-reserve", "1000000GiB"];
    let up = Service::start("sentinel", installation.data.path(), &options);
    let client = Client::new();

    let refused =
        Answer::to(client.post(up.url("/logs")).bearer_auth(&installation.key).json(&logs(1))).await;
    let (found, _) = ask(client.get(up.url("/logs")).bearer_auth(&installation.key)).await;
    let (_, deleted) = ask(client.delete(up.url("/logs?service=s")).bearer_auth(&installation.key)).await;

    let problem = refused.problem(507, "storage_full").unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("1073741824000000 bytes"), "{problem}");
    assert_eq!(refused.header("retry-after"), "30");
    assert_eq!((found.as_u16(), &deleted["deleted"]), (200, &json!(3)));
}

#[tokio::test]
async fn a_tenant_has_so_many_exports_and_tails_and_another_has_its_own() {
    let installation = Installation::start();
    let options = ["--tenant-max-exports", "1", "--tenant-max-tails", "1"];
    let query = Service::start("query-svc", installation.data.path(), &options);
    let other = installation.create_key(&["--scopes", "read", "--tenant", "other"]);
    let tail = |key: &str| Client::new().get(query.url("/logs/tail")).bearer_auth(key);

    let held = tail(&installation.key).send().await.unwrap();
    let refused = Answer::to(tail(&installation.key)).await;

    assert_eq!(held.status(), 200);
    let problem = refused.problem(429, "too_many_tails").unwrap();
    assert!(problem["detail"].as_str().unwrap().ends_with("as it may: 1"), "{problem}");
    assert_eq!(Answer::to(tail(&other)).await.status, 200);
}
