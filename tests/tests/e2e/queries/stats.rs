//! `GET /stats`: its shape, and that it is what one counts, after any posts and deletes.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use e2e_tests::Installation;
use e2e_tests::installation::ask;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

const SERVICES: [&str; 4] = ["auth", "pay", "chat", "zahlung ä"];
const LEVELS: [&str; 9] = ["TRACE", "debug", "INFO", "INFO3", "WARN", "warning", "17", "CRITICAL", "fatal"];

/// 2025-04-01T12:00:00Z, in seconds since the Unix epoch.
const NOON: i64 = 1_743_508_800;

#[tokio::test]
async fn counts_have_the_shape_of_the_contract_and_are_empty_at_first() {
    let installation = Installation::start();

    let (_, empty) = ask(installation.get("/stats")).await;
    let log =
        |service, level, time| json!({"service": service, "level": level, "message": "m", "timestamp": time});
    let logs =
        json!([log("auth", "WARN", NOON), log("auth", "warning", NOON + 5), log("pay", "INFO", NOON - 1)]);
    installation.post_logs(&logs).await;
    let (_, counted) = ask(installation.get("/stats")).await;

    let nothing =
        json!({"logs_per_service": {}, "logs_per_severity": {}, "last_log_per_service": {}, "total": 0});
    assert_eq!(empty, nothing);
    let expected = json!({
        "logs_per_service": {"auth": 2, "pay": 1},
        "logs_per_severity": {"WARNING": 2, "INFO": 1},
        "last_log_per_service": {"auth": "2025-04-01T12:00:05Z", "pay": "2025-04-01T11:59:59Z"},
        "total": 3,
    });
    assert_eq!(counted, expected);
}

#[tokio::test]
async fn counts_are_what_a_recount_of_all_logs_gives_after_random_posts_and_deletes() {
    let seed = seed();
    println!("E2E_SEED={seed} repeats this");
    let mut random = StdRng::seed_from_u64(seed);
    let installation = Installation::start();

    let mut left = 0;
    for step in 0..60 {
        if random.random_bool(0.7) {
            let logs: Vec<Value> = (0..random.random_range(1..40)).map(|_| random_log(&mut random)).collect();
            installation.post_logs(&json!(logs)).await;
            left += logs.len() as u64;
        } else {
            let path = format!("/logs?{}", random_filter(&mut random));
            let (_, selected) = ask(installation.delete(&format!("{path}&dry_run=true"))).await;
            let (_, done) = ask(installation.delete(&path)).await;
            assert_eq!(selected["deleted"], done["deleted"], "step {step}: {path}");
            left -= done["deleted"].as_u64().unwrap_or_else(|| panic!("step {step}: {path}: {done}"));
        }

        let (_, stats) = ask(installation.get("/stats")).await;
        let recount = recount(&installation.all_logs("").await);
        assert_eq!(stats, recount, "step {step}");
        assert_eq!(stats["total"], left, "step {step}");
    }
}

/// Counts logs in the shape of `/stats`.
fn recount(logs: &[Value]) -> Value {
    let mut per_service: BTreeMap<&str, u64> = BTreeMap::new();
    let mut per_severity: BTreeMap<&str, u64> = BTreeMap::new();
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    for log in logs {
        let text = |field: &str| log[field].as_str().expect("a text");
        *per_service.entry(text("service")).or_default() += 1;
        *per_severity.entry(text("severity")).or_default() += 1;
        // Whole seconds of one form: as texts they compare like the times.
        let newest = last.entry(text("service")).or_default();
        *newest = text("timestamp").max(newest);
    }
    json!({
        "logs_per_service": per_service, "logs_per_severity": per_severity,
        "last_log_per_service": last, "total": logs.len(),
    })
}

fn random_log(random: &mut StdRng) -> Value {
    let service = SERVICES.choose(random).expect("there are some");
    let level = LEVELS.choose(random).expect("there are some");
    json!({"service": service, "level": level, "message": "m", "timestamp": random_time(random)})
}

fn random_filter(random: &mut StdRng) -> String {
    let time = random_time(random);
    match random.random_range(0..5) {
        0 => format!("before={time}"),
        1 => format!("service=auth&from={time}"),
        2 => format!("level=warn&service=pay,chat&to={time}"),
        3 => format!("timestamp_start={time}&timestamp_end={}", time + 100),
        _ => "min_severity=fatal".to_owned(),
    }
}

fn random_time(random: &mut StdRng) -> i64 {
    NOON + random.random_range(0..1000)
}

/// Returns the seed that `E2E_SEED` names, or a new one.
fn seed() -> u64 {
    let named = std::env::var("E2E_SEED").ok();
    named.map_or_else(|| RandomState::new().hash_one(0), |seed| seed.parse().expect("E2E_SEED is a number"))
}
