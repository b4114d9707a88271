//! What a service tells everybody, without a key.

use e2e_tests::{Answer, Installation, Service};
use reqwest::Client;
use serde_json::json;

const OPEN: [&str; 7] = ["/", "/health", "/status", "/livez", "/readyz", "/docs", "/openapi.json"];

#[tokio::test]
async fn open_routes_need_no_key_and_do_not_mind_a_wrong_one() {
    let installation = Installation::start();

    for service in [&installation.ingest, &installation.query] {
        for path in OPEN {
            let without = Answer::to(installation.client.get(service.url(path))).await;
            let with_wrong =
                Answer::to(installation.client.get(service.url(path)).bearer_auth("wrong")).await;
            assert_eq!((without.status.as_u16(), with_wrong.status.as_u16()), (200, 200), "{path}");
            assert!(!without.header("x-request-id").is_empty(), "{path}");
            assert_eq!(without.header("x-content-type-options"), "nosniff", "{path}");
        }
    }
}

#[tokio::test]
async fn they_say_what_they_are_for() {
    let installation = Installation::start();

    for (service, name) in [(&installation.ingest, "ingest-svc"), (&installation.query, "query-svc")] {
        let hint = get(&installation.client, service, "/", "application/json").await;
        assert_eq!(hint.json()["service"], name);
        assert_eq!((hint.json()["docs"].clone(), hint.header("vary")), (json!("/docs"), "Accept"));
        for path in ["/health", "/status", "/readyz"] {
            let report = get(&installation.client, service, path, "*/*").await.json();
            assert_eq!((&report["status"], &report["service"]), (&json!("ok"), &json!(name)), "{path}");
        }
        assert_eq!(get(&installation.client, service, "/livez", "*/*").await.json()["status"], "ok");
        let docs = get(&installation.client, service, "/docs", "text/html").await;
        assert!(docs.header("content-type").starts_with("text/html") && docs.text().contains("SwaggerUI"));
        let document = get(&installation.client, service, "/openapi.json", "*/*").await;
        assert_eq!(document.header("content-type"), "application/json");
        assert!(document.json()["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    }
}

#[tokio::test]
async fn a_browser_gets_a_page_at_the_root() {
    let installation = Installation::start();
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    for service in [&installation.ingest, &installation.query] {
        let page = get(&installation.client, service, "/", browser).await;
        assert!(page.header("content-type").starts_with("text/html"), "{}", page.header("content-type"));
        assert!(page.text().starts_with("<!doctype html>") && page.text().contains("/docs"));
    }
}

async fn get(client: &Client, service: &Service, path: &str, accept: &str) -> Answer {
    let answer = Answer::to(client.get(service.url(path)).header("accept", accept)).await;
    assert_eq!(answer.status, 200, "{path}");
    answer
}
