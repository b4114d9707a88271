//! Keys that are missing, wrong, revoked, sent twice, or sent in another way.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use e2e_tests::installation::sentinel;
use e2e_tests::{Answer, Installation};
use reqwest::RequestBuilder;
use serde_json::json;

/// The headers of a request.
type Headers = Vec<(&'static str, String)>;

#[tokio::test]
async fn without_a_key_that_works_there_is_a_401_on_both_services() {
    let installation = Installation::start();
    let revoked = revoked_key(&installation);
    let key = &installation.key;
    let mut mistyped = key.clone();
    mistyped.pop();

    let cases: Vec<Headers> = vec![
        vec![],
        bearer("unknown"),
        bearer(&mistyped),
        bearer(&key.to_lowercase()),
        bearer(&revoked),
        vec![("x-api-key", revoked.clone())],
        vec![("authorization", key.clone())],
        vec![("authorization", "Bearer".to_owned())],
        vec![("authorization", "Bearer ".to_owned())],
        vec![("authorization", format!("Digest {key}"))],
        vec![("authorization", format!("Bearer{key}"))],
        vec![("authorization", "Basic !!!".to_owned())],
        vec![("authorization", basic(key))],
        vec![("authorization", basic("user:"))],
        vec![("authorization", basic(&format!("{key}:wrong")))],
        vec![("x-api-key", String::new())],
        vec![("x-api-key", format!("Bearer {key}"))],
        vec![("api-key", key.clone())],
    ];

    for headers in cases {
        for (what, request) in requests(&installation) {
            let answer = Answer::to(with(request, &headers)).await;
            let problem =
                answer.problem(401, "unauthorized").unwrap_or_else(|e| panic!("{what} {headers:?}: {e}"));
            assert_eq!(problem["error"], "Who are you?", "{what} {headers:?}");
            assert!(answer.header("www-authenticate").starts_with("Bearer "), "{what} {headers:?}");
        }
    }
    assert_eq!(total(&installation).await, 0);
}

#[tokio::test]
async fn the_question_is_asked_in_spanish_too() {
    let installation = Installation::start();

    for (language, question) in [
        ("es", "Quién sos, bro?"),
        ("es-AR,en;q=0.5", "Quién sos, bro?"),
        ("en", "Who are you?"),
        ("de", "Who are you?"),
    ] {
        for (what, request) in requests(&installation) {
            let answer = Answer::to(request.header("accept-language", language)).await;
            let problem = answer.problem(401, "unauthorized").unwrap();
            assert_eq!(
                (&problem["error"], &problem["title"]),
                (&json!(question), &json!(question)),
                "{what} {language}"
            );
        }
    }
}

#[tokio::test]
async fn a_key_works_in_every_place_that_may_carry_it() {
    let installation = Installation::start();
    let key = &installation.key;

    let cases: Vec<Headers> = vec![
        bearer(key),
        vec![("authorization", format!("bearer {key}"))],
        vec![("authorization", format!("Token {key}"))],
        vec![("authorization", basic(&format!("anybody:{key}")))],
        vec![("authorization", basic(&format!(":{key}")))],
        vec![("x-api-key", key.clone())],
        vec![("authorization", format!("Bearer {key}")), ("x-api-key", key.clone())],
        vec![("authorization", format!("Token {key}")), ("authorization", basic(&format!("u:{key}")))],
    ];

    let posts = cases.len();
    for headers in cases {
        for (what, request) in requests(&installation) {
            let answer = Answer::to(with(request, &headers)).await;
            let expected = if what == "POST" { 201 } else { 200 };
            assert_eq!(answer.status, expected, "{what} {headers:?}: {}", answer.text());
        }
    }
    assert_eq!(total(&installation).await, posts);
}

#[tokio::test]
async fn two_different_credentials_are_400_even_if_one_works() {
    let installation = Installation::start();
    let other = installation.create_key(&["--scopes", "ingest,read,delete"]);
    let key = &installation.key;

    let cases: Vec<Headers> = vec![
        vec![("authorization", format!("Bearer {key}")), ("x-api-key", other.clone())],
        vec![("authorization", format!("Bearer {key}")), ("authorization", format!("Bearer {other}"))],
        vec![("authorization", format!("Bearer {key}")), ("x-api-key", "unknown".to_owned())],
        vec![("authorization", format!("Digest {key}")), ("x-api-key", key.clone())],
        vec![("x-api-key", key.clone()), ("x-api-key", other)],
    ];

    for headers in cases {
        for (what, request) in requests(&installation) {
            let answer = Answer::to(with(request, &headers)).await;
            answer.problem(400, "twofold_credentials").unwrap_or_else(|e| panic!("{what} {headers:?}: {e}"));
        }
    }
    assert_eq!(total(&installation).await, 0);
}

#[tokio::test]
async fn a_key_without_the_scope_is_403() {
    let installation = Installation::start();
    installation.post_logs(&json!({"service": "pay", "message": "kept"})).await;
    let sender = installation.create_key(&["--scopes", "ingest"]);
    let reader = installation.create_key(&["--scopes", "read"]);

    let client = &installation.client;
    let (ingest, query) = (installation.ingest.url("/logs"), installation.query.url("/logs?service=pay"));
    let body = json!({"service": "pay", "message": "not stored"});
    let cases = [
        ("read", client.get(&query).bearer_auth(&sender)),
        ("read", client.get(installation.query.url("/stats")).bearer_auth(&sender)),
        ("read", client.get(installation.query.url("/logs/1")).bearer_auth(&sender)),
        ("delete", client.delete(&query).bearer_auth(&sender)),
        ("delete", client.delete(&query).bearer_auth(&reader)),
        ("ingest", client.post(&ingest).bearer_auth(&reader).json(&body)),
    ];

    for (scope, request) in cases {
        let problem = Answer::to(request).await.problem(403, "missing_scope").unwrap();
        assert_eq!(problem["detail"], format!("the API key lacks the scope {scope}"));
    }
    assert_eq!(total(&installation).await, 1);
}

/// A request to each keyed operation, without a key.
fn requests(installation: &Installation) -> [(&'static str, RequestBuilder); 4] {
    let (client, query) = (&installation.client, &installation.query);
    let body = json!({"service": "pay", "message": "m"});
    [
        ("POST", client.post(installation.ingest.url("/logs")).json(&body)),
        ("GET", client.get(query.url("/logs"))),
        ("stats", client.get(query.url("/stats"))),
        ("DELETE", client.delete(query.url("/logs?service=none"))),
    ]
}

fn with(request: RequestBuilder, headers: &Headers) -> RequestBuilder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
}

fn bearer(key: &str) -> Headers {
    vec![("authorization", format!("Bearer {key}"))]
}

fn basic(user_and_password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(user_and_password))
}

/// Makes a key with every scope, and revokes it.
fn revoked_key(installation: &Installation) -> String {
    let key = installation.create_key(&["--scopes", "ingest,read,delete"]);
    let id = key.split('_').nth(1).expect("a key is ls_<id>_<secret>");
    let output = sentinel(&["keys", "revoke", id], installation.data.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    key
}

async fn total(installation: &Installation) -> usize {
    installation.all_logs("").await.len()
}
