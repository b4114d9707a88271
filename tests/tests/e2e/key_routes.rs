//! API keys over HTTP, with the real programs: made, replaced and revoked by query-svc, and seen by both services.

use std::time::Duration;

use e2e_tests::installation::{ask, sentinel};
use e2e_tests::{Answer, Installation};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::wait_until;

/// The promise is a second; a test allows for a slow machine.
const REVOKED_WITHIN: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_key_that_is_revoked_over_http_is_refused_by_both_services_at_once() {
    let installation = Installation::start();
    let (status, made) = create(&installation, json!({"name": "shop", "scopes": ["ingest", "read"]})).await;
    let (id, key) = (text(&made, "id"), text(&made, "key"));
    let before = statuses(&installation, key).await;

    let revoked = Answer::to(installation.delete(&format!("/api/v1/keys/{id}"))).await;
    wait_until("both refuse it", REVOKED_WITHIN, async || {
        (statuses(&installation, key).await == [401, 401]).then_some(())
    })
    .await;
    let again = Answer::to(installation.delete(&format!("/api/v1/keys/{id}"))).await;

    assert_eq!((status, before), (StatusCode::CREATED, [201, 200]));
    assert_eq!((revoked.status.as_u16(), &revoked.json()["state"]), (200, &json!("revoked")));
    again.problem(404, "not_found").unwrap();
    assert_eq!(statuses(&installation, &installation.key).await, [201, 200], "other keys go on working");
}

#[tokio::test]
async fn a_replaced_key_and_its_successor_work_in_both_services_for_the_overlap() {
    let installation = Installation::start();
    let (_, made) = create(&installation, json!({"name": "shop", "scopes": ["ingest", "read"]})).await;
    let rotate = |id: &str| format!("/api/v1/keys/{id}/rotate");
    let post = |path: String, body: Value| {
        installation.client.post(installation.query.url(&path)).bearer_auth(&installation.key).json(&body)
    };

    let rotated = Answer::to(post(rotate(text(&made, "id")), json!({}))).await;
    let second = rotated.json();
    let both = [
        statuses(&installation, text(&made, "key")).await,
        statuses(&installation, text(&second, "key")).await,
    ];
    let (status, third) = ask(post(rotate(text(&second, "id")), json!({"overlap": "0s"}))).await;
    wait_until("the second is refused", REVOKED_WITHIN, async || {
        (statuses(&installation, text(&second, "key")).await == [401, 401]).then_some(())
    })
    .await;

    assert_eq!((rotated.status.as_u16(), rotated.header("cache-control")), (201, "no-store"));
    assert_eq!(both, [[201, 200], [201, 200]]);
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(statuses(&installation, text(&third, "key")).await, [201, 200]);
}

#[tokio::test]
async fn a_tenant_reaches_its_own_keys_only_and_both_services_note_their_use() {
    let installation = Installation::start();
    let other = installation.create_key(&["--tenant", "other", "--scopes", "admin"]);
    let sender = installation.create_key(&["--name", "sender", "--scopes", "ingest"]);
    let log = json!({"service": "s", "message": "m"});
    ask(installation.client.post(installation.ingest.url("/logs")).bearer_auth(&sender).json(&log)).await;

    let listed = wait_until("the uses are noted", PATIENCE, async || {
        let (_, listed) = ask(installation.get("/api/v1/keys")).await;
        let is_used = |key: &Value| key["last_used_at"].is_string();
        listed["keys"].as_array()?.iter().all(is_used).then_some(listed)
    })
    .await;
    let (_, theirs) =
        ask(installation.client.get(installation.query.url("/api/v1/keys")).bearer_auth(&other)).await;
    let printed = sentinel(&["keys", "list"], installation.data.path());
    let printed = String::from_utf8(printed.stdout).unwrap();

    assert_eq!((listed["keys"].as_array().unwrap().len(), theirs["keys"].as_array().unwrap().len()), (2, 1));
    assert!(printed.contains("LAST USED"), "{printed}");
    let path = format!("/api/v1/keys/{}", text(&listed["keys"][0], "id"));
    let denied =
        Answer::to(installation.client.delete(installation.query.url(&path)).bearer_auth(&other)).await;
    denied.problem(404, "not_found").unwrap();
}

#[tokio::test]
async fn what_commands_and_requests_do_is_noted_with_who_did_it() {
    let installation = Installation::start();
    let (_, made) = create(&installation, json!({"name": "shop", "scopes": ["read"]})).await;
    let rotated =
        sentinel(&["keys", "rotate", text(&made, "id"), "--overlap", "1h"], installation.data.path());
    let again = sentinel(&["keys", "rotate", text(&made, "id")], installation.data.path());
    let revoked = sentinel(&["keys", "revoke", text(&made, "id")], installation.data.path());
    ask(installation.delete("/logs?q=nothing")).await;

    let (status, noted) = ask(installation.get("/api/v1/audit")).await;

    assert!(rotated.status.success() && revoked.status.success() && !again.status.success());
    let successor = String::from_utf8(rotated.stdout).unwrap();
    assert_eq!(statuses(&installation, successor.trim()).await[1], 200);
    let entries = noted["entries"].as_array().unwrap();
    let actions: Vec<&str> = entries.iter().map(|entry| text(entry, "action")).collect();
    assert_eq!(actions, ["logs.deleted", "key.revoked", "key.rotated", "key.created", "key.created"]);
    let caller = format!("key:{}", &installation.key["ls_".len()..][..8]);
    for over_http in [&entries[0], &entries[3]] {
        assert_eq!((text(over_http, "caller"), text(over_http, "address")), (caller.as_str(), "127.0.0.1"));
    }
    assert_eq!(entries[0]["details"], json!({"filter": "q=nothing", "deleted": 0}));
    for by_command in [&entries[1], &entries[2], &entries[4]] {
        assert_eq!(by_command["details"]["by"], "command line");
        assert_eq!((&by_command["caller"], &by_command["address"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(status, StatusCode::OK);
}

async fn create(installation: &Installation, body: Value) -> (StatusCode, Value) {
    let post = installation.client.post(installation.query.url("/api/v1/keys"));
    ask(post.bearer_auth(&installation.key).json(&body)).await
}

/// Asks both services something that they do for a key with the scopes `ingest` and `read`.
async fn statuses(installation: &Installation, key: &str) -> [u16; 2] {
    let log = json!({"service": "s", "message": "m"});
    let post = installation.client.post(installation.ingest.url("/logs")).bearer_auth(key).json(&log);
    let get = installation.client.get(installation.query.url("/logs")).bearer_auth(key);
    [Answer::to(post).await.status.as_u16(), Answer::to(get).await.status.as_u16()]
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("a text {name} in {value}"))
}
