//! Two tenants never meet.

use e2e_tests::installation::ask;
use e2e_tests::{Answer, Installation};
use serde_json::json;

use super::{ids, post};

#[tokio::test]
async fn another_tenants_key_sees_nothing_finds_nothing_and_deletes_nothing() {
    let installation = Installation::start();
    let logs = json!([{"service": "pay", "message": "mine"}, {"service": "pay", "message": "mine too"}]);
    let id = post(&installation, &logs).await;
    let other = installation.create_key(&["--tenant", "other", "--scopes", "ingest,read,delete,admin"]);
    let get = |path: &str| installation.client.get(installation.query.url(path)).bearer_auth(&other);
    let delete = |path: &str| installation.client.delete(installation.query.url(path)).bearer_auth(&other);

    for path in ["/logs", "/logs?service=pay", "/logs?from=0&limit=1000", "/logs?offset=0"] {
        assert_eq!(ask(get(path)).await.1, json!([]), "{path}");
    }
    for path in [format!("/logs/{id}"), format!("/api/v1/logs/{id}")] {
        Answer::to(get(&path)).await.problem(404, "not_found").unwrap();
    }
    let (_, stats) = ask(get("/stats")).await;
    assert_eq!((&stats["total"], &stats["logs_per_service"]), (&json!(0), &json!({})));
    for path in
        ["/logs?service=pay&dry_run=true", "/logs?service=pay", "/logs?from=0", "/logs?before=now%2B1d"]
    {
        assert_eq!(ask(delete(path)).await.1["deleted"], 0, "{path}");
    }

    assert_eq!(installation.all_logs("").await.len(), 2);
    assert_eq!(ask(installation.get("/stats")).await.1["total"], 2);
}

#[tokio::test]
async fn a_cursor_and_a_tenants_name_in_the_request_open_no_door() {
    let installation = Installation::start();
    let logs = json!([{"service": "pay", "message": "a"}, {"service": "pay", "message": "b"}]);
    post(&installation, &logs).await;
    let other = installation.create_key(&["--tenant", "other", "--scopes", "ingest,read"]);
    let cursor = Answer::to(installation.get("/logs?limit=1")).await.header("x-next-cursor").to_owned();

    let get = |path: &str| installation.client.get(installation.query.url(path)).bearer_auth(&other);
    let behind_cursor = Answer::to(get(&format!("/logs?cursor={cursor}"))).await;
    let with_header =
        ask(get("/logs").header("X-Tenant", "default").header("X-Scope-OrgID", "default")).await.1;
    let with_parameter = Answer::to(get("/logs?tenant=default")).await;
    let body = json!({"service": "pay", "message": "c", "tenant": "default"});
    let posted =
        ask(installation.client.post(installation.ingest.url("/logs")).bearer_auth(&other).json(&body)).await;

    behind_cursor.problem(400, "invalid_cursor").unwrap();
    assert_eq!(with_header, json!([]));
    with_parameter.problem(400, "unknown_parameter").unwrap();
    assert_eq!(posted.0, 201);
    assert_eq!(installation.all_logs("").await.len(), 2);
    let theirs = ask(get("/logs")).await.1;
    assert_eq!(ids(&theirs), [posted.1["first_id"].as_i64().expect("an id")]);
}
