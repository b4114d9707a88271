//! Two processes write to one file: ingest-svc appends, query-svc deletes. No client is ever told that one was in the
//! other's way.
//!
//! `SENTINEL_SOAK_SECONDS` says how long they do.

use std::time::{Duration, Instant};

use e2e_tests::{Answer, Comparison, Installation, Senders, seed_from};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::files;

const SENDERS: u64 = 4;
const SECONDS: u64 = 10;

/// How long is measured without deletes, to compare.
const UNDISTURBED: Duration = Duration::from_secs(2);

/// The service whose records are posted to be deleted again. They lie in blocks with the senders' records.
const BAIT: &str = "bait";
const BAIT_RECORDS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn appends_and_deletes_of_two_processes_are_all_answered_with_success() {
    let seconds = std::env::var("SENTINEL_SOAK_SECONDS");
    let seconds = seconds.map_or(SECONDS, |seconds| seconds.parse().expect("a number of seconds"));
    let installation = Installation::start();
    let senders = Senders::start(&installation, SENDERS, seed_from("SENTINEL_TEST_SEED"));

    let mut undisturbed = post_until(&installation, Instant::now() + UNDISTURBED).await;
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut disturbed, deleted) =
        tokio::join!(post_until(&installation, end), delete_until(&installation, end));
    let left = delete(&installation).await;
    let diary = senders.finish().await;

    let (before, beside) = (percentiles(&mut undisturbed), percentiles(&mut disturbed));
    println!("acknowledged after {before}; beside {} deletes after {beside}", deleted.len());
    let posted = (undisturbed.len() + disturbed.len()) * BAIT_RECORDS;
    assert_eq!(deleted.iter().sum::<u64>() + left, posted as u64, "every record is deleted by one delete");
    let refusals: Vec<_> = diary.refusals.iter().map(Answer::text).collect();
    assert!(refusals.is_empty(), "{refusals:?}");
    assert_eq!((diary.unconnected, diary.broken), (0, 0));
    let logs = installation.all_logs("").await;
    assert_eq!(Comparison::of(&diary, &logs), Comparison::default());
    let Installation { data, ingest, query, .. } = installation;
    assert!(query.stop().success());
    assert!(ingest.stop().success());
    files::assert_in_order(data.path(), logs.len()).await;
}

/// Posts bait; returns how long each acknowledgement took.
async fn post_until(installation: &Installation, end: Instant) -> Vec<Duration> {
    let records: Vec<Value> =
        (0..BAIT_RECORDS).map(|n| json!({"service": BAIT, "message": format!("number {n}")})).collect();
    let mut waits = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        installation.post_logs(&json!(records)).await;
        waits.push(begun.elapsed());
    }
    waits
}

/// Deletes bait; returns how many records each delete took.
async fn delete_until(installation: &Installation, end: Instant) -> Vec<u64> {
    let mut deleted = Vec::new();
    while Instant::now() < end {
        deleted.push(delete(installation).await);
    }
    deleted
}

async fn delete(installation: &Installation) -> u64 {
    let answer = Answer::to(installation.delete(&format!("/logs?service={BAIT}"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["deleted"].as_u64().expect("a number")
}

fn percentiles(waits: &mut [Duration]) -> String {
    waits.sort_unstable();
    let at = |percent: usize| waits.get(waits.len() * percent / 100).copied().unwrap_or_default();
    format!("{:.1?} (half), {:.1?} (99 of 100)", at(50), at(99))
}
