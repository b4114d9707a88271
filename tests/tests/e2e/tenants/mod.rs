//! Two tenants on one installation: whatever one of them asks, it never sees what is the other's.
//!
//! Every record of the other tenant says a canary, a word that no request contains. Questions aim at it with its ids,
//! cursors, idempotency keys and parts of the canary; a look with the other's own key shows that they would find it.

mod questions;

use std::sync::atomic::{AtomicUsize, Ordering};

use e2e_tests::installation::ask;
use e2e_tests::{Answer, Installation, Service, seed_from};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use questions::{Known, Question};

/// What only the other tenant's records say.
const CANARY: &str = "zq7canary4711";

/// How many questions are asked: by default, and if the variable says otherwise.
const QUESTIONS: usize = 2000;
const QUESTIONS_VARIABLE: &str = "SENTINEL_TENANT_QUESTIONS";

/// How many of the questions the other tenant asks as well, to see that they can find the canary.
const CONTROLS: usize = 300;

const SEED_VARIABLE: &str = "SENTINEL_TENANT_SEED";

/// Most bytes of an answer that is looked through: a tail has no end.
const LOOKED_AT_BYTES: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn no_question_of_one_tenant_shows_anything_of_the_other() {
    let installation = Installation::start();
    // A tail ends by itself, so that its events can be looked through.
    let query = Service::start("query-svc", installation.data.path(), &["--tail-max-time", "1s"]);
    let other_key =
        installation.create_key(&["--tenant", "other", "--scopes", "ingest,read,delete,alerts,admin"]);
    let known = populate(&installation, &query, &other_key).await;
    let mut rng = StdRng::seed_from_u64(seed_from(SEED_VARIABLE));
    let count = std::env::var(QUESTIONS_VARIABLE).map_or(QUESTIONS, |text| text.parse().expect("a number"));
    let questions: Vec<Question> = (0..count).map(|_| Question::random(&mut rng, &known)).collect();

    let found_by_owner =
        ask_all(&installation, &query, &other_key, &questions[..CONTROLS.min(count)], true).await;
    let found_by_other = ask_all(&installation, &query, &installation.key, &questions, false).await;

    assert!(
        found_by_owner.len() > CONTROLS / 20,
        "the questions hardly aim at the canary: {found_by_owner:?}"
    );
    assert!(found_by_other.is_empty(), "{found_by_other:#?}");
    assert_nothing_is_gone(&installation, &query, &other_key, &known).await;
}

/// Stores records of both tenants, and returns what there is to know of the other's.
async fn populate(installation: &Installation, query: &Service, other_key: &str) -> Known {
    let client = Client::new();
    let (mut ids, mut last) = (Vec::new(), Value::Null);
    let canary_service = format!("service-{CANARY}");
    for number in 0..40 {
        installation.post_logs(&json!({"service": "shared-name", "message": format!("mine {number}")})).await;
        let service = if number % 4 == 0 { canary_service.as_str() } else { "shared-name" };
        let record = json!({
            "service": service, "level": "ERROR", "message": format!("{CANARY} number {number}"),
            "host": format!("host-{CANARY}"), "trace_id": CANARY,
            "category": CANARY, "status": "FAILED", format!("key_{CANARY}"): CANARY,
        });
        let request = client.post(installation.ingest.url("/logs")).bearer_auth(other_key);
        let (status, answer) =
            ask(request.header("Idempotency-Key", format!("batch-{number}")).json(&record)).await;
        assert_eq!(status, 201, "{answer}");
        ids.push(answer["first_id"].as_i64().expect("an id"));
        last = answer;
    }
    assert_eq!(last["accepted"], 1);
    let rule = json!({"name": CANARY, "filter": "service=none", "max_age": "365d"});
    let request = client.post(query.url("/api/v1/retention-rules")).bearer_auth(other_key).json(&rule);
    let (status, rule) = ask(request).await;
    assert_eq!(status, 201, "{rule}");
    let user = json!({"username": CANARY, "password": "ten green bottles", "role": "viewer"});
    let key = json!({"name": CANARY, "scopes": ["read"]});
    for (path, body) in [("/api/v1/users", user), ("/api/v1/keys", key)] {
        let (status, made) = ask(client.post(query.url(path)).bearer_auth(other_key).json(&body)).await;
        assert_eq!(status, 201, "{made}");
    }
    let page = client.get(query.url("/logs?limit=3")).bearer_auth(other_key);
    let cursor = Answer::to(page).await.header("x-next-cursor").to_owned();
    assert!(!cursor.is_empty());
    Known { ids, cursor, rule_id: rule["id"].as_i64().expect("an id") }
}

/// Asks the questions with a key; returns those whose answers say the canary.
async fn ask_all(
    installation: &Installation,
    query: &Service,
    key: &str,
    questions: &[Question],
    only_reading: bool,
) -> Vec<String> {
    const AT_ONCE: usize = 8;
    let next = AtomicUsize::new(0);
    let ask_some = async || {
        let (client, mut found) = (Client::new(), Vec::new());
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(question) = questions.get(index) else { return found };
            if only_reading && !question.only_reads() {
                continue;
            }
            let response = question.request(&client, installation, query).bearer_auth(key).send().await;
            let response = response.expect("the service answers");
            if question.is_to_succeed() {
                assert_eq!(response.status(), 201, "{question}");
            }
            if says_canary(response).await {
                found.push(question.to_string());
            }
        }
    };
    let found = futures_util::future::join_all((0..AT_ONCE).map(|_| ask_some())).await;
    found.into_iter().flatten().collect()
}

async fn says_canary(mut response: Response) -> bool {
    assert!(!response.status().is_server_error(), "{response:?}");
    let mut text = format!("{:?}", response.headers()).into_bytes();
    while let Some(chunk) = response.chunk().await.expect("the answer is complete") {
        text.extend_from_slice(&chunk);
        if text.len() > LOOKED_AT_BYTES {
            break;
        }
    }
    String::from_utf8_lossy(&text).contains(CANARY)
}

/// Whatever was asked, the other tenant still has all that it had.
async fn assert_nothing_is_gone(
    installation: &Installation,
    query: &Service,
    other_key: &str,
    known: &Known,
) {
    let get = |path: &str| installation.client.get(query.url(path)).bearer_auth(other_key);
    let (_, logs) = ask(get("/logs?limit=1000")).await;
    let left: Vec<i64> =
        logs.as_array().expect("a page").iter().filter_map(|log| log["id"].as_i64()).collect();
    let mut expected = known.ids.clone();
    expected.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(left, expected);
    let (_, rules) = ask(get("/api/v1/retention-rules")).await;
    assert!(rules.to_string().contains(CANARY), "{rules}");
}

/// The way in which a part of a question is chosen.
fn one_of<'a, T: ?Sized>(rng: &mut StdRng, choices: &[&'a T]) -> &'a T {
    choices[rng.random_range(0..choices.len())]
}
