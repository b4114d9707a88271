//! Who may do what: every operation of both services, with no key and with keys of one scope each.

use std::collections::BTreeSet;

use e2e_tests::installation::ask;
use e2e_tests::{Answer, Installation, Service};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// An operation, and the status it answers with: without a key, and with one that may only ingest, read, delete, keep
/// alerts, keep keys.
type Row = (&'static str, &'static str, [u16; 6]);

/// Who asks.
struct Caller {
    name: &'static str,
    key: Option<String>,
}

const INGEST_SVC: &[Row] = &[
    ("GET", "/", [200, 200, 200, 200, 200, 200]),
    ("GET", "/health", [200, 200, 200, 200, 200, 200]),
    ("GET", "/livez", [200, 200, 200, 200, 200, 200]),
    ("GET", "/metrics", [200, 200, 200, 200, 200, 200]),
    ("GET", "/readyz", [200, 200, 200, 200, 200, 200]),
    ("GET", "/status", [200, 200, 200, 200, 200, 200]),
    ("POST", "/logs", [401, 201, 403, 403, 403, 403]),
    ("POST", "/api/v1/logs", [401, 201, 403, 403, 403, 403]),
    ("POST", "/api/v1/logs/batch", [401, 201, 403, 403, 403, 403]),
    ("POST", "/v1/logs", [401, 200, 403, 403, 403, 403]),
    ("POST", "/loki/api/v1/push", [401, 204, 403, 403, 403, 403]),
    // What is posted here is a log, and no bulk request.
    ("POST", "/elasticsearch/_bulk", [401, 400, 403, 403, 403, 403]),
    ("PUT", "/elasticsearch/_bulk", [401, 400, 403, 403, 403, 403]),
    ("POST", "/elasticsearch/{index}/_bulk", [401, 400, 403, 403, 403, 403]),
    ("PUT", "/elasticsearch/{index}/_bulk", [401, 400, 403, 403, 403, 403]),
    ("GET", "/elasticsearch", [401, 200, 403, 403, 403, 403]),
    ("GET", "/elasticsearch/", [401, 200, 403, 403, 403, 403]),
    ("GET", "/elasticsearch/_license", [401, 200, 403, 403, 403, 403]),
    ("GET", "/elasticsearch/_xpack", [401, 200, 403, 403, 403, 403]),
    ("GET", "/elasticsearch/_cluster/health", [401, 200, 403, 403, 403, 403]),
    ("GET", "/elasticsearch/_cat/health", [401, 200, 403, 403, 403, 403]),
    ("GET", "/elasticsearch/_index_template/{name}", [401, 200, 403, 403, 403, 403]),
    ("PUT", "/elasticsearch/_index_template/{name}", [401, 200, 403, 403, 403, 403]),
    ("GET", "/elasticsearch/_ilm/policy/{name}", [401, 200, 403, 403, 403, 403]),
    ("PUT", "/elasticsearch/_ilm/policy/{name}", [401, 200, 403, 403, 403, 403]),
    ("GET", "/elasticsearch/_ingest/pipeline/{name}", [401, 200, 403, 403, 403, 403]),
    ("PUT", "/elasticsearch/_ingest/pipeline/{name}", [401, 200, 403, 403, 403, 403]),
    ("GET", "/elasticsearch/{index}", [401, 200, 403, 403, 403, 403]),
];

/// Routes of other protocols, whose errors are no problems.
const IN_SHAPES_OF_THEIR_OWN: [&str; 2] = ["/v1/logs", "/loki/api/v1/push"];

const QUERY_SVC: &[Row] = &[
    ("GET", "/", [200, 200, 200, 200, 200, 200]),
    ("GET", "/health", [200, 200, 200, 200, 200, 200]),
    ("GET", "/livez", [200, 200, 200, 200, 200, 200]),
    ("GET", "/metrics", [200, 200, 200, 200, 200, 200]),
    ("GET", "/readyz", [200, 200, 200, 200, 200, 200]),
    ("GET", "/status", [200, 200, 200, 200, 200, 200]),
    ("GET", "/logs", [401, 403, 200, 403, 403, 403]),
    ("DELETE", "/logs", [401, 403, 403, 400, 403, 403]),
    ("GET", "/logs/{id}", [401, 403, 404, 403, 403, 403]),
    ("GET", "/api/v1/logs/{id}", [401, 403, 404, 403, 403, 403]),
    ("GET", "/stats", [401, 403, 200, 403, 403, 403]),
    ("GET", "/api/v1/logs", [401, 403, 200, 403, 403, 403]),
    ("GET", "/api/v1/logs/recent", [401, 403, 200, 403, 403, 403]),
    // The body that is posted here is a log, and no search.
    ("POST", "/api/v1/logs/search", [401, 403, 400, 403, 403, 403]),
    ("GET", "/logs/{id}/context", [401, 403, 404, 403, 403, 403]),
    ("GET", "/api/v1/logs/{id}/context", [401, 403, 404, 403, 403, 403]),
    ("GET", "/api/v1/query/explain", [401, 403, 200, 403, 403, 403]),
    // Asked to go on behind something that is no id: a stream that begins does not end.
    ("GET", "/logs/tail", [401, 403, 400, 403, 403, 403]),
    ("GET", "/api/v1/logs/tail", [401, 403, 400, 403, 403, 403]),
    ("GET", "/api/v1/logs/export", [401, 403, 200, 403, 403, 403]),
    ("GET", "/report/csv", [401, 403, 200, 403, 403, 403]),
    ("GET", "/api/v1/metrics/overview", [401, 403, 200, 403, 403, 403]),
    ("GET", "/api/v1/metrics/system", [401, 403, 200, 403, 403, 403]),
    ("GET", "/api/v1/metrics/service/{name}", [401, 403, 200, 403, 403, 403]),
    ("GET", "/api/v1/metrics/timeseries", [401, 403, 200, 403, 403, 403]),
    ("GET", "/api/v1/metrics/categories", [401, 403, 200, 403, 403, 403]),
    ("GET", "/api/v1/services", [401, 403, 200, 403, 403, 403]),
    ("GET", "/api/v1/fields", [401, 403, 200, 403, 403, 403]),
    ("GET", "/api/v1/fields/{name}/values", [401, 403, 200, 403, 403, 403]),
    // Who may see the rules is who may delete: they say what is deleted, and a preview counts it.
    ("GET", "/api/v1/retention-rules", [401, 403, 403, 200, 403, 403]),
    ("POST", "/api/v1/retention-rules", [401, 403, 403, 400, 403, 403]),
    ("GET", "/api/v1/retention-rules/preview", [401, 403, 403, 200, 403, 403]),
    ("DELETE", "/api/v1/retention-rules/{id}", [401, 403, 403, 404, 403, 403]),
    ("GET", "/api/v1/keys", [401, 403, 403, 403, 403, 200]),
    // The body that is posted here is a log, and no key.
    ("POST", "/api/v1/keys", [401, 403, 403, 403, 403, 400]),
    ("DELETE", "/api/v1/keys/{id}", [401, 403, 403, 403, 403, 404]),
    ("POST", "/api/v1/keys/{id}/rotate", [401, 403, 403, 403, 403, 400]),
    ("GET", "/api/v1/audit", [401, 403, 403, 403, 403, 200]),
    ("GET", "/setup", [200; 6]),
    ("GET", "/setup.css", [200; 6]),
    ("GET", "/setup.js", [200; 6]),
    // The log that is posted here is no login and no set-up.
    ("POST", "/api/v1/auth/login", [400; 6]),
    ("POST", "/api/v1/auth/logout", [204; 6]),
    ("POST", "/api/v1/auth/setup", [400; 6]),
    ("POST", "/api/v1/auth/token", [400; 6]),
    // For whoever says who they are.
    ("GET", "/api/v1/auth/me", [401, 200, 200, 200, 200, 200]),
    ("POST", "/api/v1/auth/password", [401, 400, 400, 400, 400, 400]),
    ("GET", "/api/v1/users", [401, 403, 403, 403, 403, 200]),
    // The body that is posted here is a log, and no user.
    ("POST", "/api/v1/users", [401, 403, 403, 403, 403, 400]),
    ("DELETE", "/api/v1/users/{name}", [401, 403, 403, 403, 403, 404]),
];

/// Beside the operations: open to everybody, and in no document.
const PAGES: [Row; 2] = [("GET", "/docs", [200; 6]), ("GET", "/openapi.json", [200; 6])];

#[tokio::test]
async fn every_operation_asks_for_its_scope_and_no_other() {
    let installation = Installation::start();
    let with = |scope| Caller { name: scope, key: Some(installation.create_key(&["--scopes", scope])) };
    let nobody = Caller { name: "no key", key: None };
    let callers = [nobody, with("ingest"), with("read"), with("delete"), with("alerts"), with("admin")];
    let services = [(&installation.ingest, INGEST_SVC), (&installation.query, QUERY_SVC)];

    let mut wrong = Vec::new();
    for (service, rows) in services {
        for row in rows.iter().chain(&PAGES) {
            wrong.extend(check(service, row, &callers).await);
        }
    }

    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_tables_of_scopes_leave_no_operation_out() {
    let installation = Installation::start();

    let (_, ingest) = ask(installation.client.get(installation.ingest.url("/openapi.json"))).await;
    let (_, query) = ask(installation.client.get(installation.query.url("/openapi.json"))).await;

    assert_eq!(operations_in(INGEST_SVC), operations_of(&ingest));
    assert_eq!(operations_in(QUERY_SVC), operations_of(&query));
}

/// Tries an operation as every caller; returns what is not as the table has it.
async fn check(service: &Service, (method, path, expected): &Row, callers: &[Caller; 6]) -> Vec<String> {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let client = Client::new();
    let mut wrong = Vec::new();
    for (caller, expected) in callers.iter().zip(*expected) {
        let mut request = client.request(method.clone(), service.url(&path.replace("{id}", "999999")));
        if method == Method::POST {
            request = request.json(&json!({"service": "s", "message": "m"}));
        }
        if path.ends_with("/tail") {
            request = request.header("Last-Event-ID", "no id");
        }
        if let Some(key) = &caller.key {
            request = request.bearer_auth(key);
        }
        let answer = Answer::to(request).await;
        let is_of_elasticsearch = path.starts_with("/elasticsearch");
        let is_right = match expected {
            status if IN_SHAPES_OF_THEIR_OWN.contains(path) => answer.status == status,
            401 | 403 if is_of_elasticsearch => {
                answer.status == expected && answer.json()["error"]["type"] == "security_exception"
            }
            401 => answer.problem(401, "unauthorized").is_ok(),
            403 => answer.problem(403, "missing_scope").is_ok(),
            status => answer.status == status,
        };
        if !is_right {
            wrong.push(format!("{method} {path}, {}: {}, not {expected}", caller.name, answer.status));
        }
    }
    wrong
}

fn operations_in(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().map(|(method, path, _)| format!("{method} {path}")).collect()
}

fn operations_of(document: &Value) -> BTreeSet<String> {
    let mut operations = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("a document has paths") {
        for method in methods.as_object().expect("a path has methods").keys() {
            operations.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    operations
}
