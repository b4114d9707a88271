//! API keys and the audit log over the reference stores.

use domain::limits::KEYS_MAX;

use super::*;

async fn ask(service: &Service, method: Method, uri: &str, body: &str) -> (u16, Value) {
    ask_as(service, "key-a", method, uri, body).await
}

async fn made(service: &Service, body: Value) -> Value {
    let (status, key) = ask(service, Method::POST, "/api/v1/keys", &body.to_string()).await;
    assert_eq!(status, 201, "{key}");
    key
}

async fn listed(service: &Service, key: &str) -> Vec<Value> {
    let (status, answer) = ask_as(service, key, Method::GET, "/api/v1/keys", "").await;
    assert_eq!(status, 200, "{answer}");
    answer["keys"].as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("a text {name} in {value}"))
}

#[tokio::test]
async fn a_key_is_made_shown_once_works_and_is_listed_without_its_text() {
    let service = service(&[]).await;

    let body = json!({"name": "shop", "scopes": ["read", "ingest"], "service": "shop", "expires_in": "90d"});
    let made = made(&service, body).await;
    let (works, _) = ask_as(&service, text(&made, "key"), Method::GET, "/logs", "").await;
    let listed = listed(&service, "key-a").await;

    assert_eq!(works, 200);
    let mut kept = made.clone();
    kept.as_object_mut().unwrap().remove("key");
    let expected = json!({
        "id": text(&made, "id"), "name": "shop", "scopes": ["ingest", "read"], "service": "shop",
        "created_at": "2025-04-01T12:01:00Z", "expires_at": "2025-06-30T12:01:00Z", "last_used_at": null,
        "state": "works",
    });
    assert_eq!(kept, expected);
    let mut in_list = listed.iter().find(|key| key["id"] == made["id"]).unwrap().clone();
    in_list["last_used_at"] = Value::Null;
    assert_eq!(in_list, expected);
    assert!(!json!(listed).to_string().contains(&text(&made, "key")[12..]));
}

#[tokio::test]
async fn all_that_is_wrong_with_a_key_is_said_at_once() {
    let service = service(&[]).await;
    let body = json!({"name": "", "scopes": ["read", "write"], "service": "", "expires_in": "soon"});

    let (status, problem) = ask(&service, Method::POST, "/api/v1/keys", &body.to_string()).await;

    assert_eq!((status, &problem["code"]), (400, &json!("invalid_key")));
    for reason in [
        "name: a key's name",
        "scopes: unknown scope \"write\"",
        "service: a service's",
        "expires_in: expected an age",
    ] {
        assert!(text(&problem, "detail").contains(reason), "{reason} in {problem}");
    }
    for body in [
        "",
        "[]",
        "{",
        r#"{"name":"n"}"#,
        r#"{"name":"n","scopes":"read"}"#,
        r#"{"name":"n","scopes":["read"],"tenant":"b"}"#,
        r#"{"name":"n","scopes":["read"],"expires_at":"2030-01-01T00:00:00Z"}"#,
    ] {
        let (status, problem) = ask(&service, Method::POST, "/api/v1/keys", body).await;
        assert_eq!((status, &problem["code"]), (400, &json!("malformed_body")), "{body}");
    }
    for scopes in ["[]", r#"[""]"#] {
        let body = format!(r#"{{"name":"n","scopes":{scopes}}}"#);
        let (status, problem) = ask(&service, Method::POST, "/api/v1/keys", &body).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_key")), "{body}");
    }
    assert_eq!(listed(&service, "key-a").await.len(), 1);
}

#[tokio::test]
async fn another_tenants_key_is_not_there() {
    let service = service(&[]).await;
    let key = made(&service, json!({"name": "n", "scopes": ["read"]})).await;
    let (of_key, of_rotation) =
        (format!("/api/v1/keys/{}", text(&key, "id")), format!("/api/v1/keys/{}/rotate", text(&key, "id")));

    let (revoked, _) = ask_as(&service, "key-b", Method::DELETE, &of_key, "").await;
    let (rotated, _) = ask_as(&service, "key-b", Method::POST, &of_rotation, "{}").await;
    let theirs = listed(&service, "key-b").await;
    let (_, noted) = ask_as(&service, "key-b", Method::GET, "/api/v1/audit", "").await;

    assert_eq!((revoked, rotated), (404, 404));
    assert_eq!(theirs.iter().map(|key| text(key, "id")).collect::<Vec<_>>(), ["b"]);
    assert_eq!(noted, json!({"entries": [], "next_before": null}));
    assert_eq!(ask_as(&service, text(&key, "key"), Method::GET, "/logs", "").await.0, 200);
}

#[tokio::test]
async fn a_revoked_key_no_longer_works_and_is_not_revoked_again() {
    let service = service(&[]).await;
    let key = made(&service, json!({"name": "n", "scopes": ["read"]})).await;
    let path = format!("/api/v1/keys/{}", text(&key, "id"));

    let (status, revoked) = ask(&service, Method::DELETE, &path, "").await;
    let (again, problem) = ask(&service, Method::DELETE, &path, "").await;
    let (works, _) = ask_as(&service, text(&key, "key"), Method::GET, "/logs", "").await;

    assert_eq!((status, text(&revoked, "state"), text(&revoked, "id")), (200, "revoked", text(&key, "id")));
    assert_eq!((again, &problem["code"], works), (404, &json!("not_found"), 401));
}

#[tokio::test]
async fn a_successor_works_beside_the_key_that_it_replaces_for_the_overlap() {
    let service = service(&[]).await;
    for (body, old_works, replaced_until) in [
        ("", 200, "2025-04-02T12:01:00Z"),
        ("{}", 200, "2025-04-02T12:01:00Z"),
        (r#"{"overlap":"2h"}"#, 200, "2025-04-01T14:01:00Z"),
        (r#"{"overlap":"0s"}"#, 401, "2025-04-01T12:01:00Z"),
    ] {
        let old = made(&service, json!({"name": "n", "scopes": ["read"], "expires_in": "30d"})).await;
        let path = format!("/api/v1/keys/{}/rotate", text(&old, "id"));

        let (status, new) = ask(&service, Method::POST, &path, body).await;
        let (again, problem) = ask(&service, Method::POST, &path, body).await;

        assert_eq!(status, 201, "{new}");
        for (key, expected) in [(text(&new, "key"), 200), (text(&old, "key"), old_works)] {
            assert_eq!(ask_as(&service, key, Method::GET, "/logs", "").await.0, expected, "{body}");
        }
        assert_eq!(
            (&new["replaced"]["id"], text(&new["replaced"], "expires_at")),
            (&old["id"], replaced_until)
        );
        assert_eq!((text(&new, "name"), text(&new, "expires_at")), ("n", "2025-05-01T12:01:00Z"));
        let expected = if old_works == 200 { (409, "already_rotated") } else { (404, "not_found") };
        assert_eq!((again, text(&problem, "code")), expected, "{body}");
    }
    for body in [r#"{"overlap":"-1h"}"#, r#"{"overlap":"soon"}"#] {
        let (status, problem) = ask(&service, Method::POST, "/api/v1/keys/a/rotate", body).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_rotation")), "{body}");
    }
    let unknown = ask(&service, Method::POST, "/api/v1/keys/a/rotate", r#"{"overlaps":"1h"}"#).await;
    assert_eq!((unknown.0, &unknown.1["code"]), (400, &json!("malformed_body")));
}

#[tokio::test]
async fn one_key_too_many_is_a_conflict_that_states_the_limit() {
    let service = service(&[]).await;
    let body = json!({"name": "n", "scopes": ["read"]});
    for _ in 1..KEYS_MAX {
        made(&service, body.clone()).await;
    }

    let (status, problem) = ask(&service, Method::POST, "/api/v1/keys", &body.to_string()).await;

    assert_eq!((status, &problem["code"]), (409, &json!("too_many_keys")));
    assert!(text(&problem, "detail").contains("1000 keys"), "{problem}");
}

#[tokio::test]
async fn what_is_done_is_noted_with_who_did_it_and_what_is_asked_in_vain_is_not() {
    let service = service(&[record("old"), record("new")]).await;
    let key = made(&service, json!({"name": "n", "scopes": ["read"]})).await;
    let id = text(&key, "id");
    ask(&service, Method::POST, &format!("/api/v1/keys/{id}/rotate"), r#"{"overlap":"1h"}"#).await;
    ask(&service, Method::DELETE, &format!("/api/v1/keys/{id}"), "").await;
    ask(&service, Method::DELETE, &format!("/api/v1/keys/{id}"), "").await;
    ask(&service, Method::DELETE, "/logs?q=old&dry_run=true", "").await;
    ask(&service, Method::DELETE, "/logs?q=old", "").await;
    post_rule(&service, "?dry_run=true", &json!({"name": "r", "max_age": "1d"})).await;
    post_rule(&service, "", &json!({"name": "r", "max_age": "1d"})).await;
    ask(&service, Method::DELETE, "/api/v1/retention-rules/1", "").await;
    ask(&service, Method::DELETE, "/api/v1/retention-rules/1", "").await;

    let (status, all) = get(&service, "/api/v1/audit").await;
    let (_, first) = get(&service, "/api/v1/audit?limit=4").await;
    let (_, second) = get(&service, &format!("/api/v1/audit?limit=4&before={}", first["next_before"])).await;

    let entries = all["entries"].as_array().unwrap();
    let shown =
        |entry: &Value| format!("{} {} {}", text(entry, "action"), text(entry, "subject"), entry["details"]);
    let oldest_first: Vec<String> = entries.iter().rev().map(shown).collect();
    let successor = text(&entries[entries.len() - 2]["details"], "successor");
    let expected = [
        format!(r#"key.created {id} {{"name":"n","scopes":"read"}}"#),
        format!(r#"key.rotated {id} {{"overlap":"1h","successor":"{successor}"}}"#),
        format!(r#"key.revoked {id} {{"name":"n"}}"#),
        r#"logs.deleted  {"deleted":1,"filter":"q=old"}"#.to_owned(),
        r#"retention_rule.added r {"filter":"","max_age":"1d","max_bytes":null}"#.to_owned(),
        r#"retention_rule.removed r {"filter":"","rule_id":1}"#.to_owned(),
    ];
    assert_eq!((status, oldest_first), (200, expected.to_vec()));
    assert!(entries.iter().all(|entry| entry["caller"] == "key:a" && entry["at"] == "2025-04-01T12:01:00Z"));
    assert_eq!((&all["next_before"], &second["next_before"]), (&Value::Null, &Value::Null));
    let pages = [&first, &second].map(|page| page["entries"].as_array().unwrap().clone()).concat();
    assert_eq!(&pages, entries);
}

#[tokio::test]
async fn a_page_of_the_audit_log_has_a_size_and_a_beginning() {
    let service = service(&[]).await;
    for query in ["limit=0", "limit=-1", "limit=x", "before=0", "before=x", "after=1", "limit=1&limit=2"] {
        assert_eq!(get(&service, &format!("/api/v1/audit?{query}")).await.0, 400, "{query}");
    }
    for query in ["limit=99999999999999999999", "before=99999999999999999999"] {
        assert_eq!(get(&service, &format!("/api/v1/audit?{query}")).await.0, 200, "{query}");
    }
}
