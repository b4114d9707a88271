//! Searches, deletes, paths and methods that make no sense.

use e2e_tests::{Answer, Installation};
use reqwest::Method;
use serde_json::json;

/// Query strings of `GET /logs` that are refused, and the code of the problem.
const SEARCHES: [(&str, &str); 79] = [
    ("from=yesterday", "invalid_parameter"),
    ("from=", "invalid_parameter"),
    ("to=now-1y", "invalid_parameter"),
    ("to=now-99999999999h", "invalid_parameter"),
    ("from=2025-04-01T14:00:00+02:00", "invalid_parameter"),
    ("timestamp_start=2025-13-01", "invalid_parameter"),
    ("timestamp_end=12:00", "invalid_parameter"),
    ("received_at_start=soon", "invalid_parameter"),
    ("received_at_end=2025-02-30T00:00:00Z", "invalid_parameter"),
    ("received_at_end=9999-01-01", "invalid_parameter"),
    ("from=2025-04-02&to=2025-04-01", "invalid_parameter"),
    ("timestamp_start=2025-04-02&timestamp_end=2025-04-01", "invalid_parameter"),
    ("received_at_start=2025-04-02&received_at_end=2025-04-01", "invalid_parameter"),
    ("from=2025-04-02&timestamp_end=2025-04-01", "mixed_times"),
    ("from=now&to=now-1h", "invalid_parameter"),
    ("from=now&from=now", "invalid_parameter"),
    ("severity=loud", "invalid_parameter"),
    ("severity=INFO,loud", "invalid_parameter"),
    ("severity=", "invalid_parameter"),
    ("level=25", "invalid_parameter"),
    ("level=INFO&level=x", "invalid_parameter"),
    ("min_severity=0", "invalid_parameter"),
    ("service=", "invalid_parameter"),
    ("service=pay,", "invalid_parameter"),
    ("servce=pay", "unknown_parameter"),
    ("Service=pay", "unknown_parameter"),
    ("service[]=pay", "unknown_parameter"),
    ("before=2025-04-01", "unknown_parameter"),
    ("dry_run=true", "unknown_parameter"),
    ("limit=0", "invalid_parameter"),
    ("limit=-1", "invalid_parameter"),
    ("limit=1e23", "invalid_parameter"),
    ("limit=1.5", "invalid_parameter"),
    ("limit=abc", "invalid_parameter"),
    ("limit=", "invalid_parameter"),
    ("limit=1&limit=2", "invalid_parameter"),
    ("offset=-1", "invalid_parameter"),
    ("offset=100001", "invalid_parameter"),
    ("skip=99999999999999999999999", "invalid_parameter"),
    ("offset=1&skip=1", "invalid_parameter"),
    ("page=0", "invalid_parameter"),
    ("page=1&page_size=0", "invalid_parameter"),
    ("page=9999999999999999&page_size=1000", "invalid_parameter"),
    ("order=sideways", "invalid_parameter"),
    ("cursor=abc", "invalid_cursor"),
    ("cursor=", "invalid_cursor"),
    ("cursor=ZAAGMbYi8pAAAAAAAAAABzI", "invalid_cursor"),
    ("cursor=ZAAGMbYi8pAAAAAAAAAABzIABjG2IvKQAAAAAAAAAAkB", "invalid_cursor"),
    ("start_time=soon", "invalid_parameter"),
    ("end_time=", "invalid_parameter"),
    ("start_time=2025-04-02&end_time=2025-04-01", "invalid_parameter"),
    ("time_range=0s", "invalid_parameter"),
    ("time_range=-1h", "invalid_parameter"),
    ("time_range=1", "invalid_parameter"),
    ("time_range=1y", "invalid_parameter"),
    ("time_range=9999w", "invalid_parameter"),
    ("days=0", "invalid_parameter"),
    ("days=-7", "invalid_parameter"),
    ("days=1.5", "invalid_parameter"),
    ("days=1e23", "invalid_parameter"),
    ("days=4294967295", "invalid_parameter"),
    ("time_range=1h&start_time=now-2h", "mixed_times"),
    ("time_range=1h&from=now-2h", "mixed_times"),
    ("days=7&to=now", "mixed_times"),
    ("timestamp_start=0&end_time=now", "mixed_times"),
    ("attr.=x", "invalid_parameter"),
    ("attr.a=x,,y", "invalid_parameter"),
    ("status=FAILED,", "invalid_parameter"),
    ("attr=x", "unknown_parameter"),
    ("limit=99999999999999999999999x", "invalid_parameter"),
    ("q=(", "invalid_parameter"),
    ("q=a%20OR", "invalid_parameter"),
    ("q=timestamp:soon", "invalid_parameter"),
    ("q=a&query=b", "invalid_parameter"),
    ("query=/(/", "invalid_parameter"),
    ("page=1&offset=5", "mixed_paging"),
    ("page=1&limit=5", "mixed_paging"),
    ("offset=5&cursor=ZAAGMbYi8pAAAAAAAAAABzI", "mixed_paging"),
    ("service=%ff", "invalid_query"),
];

/// Query strings of `DELETE /logs` that are refused, and the code of the problem.
const DELETES: [(&str, &str); 13] = [
    ("", "filter_required"),
    ("dry_run=true", "filter_required"),
    ("dry_run=false", "filter_required"),
    ("limit=10", "unknown_parameter"),
    ("offset=10&limit=10", "unknown_parameter"),
    ("page=1&page_size=10", "unknown_parameter"),
    ("order=asc", "unknown_parameter"),
    ("service=pay&limit=1", "unknown_parameter"),
    ("service=pay&dry_run=maybe", "invalid_parameter"),
    ("before=yesterday", "invalid_parameter"),
    ("before=", "invalid_parameter"),
    ("before=2025-04-01&from=2025-04-02", "invalid_parameter"),
    ("servce=pay", "unknown_parameter"),
];

/// Paths and methods of query-svc that are refused: status and code.
const TARGETS: [(Method, &str, u16, &str); 32] = [
    (Method::GET, "/logs/abc", 400, "invalid_parameter"),
    (Method::GET, "/logs/1.5", 400, "invalid_parameter"),
    (Method::GET, "/logs/99999999999999999999", 400, "invalid_parameter"),
    (Method::GET, "/api/v1/logs/abc", 400, "invalid_parameter"),
    (Method::GET, "/logs/9223372036854775807", 404, "not_found"),
    (Method::GET, "/logs/0", 404, "not_found"),
    (Method::GET, "/logs/-1", 404, "not_found"),
    (Method::GET, "/api/v1/logs/999", 404, "not_found"),
    (Method::GET, "/logs/", 404, "not_found"),
    (Method::GET, "/logs/1/", 404, "not_found"),
    (Method::GET, "//logs", 404, "not_found"),
    (Method::GET, "/LOGS", 404, "not_found"),
    (Method::GET, "/nothing", 404, "not_found"),
    (Method::GET, "/%00", 404, "not_found"),
    (Method::GET, "/logs/..%2f..%2fetc%2fpasswd", 400, "invalid_parameter"),
    (Method::GET, "/stats?service=pay", 400, "unknown_parameter"),
    (Method::GET, "/logs/999/context", 404, "not_found"),
    (Method::GET, "/api/v1/logs/0/context", 404, "not_found"),
    (Method::GET, "/logs/abc/context", 400, "invalid_parameter"),
    (Method::GET, "/logs/1/context?before=-1", 400, "invalid_parameter"),
    (Method::GET, "/logs/1/context?after=1001", 400, "invalid_parameter"),
    (Method::GET, "/logs/1/context?limit=5", 400, "unknown_parameter"),
    (Method::GET, "/api/v1/logs/recent?limit=0", 400, "invalid_parameter"),
    (Method::GET, "/api/v1/logs/recent?n=5", 400, "unknown_parameter"),
    (Method::GET, "/api/v1/query/explain?q=)", 400, "invalid_parameter"),
    (Method::GET, "/api/v1/logs/search", 405, "method_not_allowed"),
    (Method::POST, "/api/v1/logs/recent", 405, "method_not_allowed"),
    (Method::PUT, "/logs", 405, "method_not_allowed"),
    (Method::POST, "/logs", 405, "method_not_allowed"),
    (Method::DELETE, "/logs/1", 405, "method_not_allowed"),
    (Method::POST, "/stats", 405, "method_not_allowed"),
    (Method::PATCH, "/health", 405, "method_not_allowed"),
];

#[tokio::test]
async fn a_search_or_delete_that_cannot_be_understood_is_400_and_deletes_nothing() {
    let installation = with_logs().await;

    let mut wrong = Vec::new();
    for (query, code) in SEARCHES {
        let answer = Answer::to(installation.get(&format!("/logs?{query}"))).await;
        wrong.extend(answer.problem(400, code).err().map(|error| format!("GET {query}: {error}")));
    }
    for (query, code) in DELETES {
        let answer = Answer::to(installation.delete(&format!("/logs?{query}"))).await;
        wrong.extend(answer.problem(400, code).err().map(|error| format!("DELETE {query}: {error}")));
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(total(&installation).await, 3);
}

#[tokio::test]
async fn the_parameter_at_fault_is_named() {
    let installation = with_logs().await;

    for (query, code) in SEARCHES {
        let answer = Answer::to(installation.get(&format!("/logs?{query}"))).await;
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        let names: Vec<_> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
        let is_about_one = ["invalid_parameter", "unknown_parameter"].contains(&code);
        assert!(!is_about_one || names.iter().any(|name| detail.contains(name)), "{query}: {detail}");
    }
}

#[tokio::test]
async fn a_cursor_of_a_walk_in_the_other_order_is_400() {
    let installation = with_logs().await;
    let page = Answer::to(installation.get("/logs?limit=1&order=asc")).await;

    let cursor = page.header("x-next-cursor");
    let other_order = format!("/logs?order=desc&cursor={cursor}");
    let shortened = format!("/logs?cursor={}", &cursor[1..]);

    for (path, code) in [(other_order, "invalid_parameter"), (shortened, "invalid_cursor")] {
        Answer::to(installation.get(&path)).await.problem(400, code).unwrap();
    }
}

#[tokio::test]
async fn a_cursor_of_another_query_or_another_tenant_is_400_and_says_so() {
    let installation = with_logs().await;
    let other = installation.create_key(&["--tenant", "other", "--scopes", "read"]);
    let page = Answer::to(installation.get("/logs?limit=1&service=pay&from=now-1h")).await;
    let cursor = page.header("x-next-cursor");

    let theirs = installation.query.url(&format!("/logs?service=pay&from=now-1h&cursor={cursor}"));
    let requests = [
        installation.get(&format!("/logs?cursor={cursor}")),
        installation.get(&format!("/logs?service=pay&from=now-2h&cursor={cursor}")),
        installation.get(&format!("/api/v1/logs?service=pay,x&from=now-1h&cursor={cursor}")),
        installation.client.get(theirs).bearer_auth(other),
    ];
    for request in requests {
        let problem = Answer::to(request).await.problem(400, "invalid_cursor").unwrap();
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains("another query")), "{problem}");
    }
    let same = format!("/api/v1/logs?time_range=1h&service=pay&limit=2&cursor={cursor}");
    assert_eq!(Answer::to(installation.get(&same)).await.json()["logs"].as_array().map(Vec::len), Some(2));
}

/// Bodies of `POST /api/v1/logs/search` that are refused, and the code of the problem.
const BODIES: [(&str, &str); 12] = [
    ("", "malformed_body"),
    ("[]", "malformed_body"),
    (r#"{"service":"pay"}"#, "malformed_body"),
    (r#"{"services":"pay"}"#, "malformed_body"),
    (r#"{"query":7}"#, "malformed_body"),
    (r#"{"levels":["loud"]}"#, "invalid_parameter"),
    (r#"{"limit":0}"#, "invalid_parameter"),
    (r#"{"limit":1e23}"#, "invalid_parameter"),
    (r#"{"offset":-1}"#, "invalid_parameter"),
    (r#"{"start_time":"soon"}"#, "invalid_parameter"),
    (r#"{"start_time":"now","end_time":"now-1h"}"#, "invalid_parameter"),
    (r#"{"cursor":"abc"}"#, "invalid_cursor"),
];

#[tokio::test]
async fn a_body_of_a_search_that_cannot_be_understood_is_400() {
    let installation = with_logs().await;
    let url = installation.query.url("/api/v1/logs/search");
    let post = || installation.client.post(&url).bearer_auth(&installation.key);

    for (body, code) in BODIES {
        Answer::to(post().body(body)).await.problem(400, code).expect(body);
    }
    let other_type = post().header("Content-Type", "text/csv").body("a,b");
    Answer::to(other_type).await.problem(415, "unsupported_media_type").unwrap();
    let too_large = post().body(format!("{{\"query\":\"{}\"}}", "a".repeat(9 * 1024 * 1024)));
    Answer::to(too_large).await.problem(413, "body_too_large").unwrap();
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_problems_too() {
    let installation = with_logs().await;

    let mut wrong = Vec::new();
    for (method, path, status, code) in TARGETS {
        let request = installation.client.request(method.clone(), installation.query.url(path));
        let answer = Answer::to(request.bearer_auth(&installation.key)).await;
        wrong.extend(answer.problem(status, code).err().map(|error| format!("{method} {path}: {error}")));
        if status == 405 && answer.header("allow").is_empty() {
            wrong.push(format!("{method} {path}: no Allow"));
        }
    }
    for (method, path, status, code) in [
        (Method::GET, "/logs", 405, "method_not_allowed"),
        (Method::DELETE, "/logs", 405, "method_not_allowed"),
        (Method::GET, "/stats", 404, "not_found"),
        (Method::POST, "/nothing", 404, "not_found"),
    ] {
        let request = installation.client.request(method.clone(), installation.ingest.url(path));
        let answer = Answer::to(request.bearer_auth(&installation.key)).await;
        wrong.extend(answer.problem(status, code).err().map(|error| format!("{method} {path}: {error}")));
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(total(&installation).await, 3);
}

#[tokio::test]
async fn a_target_that_is_too_long_is_431() {
    let installation = with_logs().await;

    let path = format!("/logs?service={}", "s".repeat(20_000));
    let answer = Answer::to(installation.get(&path)).await;

    answer.problem(431, "headers_too_large").unwrap();
}

#[tokio::test]
async fn a_request_keeps_its_own_id_also_in_a_problem() {
    let installation = with_logs().await;

    let request = installation.get("/logs?limit=0").header("X-Request-Id", "my-own-id-17");
    let answer = Answer::to(request).await;

    let problem = answer.problem(400, "invalid_parameter").unwrap();
    assert_eq!(problem["request_id"], "my-own-id-17");
}

/// Starts an installation with three logs.
async fn with_logs() -> Installation {
    let installation = Installation::start();
    let log = |message: &str| json!({"service": "pay", "message": message});
    installation.post_logs(&json!([log("a"), log("b"), log("c")])).await;
    installation
}

async fn total(installation: &Installation) -> usize {
    let logs = installation.all_logs("").await.len();
    assert_eq!(Answer::to(installation.get("/stats")).await.json()["total"], logs);
    logs
}
