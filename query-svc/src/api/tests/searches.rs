//! Searches by a body, recent logs, the context of a log, explanations.

use super::*;

async fn search(service: &Service, body: &Value) -> (u16, Value) {
    ask_as(service, "key-a", Method::POST, "/api/v1/logs/search", &body.to_string()).await
}

/// Seven logs of three services, a second apart.
fn seven() -> Vec<RecordBuilder> {
    let of = |n: i64, service: &str, level: &str| {
        record(&format!("log {n}")).at(n).service(service).severity(level)
    };
    vec![
        of(0, "auth", "INFO"),
        of(1, "auth", "WARNING"),
        of(2, "pay", "CRITICAL"),
        of(3, "pay", "ERROR"),
        of(4, "pay", "ERR"),
        of(5, "a,b", "DEBUG"),
        of(6, "auth", "INFO"),
    ]
}

#[tokio::test]
async fn a_search_by_a_body_answers_an_envelope_and_counts_of_all_pages() {
    let service = service(&seven()).await;

    let (status, found) =
        search(&service, &json!({"levels": ["ERROR", "warn", "FATAL", "debug"], "limit": 2})).await;

    assert_eq!((status, messages(&found["logs"])), (200, vec!["log 5", "log 4"]));
    assert_eq!((&found["total"], &found["page"], &found["page_size"]), (&json!(5), &json!(1), &json!(2)));
    let expected = json!({
        "by_level": {"DEBUG": 1, "WARN": 1, "ERROR": 2, "FATAL": 1},
        "by_service": {"a,b": 1, "auth": 1, "pay": 3},
    });
    assert_eq!((&found["aggregations"], &found["complete"]), (&expected, &json!(true)));
}

#[tokio::test]
async fn every_field_of_the_body_is_read_and_nulls_and_empty_lists_are_nothing() {
    let service = service(&seven()).await;
    let noon = NOON_MICROS / 1_000_000;
    let cases = [
        (json!({}), vec![6, 5, 4, 3, 2, 1, 0]),
        (
            json!({"query": null, "services": [], "levels": null, "start_time": null, "limit": null}),
            vec![6, 5, 4, 3, 2, 1, 0],
        ),
        (json!({"query": "3"}), vec![3]),
        (json!({"query": "level:>=error AND NOT 3"}), vec![4, 2]),
        (json!({"services": ["a,b"]}), vec![5]),
        (json!({"services": ["a,b", "pay"], "levels": ["ERROR"]}), vec![4, 3]),
        (json!({"start_time": "2025-04-01T12:00:02Z", "end_time": "2025-04-01 12:00:04"}), vec![4, 3, 2]),
        (json!({"start_time": noon + 5}), vec![6, 5]),
        (json!({"end_time": (noon + 1).to_string()}), vec![1, 0]),
        (json!({"offset": 4, "limit": 2}), vec![2, 1]),
        (json!({"limit": 5000, "services": ["auth"]}), vec![6, 1, 0]),
    ];
    for (body, expected) in cases {
        let (status, found) = search(&service, &body).await;
        let expected: Vec<String> = expected.into_iter().map(|n| format!("log {n}")).collect();
        assert_eq!(
            (status, messages(&found["logs"])),
            (200, expected.iter().map(String::as_str).collect()),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_walk_may_go_on_from_a_body_to_a_query_string_and_back() {
    let service = service(&seven()).await;

    let (_, first) = search(&service, &json!({"services": ["pay", "auth"], "limit": 2})).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = get(&service, &format!("/api/v1/logs?service=auth,pay&limit=2&cursor={cursor}")).await;
    let cursor = second["next_cursor"].as_str().unwrap();
    let (_, third) = search(&service, &json!({"services": ["auth", "pay"], "cursor": cursor})).await;
    let (status, refused) = search(&service, &json!({"services": ["auth"], "cursor": cursor})).await;
    let body = json!({"services": ["auth", "pay"], "cursor": cursor}).to_string();
    let (theirs, _) = ask_as(&service, "key-b", Method::POST, "/api/v1/logs/search", &body).await;

    assert_eq!(messages(&first["logs"]), ["log 6", "log 4"]);
    assert_eq!(messages(&second["logs"]), ["log 3", "log 2"]);
    assert_eq!(messages(&third["logs"]), ["log 1", "log 0"]);
    assert_eq!((status, &refused["code"], theirs), (400, &json!("invalid_cursor"), 400));
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_400_with_the_reason() {
    let service = service(&[]).await;
    let cases = [
        ("", "malformed_body", "no search"),
        ("[]", "malformed_body", "a list"),
        ("{", "malformed_body", "no search"),
        (r#" ["a",[],["ERROR"],null,null,3,null,null]"#, "malformed_body", "a list"),
        (r#"{"service":"a"}"#, "malformed_body", "unknown field `service`"),
        (r#"{"q":"a"}"#, "malformed_body", "unknown field `q`"),
        (r#"{"query":5}"#, "malformed_body", "invalid type"),
        (r#"{"query":"(("}"#, "invalid_parameter", "parameter query: at byte"),
        (r#"{"services":"a"}"#, "malformed_body", "invalid type"),
        (r#"{"services":[""]}"#, "invalid_parameter", "parameter services"),
        (r#"{"levels":["loud"]}"#, "invalid_parameter", "parameter levels"),
        (r#"{"levels":[5]}"#, "malformed_body", "invalid type"),
        (r#"{"start_time":"soon"}"#, "invalid_parameter", "parameter start_time"),
        (r#"{"start_time":true}"#, "invalid_parameter", "parameter start_time"),
        (r#"{"start_time":-5}"#, "invalid_parameter", "parameter start_time"),
        (r#"{"end_time":[]}"#, "invalid_parameter", "parameter end_time"),
        (r#"{"start_time":"now","end_time":"now-1h"}"#, "invalid_parameter", "ends before it starts"),
        (r#"{"limit":0}"#, "invalid_parameter", "parameter limit"),
        (r#"{"limit":1e23}"#, "invalid_parameter", "parameter limit"),
        (r#"{"limit":-1}"#, "invalid_parameter", "parameter limit"),
        (r#"{"limit":"5"}"#, "invalid_parameter", "parameter limit"),
        (r#"{"limit":1.5}"#, "invalid_parameter", "parameter limit"),
        (r#"{"offset":-1}"#, "invalid_parameter", "parameter offset"),
        (r#"{"offset":100001}"#, "invalid_parameter", "parameter offset"),
        (r#"{"cursor":"x"}"#, "invalid_cursor", "parameter cursor"),
        (r#"{"cursor":"x","offset":1}"#, "mixed_paging", "one style of paging"),
        (r#"{"limit":1,"limit":2}"#, "malformed_body", "duplicate field"),
    ];
    for (body, code, reason) in cases {
        let (status, problem) = ask_as(&service, "key-a", Method::POST, "/api/v1/logs/search", body).await;
        assert_eq!((status, &problem["code"]), (400, &json!(code)), "{body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(reason), "{body}: {problem}");
    }
    let (status, problem) =
        ask_as(&service, "key-a", Method::POST, "/api/v1/logs/search?limit=5", "{}").await;
    assert_eq!((status, &problem["code"]), (400, &json!("unknown_parameter")));
}

#[tokio::test]
async fn recent_logs_are_fifty_unless_a_limit_is_given() {
    let records: Vec<_> = (0..60).map(|n| record(&format!("log {n}")).at(n)).collect();
    let service = service(&records).await;

    let (status, recent) = get(&service, "/api/v1/logs/recent").await;
    let (_, three) = get(&service, "/api/v1/logs/recent?limit=3&level=info").await;
    let (_, errors) = get(&service, "/api/v1/logs/recent?level=ERROR").await;

    assert_eq!((status, messages(&recent["logs"]).len(), &recent["total"]), (200, 50, &json!(60)));
    assert_eq!(messages(&recent["logs"])[0], "log 59");
    assert_eq!(messages(&three["logs"]), ["log 59", "log 58", "log 57"]);
    assert_eq!((&errors["logs"], &errors["total"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn the_context_of_a_log_is_what_happened_around_it_where_it_happened() {
    let at = |n: i64| record(&format!("log {n}")).at(n).host("web-1");
    // Ids are 1 to 9; what happens at one time is in the order of ids.
    let service = service(&[
        at(3),
        at(1),
        at(2),
        at(3),
        at(3),
        at(4),
        at(3).service("other"),
        at(3).host("web-2"),
        at(5),
    ])
    .await;
    let ids = |logs: &Value| -> Vec<i64> {
        logs.as_array().unwrap().iter().map(|log| log["id"].as_i64().unwrap()).collect()
    };
    let cases = [
        ("", vec![2, 3, 1], vec![5, 6, 9]),
        ("?before=1&after=2", vec![1], vec![5, 6]),
        ("?before=0&after=0", vec![], vec![]),
        ("?before=1000&after=1000", vec![2, 3, 1], vec![5, 6, 9]),
        ("?service=auth-service", vec![2, 3, 1], vec![5, 8, 6, 9]),
        ("?q=", vec![2, 3, 1], vec![5, 7, 8, 6, 9]),
        ("?q=5", vec![], vec![9]),
        ("?from=2025-04-01T12:00:02Z&after=0", vec![3, 1], vec![]),
    ];
    for (query, before, after) in cases {
        for path in ["/logs/4/context", "/api/v1/logs/4/context"] {
            let (status, found) = get(&service, &format!("{path}{query}")).await;
            assert_eq!(
                (status, &found["log"]["id"], &found["complete"]),
                (200, &json!(4), &json!(true)),
                "{query}"
            );
            assert_eq!(
                (ids(&found["before"]), ids(&found["after"])),
                (before.clone(), after.clone()),
                "{query}"
            );
        }
    }
}

#[tokio::test]
async fn a_context_that_makes_no_sense_is_refused_and_that_of_nothing_is_404() {
    let service = service(&[record("a")]).await;
    for query in [
        "before=-1",
        "after=-1",
        "before=1001",
        "after=1e23",
        "before=",
        "before=1&before=2",
        "limit=5",
        "order=asc",
    ] {
        let (status, problem) = get(&service, &format!("/logs/1/context?{query}")).await;
        assert_eq!(status, 400, "{query}: {problem}");
    }
    let (missing, _) = get(&service, "/logs/2/context").await;
    let (theirs, _) = ask_as(&service, "key-b", Method::GET, "/logs/1/context", "").await;
    let (no_id, _) = get(&service, "/logs/recent/context").await;
    assert_eq!((missing, theirs, no_id), (404, 404, 400));
}

#[tokio::test]
async fn an_explanation_shows_the_whole_question_as_a_tree() {
    let service = service(&seven()).await;

    let uri =
        "/api/v1/query/explain?service=pay&level=ERROR&from=2025-04-01T12:00:00Z&attr.a=1&q=timeout+OR+id:3";
    let (status, explained) = get(&service, uri).await;
    let (_, everything) = get(&service, "/api/v1/query/explain?limit=2").await;

    let tree = json!({"and": [
        {"field": "service", "op": "equals", "value": "pay"},
        {"field": "level", "op": "in", "value": ["ERROR"]},
        {"field": "timestamp", "op": "range", "gte": "2025-04-01T12:00:00Z"},
        {"or": [
            {"field": "message", "op": "phrase", "value": "timeout"},
            {"field": "id", "op": "equals", "value": 3},
        ]},
        {"field": "a", "op": "equals", "value": "1"},
    ]});
    assert_eq!((status, &explained["tree"], &explained["found"]), (200, &tree, &json!(0)), "{explained}");
    let plan = explained["plan"].as_object().unwrap();
    let mut names: Vec<&str> = plan.keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = [
        "blocks_considered",
        "blocks_read",
        "blocks_read_count",
        "blocks_ruled_out_by_summary",
        "blocks_ruled_out_by_tokens",
        "records_considered",
        "records_decoded",
        "token_slices_read",
        "tokens",
    ];
    assert_eq!(names, expected);
    assert_eq!((&everything["tree"], &everything["found"]), (&json!({"and": []}), &json!(2)));
    assert!(everything["query_time_ms"].as_f64().is_some_and(|ms| ms >= 0.0));
}
