//! The routes over the reference stores, for what needs no real program.
//!
//! * here: texts, envelopes, rules
//! * `keys` API keys and the audit log
//! * `streams` the live tail and exports
//! * `searches` searches by a body, recent logs, the context of a log, explanations
//! * `out_of_time` what is answered when a search does not come to its end
//! * `walks` walks through pages while logs arrive and are deleted

mod keys;
mod out_of_time;
mod searches;
mod streams;
mod walks;

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use domain::limits::RETENTION_RULES_MAX;
use domain::{Clock, ScopeSet, Timestamp};
use poem::http::Method;
use poem::{Endpoint, Request, Response};
use sentinel_http::{Readiness, Service};
use serde_json::{Value, json};
use store::{Append, KeyDigest, LogStore, MemoryKeyStore, MemoryLogStore, NewKey, Stores};
use testkit::RecordBuilder;
use testkit::build::{NOON_MICROS, batch, record, tenant};

use super::Context;
use crate::Config;

/// Longer than any test waits.
const QUERY_TIMEOUT: Duration = Duration::from_secs(600);

/// A clock that stands at one minute after noon.
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::saturating_from_micros(NOON_MICROS + 60_000_000)
    }
}

/// Returns the keys `key-a` and `key-b`, which may do everything in the tenant of that name.
fn two_keys() -> MemoryKeyStore {
    let key = |owner: &str| {
        let text = format!("key-{owner}");
        let new = NewKey {
            id: owner.to_owned(),
            digest: KeyDigest::of(&text),
            name: owner.to_owned(),
            tenant: tenant(owner),
            scopes: ScopeSet::ALL,
            service: None,
            created_at: Timestamp::MIN,
            expires_at: None,
        };
        (new.digest, new.into_record())
    };
    MemoryKeyStore::from_iter([key("a"), key("b")])
}

/// Starts the service with these records of the tenant `a`.
pub(crate) async fn service(records: &[RecordBuilder]) -> Service {
    service_that_answers_within(QUERY_TIMEOUT, records).await
}

/// Starts the service with these records of the tenant `a`, and with so much time for every question.
pub(crate) async fn service_that_answers_within(timeout: Duration, records: &[RecordBuilder]) -> Service {
    let logs = MemoryLogStore::default();
    if !records.is_empty() {
        append(&logs, records).await;
    }
    service_within(timeout, Arc::new(logs))
}

/// Stores records of the tenant `a`; returns the first one's id.
async fn append(logs: &dyn LogStore, records: &[RecordBuilder]) -> i64 {
    let append = Append { tenant: tenant("a"), batch: batch(records), idempotency: None };
    logs.append(append).await.unwrap().first_id
}

/// Starts the service over a store of logs.
fn service_over(logs: Arc<dyn LogStore>) -> Service {
    service_within(QUERY_TIMEOUT, logs)
}

fn service_within(timeout: Duration, logs: Arc<dyn LogStore>) -> Service {
    let stores = Stores { logs, keys: Arc::new(two_keys()), ..Stores::in_memory() };
    let config = Config::parse_from(["query-svc", "--docs", "off"]);
    let readiness = Readiness::default();
    let mut context = Context::new(&stores, &config.read, &readiness, Arc::new(StandingClock));
    context.query_timeout = timeout;
    let built = crate::app::around(&context, stores, readiness, &config, Arc::default());
    built.expect("every operation declares its scope")
}

pub(crate) async fn ask_as(
    service: &Service,
    key: &str,
    method: Method,
    uri: &str,
    body: &str,
) -> (u16, Value) {
    let request = Request::builder().method(method).uri_str(uri).header("X-API-Key", key);
    let response = service.endpoint.get_response(request.body(body.to_owned())).await;
    let status = response.status().as_u16();
    let body = response.into_body().into_bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

pub(crate) async fn get(service: &Service, uri: &str) -> (u16, Value) {
    ask_as(service, "key-a", Method::GET, uri, "").await
}

/// Asks with the key `key-a`; returns the whole answer.
async fn get_response(service: &Service, uri: &str) -> Response {
    let request = Request::builder().method(Method::GET).uri_str(uri).header("X-API-Key", "key-a");
    service.endpoint.get_response(request.finish()).await
}

/// Returns the address in a header `Link` of `GET /logs`. Its path comes from the connection, which there is none of here.
fn linked(link: &str) -> String {
    let (query, _) = link.split_once('?').unwrap().1.split_once(">; rel=\"next\"").unwrap();
    format!("/logs?{query}")
}

async fn post_rule(service: &Service, query: &str, rule: &Value) -> (u16, Value) {
    let uri = format!("/api/v1/retention-rules{query}");
    ask_as(service, "key-a", Method::POST, &uri, &rule.to_string()).await
}

fn messages(logs: &Value) -> Vec<&str> {
    let logs = logs.as_array().unwrap_or_else(|| panic!("an array of logs, not {logs}"));
    logs.iter().map(|log| log["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn words_phrases_and_parts_are_found_and_deleted() {
    let texts = ["connection reset by peer", "Connection  reset", "stack overflow in worker", "timeouts: 3"];
    let records: Vec<_> = texts.iter().zip(0..).map(|(text, n)| record(text).at(n)).collect();
    let service = service(&records).await;
    let cases = [
        ("connection", vec![texts[1], texts[0]]),
        ("RESET+Connection", vec![texts[1], texts[0]]),
        ("%22connection+reset%22", vec![texts[0]]),
        ("timeout", vec![]),
        ("*timeout*", vec![texts[3]]),
        ("*flow*+AND+worker", vec![texts[2]]),
        ("nothing", vec![]),
        ("", vec![texts[3], texts[2], texts[1], texts[0]]),
    ];
    for (q, expected) in cases {
        for name in ["q", "query"] {
            let (status, found) = get(&service, &format!("/logs?{name}={q}")).await;
            assert_eq!((status, messages(&found)), (200, expected.clone()), "{name}={q}");
        }
    }

    let (_, deleted) = ask_as(&service, "key-a", Method::DELETE, "/logs?q=*flow*", "").await;
    assert_eq!(deleted["deleted"], 1, "{deleted}");
    assert_eq!(get(&service, "/logs?q=worker").await.1, json!([]));
    let (status, refused) = ask_as(&service, "key-a", Method::DELETE, "/logs?q=", "").await;
    assert_eq!((status, &refused["code"]), (400, &json!("filter_required")));
}

#[tokio::test]
async fn a_query_that_does_not_parse_is_400_with_a_caret_everywhere() {
    let service = service(&[]).await;
    for path in ["/logs", "/api/v1/logs", "/api/v1/metrics/timeseries"] {
        let (status, problem) = get(&service, &format!("{path}?q=slow%20AND%20)late")).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_parameter")), "{path}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("parameter q: at byte 9: "), "{detail}");
        assert!(detail.ends_with("\nslow AND )late\n         ^"), "{detail}");
    }
}

#[tokio::test]
async fn an_envelope_has_the_page_and_the_exact_number_of_all() {
    let records: Vec<_> = (0..7).map(|n| record(&format!("log {n}")).at(n)).collect();
    let service = service(&records).await;

    let (status, first) = get(&service, "/api/v1/logs?page_size=3&q=log").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = get(&service, &format!("/api/v1/logs?limit=3&q=log&cursor={cursor}")).await;
    let (_, last) = get(&service, "/api/v1/logs?page=3&page_size=3").await;
    let (_, none) = get(&service, "/api/v1/logs?service=nobody").await;

    assert_eq!(status, 200);
    let mut names: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["complete", "logs", "next_cursor", "page", "page_size", "query_time_ms", "total"]);
    let pages = [
        (&first, vec!["log 6", "log 5", "log 4"], json!(1)),
        (&second, vec!["log 3", "log 2", "log 1"], json!(null)),
        (&last, vec!["log 0"], json!(3)),
    ];
    for (page, expected, number) in pages {
        assert_eq!(messages(&page["logs"]), expected);
        assert_eq!((&page["total"], &page["page_size"], &page["page"]), (&json!(7), &json!(3), &number));
        assert!(page["query_time_ms"].as_f64().is_some_and(|ms| ms >= 0.0), "{page}");
    }
    assert!(last["next_cursor"].is_null() && second["next_cursor"].is_string());
    assert_eq!((&none["logs"], &none["total"], &none["page_size"]), (&json!([]), &json!(0), &json!(100)));
}

#[tokio::test]
async fn a_rule_is_made_listed_previewed_and_removed_by_its_own_tenant_only() {
    let old = |n: i64| record(&format!("old {n}")).received_micros(NOON_MICROS - 86_400_000_000 * n);
    let service = service(&[old(1), old(2), old(3)]).await;
    let rule = json!({"name": "two days", "filter": "q=old", "max_age": "48h", "max_bytes": "1048576"});

    let (dry_status, dry) = post_rule(&service, "?dry_run=true", &rule).await;
    let (_, none_yet) = get(&service, "/api/v1/retention-rules").await;
    let (status, made) = post_rule(&service, "", &rule).await;
    let (_, listed) = get(&service, "/api/v1/retention-rules").await;
    let (_, previews) = get(&service, "/api/v1/retention-rules/preview").await;
    let as_b = |method, uri| ask_as(&service, "key-b", method, uri, "");
    let (_, theirs) = as_b(Method::GET, "/api/v1/retention-rules").await;
    let (_, their_previews) = as_b(Method::GET, "/api/v1/retention-rules/preview").await;
    let (not_theirs, _) = as_b(Method::DELETE, "/api/v1/retention-rules/1").await;
    let (removed, _) = ask_as(&service, "key-a", Method::DELETE, "/api/v1/retention-rules/1", "").await;
    let (gone, problem) = ask_as(&service, "key-a", Method::DELETE, "/api/v1/retention-rules/1", "").await;

    let preview = |id: Value| json!({"id": id, "name": "two days", "would_delete": 2, "keeps_from": "2025-03-30T12:01:00Z"});
    assert_eq!((dry_status, dry), (200, preview(json!(null))));
    assert_eq!(none_yet, json!({"rules": []}));
    let expected = json!({
        "id": 1, "name": "two days", "filter": "q=old", "max_age": "2d", "max_bytes": "1MiB",
        "created_at": "2025-04-01T12:01:00Z",
    });
    assert_eq!((status, &made), (201, &expected));
    assert_eq!(listed, json!({"rules": [made]}));
    assert_eq!(previews, json!({"previews": [preview(json!(1))]}));
    assert_eq!((theirs, their_previews), (json!({"rules": []}), json!({"previews": []})));
    assert_eq!((not_theirs, removed, gone, &problem["code"]), (404, 204, 404, &json!("not_found")));
    assert_eq!(messages(&get(&service, "/logs").await.1).len(), 3, "previews delete nothing");
}

#[tokio::test]
async fn one_rule_too_many_is_a_conflict_that_states_the_limit() {
    let service = service(&[]).await;
    let rule = json!({"name": "n", "max_age": "1d"});
    for _ in 0..RETENTION_RULES_MAX {
        assert_eq!(post_rule(&service, "", &rule).await.0, 201);
    }

    let (status, problem) = post_rule(&service, "", &rule).await;

    assert_eq!((status, &problem["code"]), (409, &json!("too_many_rules")));
    assert!(problem["detail"].as_str().unwrap().contains("100 rules"), "{problem}");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_rule_is_said_at_once() {
    let service = service(&[]).await;
    let rule = json!({"name": "", "filter": "from=now-1h", "max_age": "soon", "max_bytes": "-1GiB"});

    let (status, problem) = post_rule(&service, "", &rule).await;

    assert_eq!((status, &problem["code"]), (400, &json!("invalid_rule")));
    let detail = problem["detail"].as_str().unwrap();
    for reason in [
        "name: a rule's name",
        "filter: unknown parameter \"from\"",
        "max_age: expected an age",
        "max_bytes: expected a size",
    ] {
        assert!(detail.contains(reason), "{reason} in {detail}");
    }
}
