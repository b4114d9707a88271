//! Metrics, services and fields: every number is what a naive recount of all logs gives.

use std::collections::{BTreeMap, BTreeSet};

use e2e_tests::seed::seed_from;
use e2e_tests::{Answer, Installation};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

const SERVICES: [&str; 4] = ["auth", "pay", "chat", "zahlung ä/b"];
const LEVELS: [&str; 7] = ["DEBUG", "INFO", "info2", "WARN", "ERROR", "17", "FATAL"];
const HOSTS: [&str; 3] = ["web-1", "Web-2", "db-1"];
const CATEGORIES: [&str; 3] = ["backup", "restore", "deploy"];

/// 2025-04-01T12:00:00Z, in seconds since the Unix epoch.
const NOON: i64 = 1_743_508_800;

/// All logs happened within so many seconds after noon.
const SECONDS: i64 = 900;

/// How many logs there are: more than are scanned in one go.
const LOGS: usize = 1500;

/// Most logs of one post.
const POST_MAX: usize = 130;

#[tokio::test]
async fn every_number_is_what_a_recount_of_all_logs_gives() {
    let installation = with_random_logs().await;
    let span = format!("from={NOON}&to={}", NOON + SECONDS);
    let filters = [
        span.clone(),
        format!("from={}&to={}", NOON + 100, NOON + 500),
        format!("{span}&service=pay,auth&min_severity=info"),
        format!("{span}&q=order%20failed"),
        format!("{span}&q=category:backup%20OR%20NOT%20host:web-1"),
        format!("{span}&level=FATAL&q=nothing"),
    ];

    for filter in filters {
        let logs = installation.all_logs(&filter).await;
        let asked = |route: &str| format!("/api/v1/metrics/{route}{filter}");
        let minutes = span_seconds(&filter) / 60.0;

        let overview = get(&installation, &asked("overview?")).await;
        assert_summary(&overview, &logs, minutes, &filter);
        assert_eq!(overview["by_service"], json!(count(&logs, |log| texts(&log["service"]))), "{filter}");

        let system = get(&installation, &asked("system?")).await;
        assert_summary(&system, &logs, minutes, &filter);
        for row in system["services"].as_array().expect("rows") {
            let of_service = of_service(&logs, &row["service"]);
            assert_summary(row, &of_service, minutes, &filter);
        }

        for service in SERVICES {
            let name: String = form_encoded(service);
            let metrics = get(&installation, &asked(&format!("service/{name}?top=2&"))).await;
            let of_service = of_service(&logs, &json!(service));
            assert_summary(&metrics, &of_service, minutes, &filter);
            assert_top_errors(&metrics, &of_service, &filter);
        }

        let categories = get(&installation, &asked("categories?")).await;
        assert_categories(&categories, &logs, &filter);
    }
}

#[tokio::test]
async fn buckets_of_any_length_hold_what_happened_in_them_by_group() {
    let installation = with_random_logs().await;

    for (interval, filter) in
        [(60, ""), (7, "&q=failed"), (77, "&service=pay"), (300, "&level=ERROR"), (1, "")]
    {
        let (from, to) = (NOON + 13, NOON + SECONDS - 5);
        let first = from - from % interval;
        let logs = installation.all_logs(&format!("from={first}&to={to}{filter}")).await;
        for field in ["service", "severity", "level"] {
            let asked = format!(
                "/api/v1/metrics/timeseries?interval={interval}s&from={from}&to={to}{filter}&group_by={field}"
            );
            let series = get(&installation, &asked).await;
            assert_eq!((&series["total"], &series["other"]), (&json!(logs.len()), &json!(0)), "{asked}");

            let mut counts: BTreeMap<i64, BTreeMap<String, u64>> = BTreeMap::new();
            for log in &logs {
                let bucket = second_of(&log["timestamp"]).div_euclid(interval) * interval;
                *counts.entry(bucket).or_default().entry(text(&log[field])).or_default() += 1;
            }
            let buckets = series["buckets"].as_array().expect("buckets");
            assert_eq!(buckets.len() as i64, (to - first + interval - 1) / interval, "{asked}");
            for (start, bucket) in (0..).map(|n| first + n * interval).zip(buckets) {
                let groups = counts.remove(&start).unwrap_or_default();
                assert_eq!(second_of(&bucket["timestamp"]), start, "{asked}");
                assert_eq!(bucket["count"], groups.values().sum::<u64>(), "{asked}");
                assert_eq!(bucket["groups"], json!(groups), "{asked}");
            }
            assert!(counts.is_empty(), "{asked}: nothing lies outside of all buckets");
            let totals = count(&logs, |log| texts(&log[field]));
            let listed: BTreeMap<String, u64> = series["groups"]
                .as_array()
                .expect("groups")
                .iter()
                .map(|group| (text(&group["name"]), group["total"].as_u64().expect("a count")))
                .collect();
            assert_eq!(listed, totals, "{asked}");
        }
    }
}

#[tokio::test]
async fn services_fields_and_values_are_what_the_logs_have() {
    let installation = with_random_logs().await;
    let logs = installation.all_logs("").await;

    let services = get(&installation, "/api/v1/services").await;
    let mut expected = Vec::new();
    for (service, total) in count(&logs, |log| texts(&log["service"])) {
        let of_service = of_service(&logs, &json!(service));
        let by_level = count(&of_service, |log| texts(&log["level"]));
        let last = of_service.iter().map(|log| text(&log["timestamp"])).max();
        expected.push(json!({"service": service, "total": total, "by_level": by_level, "last_log": last}));
    }
    assert_eq!(services, json!(expected));

    let fields = get(&installation, "/api/v1/fields").await;
    assert_eq!(json!([fields["sampled"], fields["complete"]]), json!([LOGS, true]));
    for (name, types, has) in [
        ("host", json!(["string"]), values_of(&logs, "/host").len()),
        ("trace_id", json!(["string"]), 0),
        ("id", json!(["number"]), LOGS),
        ("category", json!(["string"]), values_of(&logs, "/attributes/category").len()),
        ("http.status", json!(["number", "string"]), values_of(&logs, "/attributes/http/status").len()),
        (
            "execution_time_seconds",
            json!(["number"]),
            values_of(&logs, "/attributes/execution_time_seconds").len(),
        ),
    ] {
        let field = fields["fields"].as_array().expect("fields").iter().find(|field| field["name"] == name);
        let field = field.unwrap_or_else(|| panic!("{name} is listed: {fields}"));
        assert_eq!((&field["types"], &field["count"]), (&types, &json!(has)), "{name}");
    }

    for (name, pointer) in [
        ("service", "/service"),
        ("severity", "/severity"),
        ("level", "/level"),
        ("host", "/host"),
        ("category", "/attributes/category"),
        ("http.status", "/attributes/http/status"),
    ] {
        for (filter, prefix, limit) in [("", "", 10), ("min_severity=error", "", 2), ("q=failed", "W", 10)] {
            let asked = format!("/api/v1/fields/{name}/values?{filter}&prefix={prefix}&limit={limit}");
            let asked = asked.replace("?&", "?");
            let answer = get(&installation, &asked).await;
            let logs = installation.all_logs(filter).await;
            let mut values: Vec<(String, u64)> =
                count(&logs, |log| log.pointer(pointer).map_or(vec![], texts))
                    .into_iter()
                    .filter(|(value, _)| value.to_lowercase().starts_with(&prefix.to_lowercase()))
                    .collect();
            values.sort_by(|(left, more), (right, less)| less.cmp(more).then_with(|| left.cmp(right)));
            let other: u64 = values.iter().skip(limit).map(|(_, count)| count).sum();
            values.truncate(limit);
            let listed: Vec<Value> =
                values.iter().map(|(value, count)| json!({"value": value, "count": count})).collect();
            assert_eq!((&answer["values"], &answer["other"]), (&json!(listed), &json!(other)), "{asked}");
            assert_eq!(answer["complete"], true, "{asked}");
        }
    }
}

#[tokio::test]
async fn without_logs_every_route_answers() {
    let installation = Installation::start();
    for route in [
        "metrics/overview",
        "metrics/system",
        "metrics/service/nobody",
        "metrics/categories",
        "fields",
        "fields/host/values",
        "fields/service/values",
    ] {
        let answer = get(&installation, &format!("/api/v1/{route}")).await;
        assert_eq!(answer["complete"], true, "{route}: {answer}");
    }
    assert_eq!(get(&installation, "/api/v1/services").await, json!([]));
}

#[tokio::test]
async fn what_cannot_be_understood_is_400_and_names_what_it_is_about() {
    let installation = Installation::start();
    for (route, code, name) in [
        ("metrics/timeseries?interval=1s&from=0", "invalid_parameter", "interval"),
        ("metrics/timeseries?interval=1s&days=12", "invalid_parameter", "interval"),
        ("metrics/timeseries?interval=7", "invalid_parameter", "interval"),
        ("metrics/timeseries?group_by=host", "invalid_parameter", "group_by"),
        ("metrics/timeseries?group_by=", "invalid_parameter", "group_by"),
        ("metrics/service/pay?top=0", "invalid_parameter", "top"),
        ("metrics/service/pay?top=101", "invalid_parameter", "top"),
        ("metrics/service/pay?top=-1", "invalid_parameter", "top"),
        ("metrics/overview?from=yesterday", "invalid_parameter", "from"),
        ("metrics/overview?group_by=service", "unknown_parameter", "group_by"),
        ("metrics/system?limit=5", "unknown_parameter", "limit"),
        ("metrics/categories?q=(", "invalid_parameter", "q"),
        ("services?q=x", "unknown_parameter", "q"),
        ("fields?limit=5", "unknown_parameter", "limit"),
        ("fields/host/values?limit=0", "invalid_parameter", "limit"),
        ("fields/host/values?limit=1001", "invalid_parameter", "limit"),
        ("fields/host/values?limit=x", "invalid_parameter", "limit"),
    ] {
        let answer = Answer::to(installation.get(&format!("/api/v1/{route}"))).await;
        let problem = answer.problem(400, code).unwrap_or_else(|error| panic!("{route}: {error}"));
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(name)), "{route}: {problem}");
    }
}

/// Starts an installation with random logs, posted in pieces.
async fn with_random_logs() -> Installation {
    let mut random = StdRng::seed_from_u64(seed_from("E2E_SEED"));
    let installation = Installation::start();
    let logs: Vec<Value> = (0..LOGS).map(|_| random_log(&mut random)).collect();
    for part in logs.chunks(POST_MAX) {
        installation.post_logs(&json!(part)).await;
    }
    installation
}

fn random_log(random: &mut StdRng) -> Value {
    let number = random.random_range(0..1_000_000);
    let message = match random.random_range(0..4) {
        0 => format!("order {number} failed in {} ms", random.random_range(0..900)),
        1 => format!("disk {number} full"),
        2 => "connection reset by peer".to_owned(),
        _ => format!("user {number} logged in"),
    };
    let mut log = json!({
        "service": SERVICES.choose(random), "level": LEVELS.choose(random), "message": message,
        "timestamp": NOON + random.random_range(0..SECONDS),
    });
    if random.random_bool(0.5) {
        log["host"] = json!(HOSTS.choose(random));
    }
    if random.random_bool(0.4) {
        log["category"] = json!(CATEGORIES.choose(random));
    }
    if random.random_bool(0.6) {
        log["status"] = json!(["SUCCESS", "success", "FAILED"].choose(random));
    }
    if random.random_bool(0.6) {
        // Quarters add up without an error.
        log["execution_time_seconds"] = json!(f64::from(random.random_range(0..400)) / 4.0);
    }
    if random.random_bool(0.3) {
        let status = random.random_range(500..505);
        log["http"] = json!({"status": if random.random_bool(0.5) { json!(status) } else { json!(status.to_string()) }});
    }
    log
}

async fn get(installation: &Installation, path: &str) -> Value {
    let answer = Answer::to(installation.get(path)).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn assert_summary(found: &Value, logs: &[Value], minutes: f64, context: &str) {
    let is_error = |log: &&Value| ["ERROR", "FATAL"].iter().any(|level| log["level"] == *level);
    let (total, errors) = (logs.len() as f64, logs.iter().filter(is_error).count() as f64);
    assert_eq!(found["total"], logs.len(), "{context}: {found}");
    assert_eq!(found["by_level"], json!(count(logs, |log| texts(&log["level"]))), "{context}: {found}");
    assert_close(&found["logs_per_minute"], total / minutes, context);
    assert_close(&found["error_rate"], if total == 0.0 { 0.0 } else { errors / total }, context);
    assert!(found["complete"].is_null() || found["complete"] == true, "{context}: {found}");
}

fn assert_top_errors(found: &Value, logs: &[Value], context: &str) {
    let mut errors: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for log in logs.iter().filter(|log| log["level"] == "ERROR" || log["level"] == "FATAL") {
        let message = text(&log["message"]);
        let fold = |word: &str| if word.parse::<u64>().is_ok() { "<*>".to_owned() } else { word.to_owned() };
        let template: Vec<String> = message.split(' ').map(fold).collect();
        errors.entry(template.join(" ")).or_default().push(log);
    }
    let all: usize = errors.values().map(Vec::len).sum();
    let mut errors: Vec<_> = errors.into_iter().collect();
    errors.sort_by_key(|(_, logs)| std::cmp::Reverse(logs.len()));
    errors.truncate(2);
    let listed: usize = errors.iter().map(|(_, logs)| logs.len()).sum();
    let expected: Vec<Value> = errors
        .iter()
        .map(|(template, logs)| {
            let newest = logs.iter().max_by_key(|log| (text(&log["timestamp"]), log["id"].as_i64()));
            let newest = newest.expect("there is at least one");
            json!({
                "template": template, "count": logs.len(), "last_seen": newest["timestamp"],
                "example": newest["message"], "example_id": newest["id"],
            })
        })
        .collect();
    assert_eq!(found["top_errors"], json!(expected), "{context}");
    assert_eq!(
        (&found["errors_sampled"], &found["errors_other"]),
        (&json!(all), &json!(all - listed)),
        "{context}"
    );
}

fn assert_categories(found: &Value, logs: &[Value], context: &str) {
    let mut categories: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for log in logs {
        if let Some(category) = log["attributes"]["category"].as_str() {
            categories.entry(category.to_owned()).or_default().push(&log["attributes"]);
        }
    }
    assert_eq!(found["complete"], true, "{context}");
    assert_eq!(found["categories"].as_array().map(Vec::len), Some(categories.len()), "{context}");
    for row in found["categories"].as_array().expect("categories") {
        let logs = &categories[row["category"].as_str().expect("a name")];
        let statuses: Vec<&str> = logs.iter().filter_map(|log| log["status"].as_str()).collect();
        let successes = statuses.iter().filter(|status| status.eq_ignore_ascii_case("success")).count();
        assert_eq!(
            (&row["count"], &row["with_status"]),
            (&json!(logs.len()), &json!(statuses.len())),
            "{context}"
        );
        if statuses.is_empty() {
            assert!(row["success_rate"].is_null(), "{context}");
        } else {
            assert_close(&row["success_rate"], successes as f64 / statuses.len() as f64, context);
        }

        let mut times: Vec<f64> =
            logs.iter().filter_map(|log| log["execution_time_seconds"].as_f64()).collect();
        times.sort_by(f64::total_cmp);
        let found = &row["execution_time_seconds"];
        if times.is_empty() {
            assert!(found.is_null(), "{context}");
            continue;
        }
        let ranked = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
        assert_eq!(found["count"], times.len(), "{context}");
        assert_close(&found["mean"], times.iter().sum::<f64>() / times.len() as f64, context);
        for (name, expected) in [("p50", ranked(50)), ("p95", ranked(95)), ("max", times[times.len() - 1])] {
            assert_close(&found[name], expected, context);
        }
    }
}

fn assert_close(found: &Value, expected: f64, context: &str) {
    let number = found.as_f64().unwrap_or_else(|| panic!("{context}: a number, not {found}"));
    assert!((number - expected).abs() <= 1e-9 * expected.abs(), "{context}: {number} is not {expected}");
}

fn of_service(logs: &[Value], service: &Value) -> Vec<Value> {
    logs.iter().filter(|log| log["service"] == *service).cloned().collect()
}

/// Counts logs by the values that they have.
fn count(logs: &[Value], values: impl Fn(&Value) -> Vec<String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for log in logs {
        let values: BTreeSet<String> = values(log).into_iter().collect();
        values.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
    }
    counts
}

/// Returns a text, or a number as a text; nothing for null.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => vec![],
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

fn values_of(logs: &[Value], pointer: &str) -> Vec<Value> {
    logs.iter().filter_map(|log| log.pointer(pointer)).filter(|value| !value.is_null()).cloned().collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}

/// Returns a time of whole seconds in seconds since the Unix epoch.
fn second_of(time: &Value) -> i64 {
    let time = domain::Timestamp::parse(&text(time)).expect("a time");
    time.as_micros() / 1_000_000
}

/// Returns how many seconds lie between `from` and `to` of a query string.
fn span_seconds(filter: &str) -> f64 {
    let second = |name: &str| {
        let value = filter.split('&').find_map(|pair| pair.strip_prefix(name)).expect("both ends are named");
        value.parse::<f64>().expect("a number of seconds")
    };
    second("to=") - second("from=")
}

/// Writes a name so that it can be a part of a path.
fn form_encoded(name: &str) -> String {
    name.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}
