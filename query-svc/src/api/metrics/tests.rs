//! The routes of this group over the reference store, with numbers that can be checked by hand.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};
use testkit::RecordBuilder;
use testkit::build::record;

use crate::api::tests::{ask_as, get, service, service_that_answers_within};

/// Every route of this group.
const ROUTES: [&str; 8] = [
    "/api/v1/metrics/overview",
    "/api/v1/metrics/system",
    "/api/v1/metrics/service/pay",
    "/api/v1/metrics/timeseries",
    "/api/v1/metrics/categories",
    "/api/v1/services",
    "/api/v1/fields",
    "/api/v1/fields/host/values",
];

/// The clock stands at one minute after noon.
fn records() -> Vec<RecordBuilder> {
    let log = |service, second, level, message| record(message).service(service).at(second).severity(level);
    vec![
        log("pay", -86_340, "FATAL", "order 1 failed"),
        log("pay", -86_341, "FATAL", "order 2 failed, a day and a second ago"),
        log("pay", 0, "ERROR", "order 17 failed in 35 ms").host("web-1"),
        log("pay", 59, "error3", "order 18 failed in 7 ms").host("web-2"),
        log("pay", 30, "ERROR", "disk full").host("web-1"),
        log("pay", 1, "INFO", "order 19 paid in 8 ms").host("web-1"),
        log("auth", 2, "WARN", "slow login of 'bob'"),
        log("auth", 3, "INFO", "login").host("Web-3"),
        log("auth", 60, "ERROR", "too late to be counted"),
        log("old", -200_000, "DEBUG", "long ago"),
    ]
}

async fn ok(records: &[RecordBuilder], uri: &str) -> Value {
    let service = service(records).await;
    let (status, answer) = get(&service, uri).await;
    assert_eq!(status, 200, "{uri}: {answer}");
    answer
}

#[tokio::test]
async fn an_overview_counts_the_last_day_or_the_time_asked_for() {
    let day = ok(&records(), ROUTES[0]).await;
    let expected = json!({
        "from": "2025-03-31T12:01:00Z", "to": "2025-04-01T12:01:00Z", "complete": true,
        "total": 7, "logs_per_minute": 7.0 / 1440.0, "error_rate": 4.0 / 7.0,
        "by_level": {"FATAL": 1, "ERROR": 3, "INFO": 2, "WARN": 1}, "by_service": {"pay": 5, "auth": 2},
    });
    assert_eq!(day, expected);

    let minute =
        ok(&records(), "/api/v1/metrics/overview?from=now-1m&to=now&min_severity=warn&q=order").await;
    let expected = json!({
        "from": "2025-04-01T12:00:00Z", "to": "2025-04-01T12:01:00Z", "complete": true,
        "total": 2, "logs_per_minute": 2.0, "error_rate": 1.0, "by_level": {"ERROR": 2}, "by_service": {"pay": 2},
    });
    assert_eq!(minute, expected);
}

#[tokio::test]
async fn the_system_has_a_row_for_every_service_also_for_a_quiet_one() {
    let system = ok(&records(), "/api/v1/metrics/system?time_range=1m").await;
    let rows = json!([
        {"service": "pay", "total": 4, "logs_per_minute": 4.0, "error_rate": 0.75,
         "by_level": {"ERROR": 3, "INFO": 1}, "last_log": "2025-04-01T12:00:59Z"},
        {"service": "auth", "total": 2, "logs_per_minute": 2.0, "error_rate": 0.0,
         "by_level": {"WARN": 1, "INFO": 1}, "last_log": "2025-04-01T12:01:00Z"},
        {"service": "old", "total": 0, "logs_per_minute": 0.0, "error_rate": 0.0,
         "by_level": {}, "last_log": "2025-03-30T04:26:40Z"},
    ]);
    assert_eq!(system["services"], rows);
    assert_eq!(
        (&system["total"], &system["error_rate"], &system["complete"]),
        (&json!(6), &json!(0.5), &json!(true))
    );
    assert_eq!(system["by_service"], json!({"pay": 4, "auth": 2}));

    let some = ok(&records(), "/api/v1/metrics/system?time_range=1m&service=old,auth&level=WARN").await;
    let names: Vec<_> =
        some["services"].as_array().unwrap().iter().map(|row| row["service"].clone()).collect();
    assert_eq!(json!([names, some["total"]]), json!([["auth", "old"], 1]));
}

#[tokio::test]
async fn a_service_has_its_counts_and_what_its_errors_say_most_often() {
    let pay = ok(&records(), "/api/v1/metrics/service/pay").await;
    let expected = json!({
        "service": "pay", "from": "2025-03-31T12:01:00Z", "to": "2025-04-01T12:01:00Z", "complete": true,
        "total": 5, "logs_per_minute": 5.0 / 1440.0, "error_rate": 0.8,
        "by_level": {"FATAL": 1, "ERROR": 3, "INFO": 1}, "last_log": "2025-04-01T12:00:59Z",
        "top_errors": [
            {"template": "order <*> failed in <*> ms", "count": 2, "last_seen": "2025-04-01T12:00:59Z",
             "example": "order 18 failed in 7 ms", "example_id": 4},
            {"template": "disk full", "count": 1, "last_seen": "2025-04-01T12:00:30Z",
             "example": "disk full", "example_id": 5},
            {"template": "order <*> failed", "count": 1, "last_seen": "2025-03-31T12:01:00Z",
             "example": "order 1 failed", "example_id": 1},
        ],
        "errors_sampled": 4, "errors_other": 0, "templates_max": 1000,
    });
    assert_eq!(pay, expected);

    let top = ok(&records(), "/api/v1/metrics/service/pay?top=1&q=order&time_range=1m").await;
    assert_eq!(top["top_errors"].as_array().unwrap().len(), 1);
    assert_eq!(json!([top["total"], top["errors_sampled"], top["errors_other"]]), json!([3, 2, 0]));
    let rest = ok(&records(), "/api/v1/metrics/service/pay?top=1").await;
    assert_eq!(json!([rest["errors_other"], rest["complete"]]), json!([2, true]));
    let no_errors = ok(&records(), "/api/v1/metrics/service/pay?level=INFO").await;
    assert_eq!(json!([no_errors["total"], no_errors["top_errors"]]), json!([1, []]));
}

#[tokio::test]
async fn a_service_that_is_not_known_or_not_meant_is_quiet() {
    for (uri, last_log) in [
        ("/api/v1/metrics/service/nobody", json!(null)),
        ("/api/v1/metrics/service/zahlung%20%C3%A4%2Fb", json!(null)),
        ("/api/v1/metrics/service/pay?service=auth", json!("2025-04-01T12:00:59Z")),
    ] {
        let quiet = ok(&records(), uri).await;
        assert_eq!(
            json!([quiet["total"], quiet["error_rate"], quiet["top_errors"]]),
            json!([0, 0.0, []]),
            "{uri}"
        );
        assert_eq!((&quiet["last_log"], &quiet["complete"]), (&last_log, &json!(true)), "{uri}");
    }
}

#[tokio::test]
async fn a_series_has_every_bucket_and_the_counts_of_what_is_selected() {
    let at = [-61, -60, -1, 0, 59, 60, 61];
    let records: Vec<_> = at.into_iter().map(|second| record(&format!("at {second}")).at(second)).collect();
    let service = service(&records).await;

    let (status, series) = get(&service, "/api/v1/metrics/timeseries?interval=1m&time_range=3m").await;
    let (_, filtered) = get(&service, "/api/v1/metrics/timeseries?interval=1h&time_range=1h&q=59").await;
    let (too_many, refused) = get(&service, "/api/v1/metrics/timeseries?interval=1s&time_range=1w").await;

    let bucket = |time: &str, count: u64| json!({"timestamp": format!("2025-04-01T{time}Z"), "count": count});
    let expected = json!({
        "interval_seconds": 60, "from": "2025-04-01T11:58:00Z", "to": "2025-04-01T12:01:00Z", "total": 5,
        "buckets": [bucket("11:58:00", 1), bucket("11:59:00", 2), bucket("12:00:00", 2)],
    });
    assert_eq!((status, series), (200, expected));
    assert_eq!(filtered["buckets"], json!([bucket("11:00:00", 0), bucket("12:00:00", 1)]));
    assert_eq!(too_many, 400);
    assert!(refused["detail"].as_str().unwrap().contains("limit of 10000"), "{refused}");
}

#[tokio::test]
async fn a_series_is_split_into_groups() {
    let bucket = |time: &str, count: u64, groups: Value| json!({"timestamp": format!("2025-04-01T12:00:{time}Z"), "count": count, "groups": groups, "other": 0});
    let split = async |by: &str| {
        let uri = format!("/api/v1/metrics/timeseries?interval=25s&from=2025-04-01T12:00:00Z&group_by={by}");
        ok(&records(), &uri).await
    };

    let by_service = split("service").await;
    let groups = json!([{"name": "pay", "total": 4}, {"name": "auth", "total": 2}]);
    assert_eq!(
        json!([by_service["groups"], by_service["other"], by_service["total"]]),
        json!([groups, 0, 6])
    );
    let expected = json!([
        bucket("00", 4, json!({"pay": 2, "auth": 2})),
        bucket("25", 1, json!({"pay": 1})),
        bucket("50", 1, json!({"pay": 1})),
    ]);
    assert_eq!(by_service["buckets"], expected);

    let [by_level, by_severity] = [split("level").await, split("severity").await];
    assert_eq!(by_level["buckets"][0]["groups"], json!({"ERROR": 1, "INFO": 2, "WARN": 1}));
    assert_eq!(by_severity["buckets"][0]["groups"], json!({"ERROR": 1, "INFO": 2, "WARNING": 1}));
}

#[tokio::test]
async fn categories_have_their_shares_and_times() {
    let log = |second, attributes: &str| record("m").at(second).attributes(attributes);
    let records = [
        log(0, r#"{"category":"backup","status":"SUCCESS","execution_time_seconds":1.5}"#),
        log(1, r#"{"category":"backup","status":"failed","execution_time_seconds":0.5}"#),
        log(2, r#"{"category":"backup","status":"success","execution_time_seconds":4}"#),
        log(3, r#"{"category":"restore"}"#),
        log(4, r#"{"category":"late"}"#).at(60),
        log(5, r#"{"note":"category"}"#),
    ];
    let categories = ok(&records, ROUTES[4]).await;
    let expected = json!({
        "from": "2025-03-31T12:01:00Z", "to": "2025-04-01T12:01:00Z", "complete": true,
        "sampled": 4, "categories_max": 200, "other": 0,
        "categories": [
            {"category": "backup", "count": 3, "with_status": 3, "success_rate": 2.0 / 3.0,
             "execution_time_seconds": {"count": 3, "mean": 2.0, "p50": 1.5, "p95": 4.0, "max": 4.0, "percentiles_of": 3}},
            {"category": "restore", "count": 1, "with_status": 0, "success_rate": null,
             "execution_time_seconds": null},
        ],
    });
    assert_eq!(categories, expected);
    let narrowed = ok(&records, "/api/v1/metrics/categories?to=2025-04-01T12:00:01Z").await;
    assert_eq!(json!([narrowed["sampled"], narrowed["categories"][0]["success_rate"]]), json!([1, 1.0]));
}

#[tokio::test]
async fn services_are_listed_with_exact_counts_by_name() {
    let expected = json!([
        {"service": "auth", "total": 3, "by_level": {"WARN": 1, "INFO": 1, "ERROR": 1},
         "last_log": "2025-04-01T12:01:00Z"},
        {"service": "old", "total": 1, "by_level": {"DEBUG": 1}, "last_log": "2025-03-30T04:26:40Z"},
        {"service": "pay", "total": 6, "by_level": {"FATAL": 2, "ERROR": 3, "INFO": 1},
         "last_log": "2025-04-01T12:00:59Z"},
    ]);
    assert_eq!(ok(&records(), ROUTES[5]).await, expected);
}

#[tokio::test]
async fn fields_are_listed_with_their_types_and_how_many_logs_have_them() {
    let records = [
        record("m")
            .host("web-1")
            .attributes(r#"{"http":{"status":503},"http.status":"503","tags":["a","b",1]}"#),
        record("m").attributes(r#"{"http":{"status":200,"ok":true},"none":null}"#),
        record("").service("pay").span("t", ""),
    ];
    let fields = ok(&records, ROUTES[6]).await;
    let builtin = |name: &str, kind: &str, count: u64| json!({"name": name, "kind": "builtin", "types": [kind], "count": count});
    let attribute = |name: &str, types: Value, count: u64| json!({"name": name, "kind": "attribute", "types": types, "count": count});
    let expected = json!({
        "sampled": 3, "sample_max": 10_000, "attributes_max": 1000, "complete": true,
        "fields": [
            builtin("id", "number", 3), builtin("timestamp", "time", 3), builtin("received_at", "time", 3),
            builtin("service", "string", 3), builtin("severity", "string", 3), builtin("level", "string", 3),
            builtin("message", "string", 2), builtin("trace_id", "string", 1), builtin("span_id", "string", 0),
            builtin("host", "string", 1),
            attribute("http.ok", json!(["boolean"]), 1),
            attribute("http.status", json!(["number", "string"]), 2),
            attribute("tags", json!(["number", "string"]), 1),
        ],
    });
    assert_eq!(fields, expected);
    let of_pay = ok(&records, "/api/v1/fields?service=pay").await;
    assert_eq!((&of_pay["sampled"], of_pay["fields"].as_array().unwrap().len()), (&json!(1), 10));
}

#[tokio::test]
async fn values_are_listed_most_frequent_first() {
    let mut records = records();
    records.push(record("m").attributes(r#"{"http":{"status":503,"tags":["b","a","a"]}}"#));
    records.push(record("m").attributes(r#"{"http.status":"503"}"#).severity("FATAL4"));
    records.push(record("m").attributes(r#"{"http":{"status":200}}"#));
    let cases = [
        ("service/values", json!([["pay", 6], ["auth", 3], ["auth-service", 3], ["old", 1]]), 0, json!(null)),
        ("service/values?prefix=AU&limit=1", json!([["auth", 3]]), 3, json!(null)),
        ("service/values?min_severity=fatal", json!([["pay", 2], ["auth-service", 1]]), 0, json!(null)),
        ("level/values?limit=2", json!([["ERROR", 4], ["INFO", 4]]), 5, json!(null)),
        ("severity/values?prefix=c", json!([["CRITICAL", 3]]), 0, json!(null)),
        ("host/values", json!([["web-1", 3], ["Web-3", 1], ["web-2", 1]]), 0, json!(5)),
        ("host/values?prefix=Web-3", json!([["Web-3", 1]]), 0, json!(5)),
        ("host/values?service=auth", json!([["Web-3", 1]]), 0, json!(1)),
        ("http.status/values", json!([["503", 2], ["200", 1]]), 0, json!(3)),
        ("http.tags/values", json!([["a", 1], ["b", 1]]), 0, json!(1)),
        ("http/values", json!([]), 0, json!(2)),
        ("nothing/values", json!([]), 0, json!(0)),
        ("id/values?q=disk", json!([["5", 1]]), 0, json!(1)),
        ("timestamp/values?q=disk", json!([["2025-04-01T12:00:30Z", 1]]), 0, json!(1)),
    ];
    for (path, expected, other, sampled) in cases {
        let answer = ok(&records, &format!("/api/v1/fields/{path}")).await;
        let pairs: Vec<Value> = answer["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| json!([value["value"], value["count"]]))
            .collect();
        assert_eq!(json!(pairs), expected, "{path}");
        let field = path.split('/').next().unwrap();
        let expected = json!({"field": field, "other": other, "sampled": sampled, "complete": true});
        let found = json!({
            "field": answer["field"], "other": answer["other"], "sampled": answer["sampled"], "complete": answer["complete"],
        });
        assert_eq!(found, expected, "{path}");
    }
}

#[tokio::test]
async fn without_logs_every_answer_is_empty_and_complete() {
    let service = service(&[]).await;
    for uri in ROUTES {
        let (status, answer) = get(&service, uri).await;
        assert_eq!(status, 200, "{uri}: {answer}");
        let is_list = answer == json!([]);
        assert!(is_list || uri == ROUTES[3] || answer["complete"] == true, "{uri}: {answer}");
        for (name, empty) in [
            ("total", json!(0)),
            ("error_rate", json!(0.0)),
            ("by_service", json!({})),
            ("services", json!([])),
            ("top_errors", json!([])),
            ("categories", json!([])),
            ("values", json!([])),
        ] {
            assert!(answer.get(name).is_none_or(|found| *found == empty), "{uri}: {answer}");
        }
    }
    assert_eq!(get(&service, ROUTES[3]).await.1["buckets"].as_array().unwrap().len(), 13);
}

#[tokio::test]
async fn what_no_time_was_left_to_look_at_is_said_to_be_missing() {
    let records: Vec<_> = records().into_iter().map(|log| log.attributes(r#"{"category":"a"}"#)).collect();
    let service = service_that_answers_within(Duration::ZERO, &records).await;
    for (uri, looked_at) in [
        (ROUTES[2], "errors_sampled"),
        (ROUTES[4], "sampled"),
        (ROUTES[6], "sampled"),
        (ROUTES[7], "sampled"),
    ] {
        let (status, answer) = get(&service, uri).await;
        assert_eq!(
            (status, &answer["complete"], &answer[looked_at]),
            (200, &json!(false), &json!(0)),
            "{uri}"
        );
    }
}

#[tokio::test]
async fn a_tenant_never_sees_what_another_one_has() {
    let service = service(&records()).await;
    for uri in ROUTES {
        let (status, answer) = ask_as(&service, "key-b", Method::GET, uri, "").await;
        assert_eq!(status, 200, "{uri}: {answer}");
        let text = answer.to_string();
        for known in ["disk", "auth", "web-1", "2025-04-01T12:00:59Z"] {
            assert!(!text.contains(known), "{uri}: {known} in {text}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_400_everywhere() {
    let service = service(&records()).await;
    let cases = [
        ("metrics/overview?top=5", "unknown parameter \"top\""),
        ("metrics/overview?from=yesterday", "parameter from"),
        ("metrics/overview?from=now%2B1h", "the range ends before it starts"),
        ("metrics/system?q=(", "parameter q"),
        ("metrics/service/pay?top=0", "parameter top: expected an integer from 1 to 100"),
        ("metrics/service/pay?top=101", "parameter top"),
        ("metrics/service/pay?top=ten", "parameter top"),
        ("metrics/timeseries?interval=1s&from=0", "more than the limit of 10000"),
        ("metrics/timeseries?group_by=host", "parameter group_by: expected service, severity or level"),
        ("metrics/timeseries?interval=0s", "parameter interval"),
        ("metrics/categories?level=loud", "parameter level"),
        ("services?service=pay", "unknown parameter \"service\""),
        ("fields?limit=5", "unknown parameter \"limit\""),
        ("fields/host/values?limit=0", "parameter limit: expected an integer from 1 to 1000"),
        ("fields/host/values?limit=1001", "parameter limit"),
        ("fields/host/values?prefix=a&prefix=b", "given more than once"),
    ];
    for (path, expected) in cases {
        let (status, problem) = get(&service, &format!("/api/v1/{path}")).await;
        assert_eq!(status, 400, "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{path}: {problem}");
    }
}
