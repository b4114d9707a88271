//! The live tail: every log once and in order, from the past into the present, whatever happens to the connection.
//!
//! `SENTINEL_TAIL_CUTS` says how often each tail's connection is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use e2e_tests::events::Event;
use e2e_tests::installation::sentinel;
use e2e_tests::{Answer, Events, Installation, Service, seed_from};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use testkit::wait_until;
use tokio::task::JoinSet;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(120);

/// How many tails are cut at a time, and how often each: 500 cuts in all.
const CUT_TAILS: u64 = 10;
const CUTS_OF_EACH: usize = 50;

/// A log is about so large in the test of a client that does not read.
const LARGE_MESSAGE_CHARS: usize = 1000;

fn log(service: &str, message: &str) -> Value {
    json!({"service": service, "message": message})
}

fn follow(installation: &Installation, query: &str) -> RequestBuilder {
    installation.get(&format!("/logs/tail?{query}"))
}

/// Reads the next event, which has to be a log.
async fn next_log(events: &mut Events) -> Value {
    let event = events.next().await.expect("the stream does not break");
    let Event { id, kind, data } = event.expect("the stream goes on");
    assert_eq!((kind.as_str(), data["id"].as_i64()), ("log", Some(id)));
    data
}

/// Reads the next event, which has to be a log; returns its id.
async fn next_id(events: &mut Events) -> i64 {
    next_log(events).await["id"].as_i64().expect("a log has an id")
}

#[tokio::test]
async fn a_tail_shows_what_the_other_process_stores_from_now_on_as_a_search_would() {
    let installation = Installation::start();
    installation.post_logs(&log("pay", "before")).await;
    let mut events = Events::of(follow(&installation, "service=pay")).await;
    for n in 0..100 {
        let message = format!("log {n}\n\nid: 1\r\nüñ \"=1\"");
        installation.post_logs(&json!([log("auth", "not selected"), log("pay", &message)])).await;
        let shown = next_log(&mut events).await;
        assert_eq!(shown["message"], message);
        let found = Answer::to(installation.get(&format!("/logs/{}", shown["id"]))).await;
        assert_eq!(shown, found.json());
    }
}

#[tokio::test]
async fn a_tail_with_a_first_time_or_a_last_event_begins_with_what_is_there() {
    let installation = Installation::start();
    let logs: Vec<Value> = (0..3000).map(|n| log("pay", &format!("log {n}"))).collect();
    let first_id = installation.post_logs(&json!(logs)).await["first_id"].as_i64().unwrap();
    let middle = first_id + 1500;

    let v1 = installation.get("/api/v1/logs/tail?from=1970-01-01");
    let mut tails = [
        (first_id, Events::of(v1).await),
        (middle + 1, Events::of(follow(&installation, &format!("last_event_id={middle}"))).await),
        // What a browser says itself is newer than its address.
        (
            middle + 1,
            Events::of(follow(&installation, "last_event_id=1").header("Last-Event-ID", middle.to_string()))
                .await,
        ),
    ];
    for (from, tail) in &mut tails {
        for id in *from..first_id + 3000 {
            assert_eq!(next_log(tail).await["id"], id);
        }
    }
    let live = installation.post_logs(&log("pay", "live")).await;
    for (_, tail) in &mut tails {
        assert_eq!(next_log(tail).await["id"], live["first_id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tails_whose_connections_are_cut_again_and_again_see_every_log_once() {
    let seed = seed_from("SENTINEL_TEST_SEED");
    let cuts = std::env::var("SENTINEL_TAIL_CUTS").map_or(CUTS_OF_EACH, |cuts| cuts.parse().unwrap());
    let installation = Arc::new(Installation::start());
    let (cutting, last_id) = (Arc::new(AtomicUsize::new(CUT_TAILS as usize)), Arc::new(AtomicI64::new(-1)));
    let mut tails = JoinSet::new();
    for n in 0..CUT_TAILS {
        let rng = StdRng::seed_from_u64(seed.wrapping_add(n));
        let (installation, cutting) = (Arc::clone(&installation), Arc::clone(&cutting));
        tails.spawn(read_with_cuts(installation, rng, cuts, cutting, Arc::clone(&last_id)));
    }

    let mut rng = StdRng::seed_from_u64(seed ^ 1);
    let mut last = json!(0);
    while cutting.load(Ordering::Relaxed) > 0 {
        let logs: Vec<Value> =
            (0..rng.random_range(1..30)).map(|n| log("pay", &format!("log {n}"))).collect();
        last = installation.post_logs(&json!(logs)).await["last_id"].clone();
    }
    last_id.store(last.as_i64().unwrap(), Ordering::Relaxed);
    installation.post_logs(&log("pay", "the end")).await;
    let seen = tails.join_all().await;

    let mut expected: Vec<i64> =
        installation.all_logs("").await.iter().map(|log| log["id"].as_i64().unwrap()).collect();
    expected.sort_unstable();
    println!("{} logs, {cuts} cuts of {CUT_TAILS} tails each", expected.len());
    for ids in seen {
        assert_eq!(ids, expected);
    }
}

/// Follows all logs, with a new connection after a random number of events, until `cuts` are over, and then to the end: the
/// log behind `last_id`.
async fn read_with_cuts(
    installation: Arc<Installation>,
    mut rng: StdRng,
    cuts: usize,
    cutting: Arc<AtomicUsize>,
    last_id: Arc<AtomicI64>,
) -> Vec<i64> {
    let mut ids = Vec::new();
    for _ in 0..cuts {
        let mut events = Events::of(behind(&installation, &ids)).await;
        for _ in 0..rng.random_range(0..60) {
            ids.push(next_id(&mut events).await);
        }
    }
    cutting.fetch_sub(1, Ordering::Relaxed);
    let mut events = Events::of(behind(&installation, &ids)).await;
    loop {
        ids.push(next_id(&mut events).await);
        let last_id = last_id.load(Ordering::Relaxed);
        if last_id >= 0 && ids.last() > Some(&last_id) {
            return ids;
        }
    }
}

/// Asks for what comes behind the last of these ids, with a connection of its own.
fn behind(installation: &Installation, ids: &[i64]) -> RequestBuilder {
    let request = Client::new().get(installation.query.url("/logs/tail")).bearer_auth(&installation.key);
    request.header("Last-Event-ID", ids.last().unwrap_or(&0).to_string())
}

#[tokio::test]
async fn a_client_that_does_not_read_is_moved_to_the_present_and_told_exactly_how_many_it_missed() {
    let installation = Installation::start();
    let impatient = Service::start("query-svc", installation.data.path(), &["--tail-lag-seconds", "0"]);
    let client = Client::new();
    let tail = client.get(impatient.url("/logs/tail?service=pay")).bearer_auth(&installation.key);
    let mut events = Events::of(tail).await;
    let mut posted = 1;
    installation.post_logs(&log("pay", "seen")).await;
    let first = next_id(&mut events).await;

    let message = "x".repeat(LARGE_MESSAGE_CHARS);
    for _ in 0..25 {
        // Two thirds are selected.
        let logs: Vec<Value> = (0..2100).map(|n| log(["pay", "pay", "auth"][n % 3], &message)).collect();
        installation.post_logs(&json!(logs)).await;
        posted += 1400;
    }
    let last = installation.post_logs(&log("pay", "the end")).await;
    posted += 1;

    let (mut seen, mut missed, mut position) = (1, 0, first);
    while position < last["last_id"].as_i64().unwrap() {
        let Event { id, kind, data } = events.next().await.unwrap().expect("the stream goes on");
        assert!(id > position, "{id} behind {position}");
        match kind.as_str() {
            "log" => seen += 1,
            "gap" => {
                // What lies between was looked at, and is not selected.
                let from_id = data["from_id"].as_i64().unwrap();
                assert!(from_id > position && data["to_id"] == id, "{data} behind {position}");
                missed += data["missed"].as_u64().unwrap();
            }
            other => panic!("{other}: {data}"),
        }
        position = id;
    }
    println!("{seen} seen, {missed} missed");
    assert!(missed > 0, "{seen} seen");
    assert_eq!(seen + missed, posted);
    let live = installation.post_logs(&log("pay", "live")).await;
    assert_eq!(next_log(&mut events).await["id"], live["first_id"]);
}

#[tokio::test]
async fn a_history_is_complete_however_slowly_it_is_read() {
    let installation = Installation::start();
    let impatient = Service::start("query-svc", installation.data.path(), &["--tail-lag-seconds", "0"]);
    let message = "x".repeat(LARGE_MESSAGE_CHARS);
    let logs: Vec<Value> = (0..2000).map(|_| log("pay", &message)).collect();
    let first = installation.post_logs(&json!(logs)).await["first_id"].as_i64().unwrap();
    // More than its socket takes: it is not at the present before it is read.
    for _ in 0..10 {
        installation.post_logs(&json!(logs)).await;
    }
    let tail = Client::new().get(impatient.url("/logs/tail?from=0")).bearer_auth(&installation.key);
    let mut events = Events::of(tail).await;

    // It does not read while these come in: more than a live tail may be behind.
    let mut last = 0;
    for _ in 0..11 {
        last = installation.post_logs(&json!(logs)).await["last_id"].as_i64().unwrap();
    }

    for id in first..=last {
        assert_eq!(next_log(&mut events).await["id"], id);
    }
}

#[tokio::test]
async fn tails_end_at_once_when_the_service_is_told_to_stop_whether_they_are_read_or_not() {
    let installation = Installation::start();
    let message = "x".repeat(LARGE_MESSAGE_CHARS);
    let logs: Vec<Value> = (0..2000).map(|_| log("pay", &message)).collect();
    // It gets more than its socket takes, and has the time for it in which all of that is stored.
    let unread = Events::of(follow(&installation, "from=0")).await;
    for _ in 0..20 {
        installation.post_logs(&json!(logs)).await;
    }
    let mut tails = Vec::new();
    for _ in 0..20 {
        tails.push(Events::of(follow(&installation, "")).await);
    }
    let live = installation.post_logs(&log("pay", "live")).await;
    for tail in &mut tails {
        assert_eq!(next_log(tail).await["id"], live["first_id"]);
    }

    let printed = installation.query.printed();
    let mut query = installation.query;
    query.ask_to_stop();
    for tail in &mut tails {
        assert_eq!(tail.next().await.unwrap(), None, "it ends in order");
    }
    let status = query.wait_for_end();

    drop(unread);
    assert!(status.success(), "{status}");
    let log = printed.stderr().join("\n");
    assert!(!log.contains("did not end in time"), "{log}");
}

#[tokio::test]
async fn a_tail_more_than_there_may_be_is_told_to_come_back_until_one_ends() {
    let installation = Installation::start();
    let query = Service::start("query-svc", installation.data.path(), &["--max-tails", "2"]);
    let tail = || Client::new().get(query.url("/logs/tail")).bearer_auth(&installation.key);
    let (first, second) = (Events::of(tail()).await, Events::of(tail()).await);

    let refused = Answer::to(tail()).await;
    let problem = refused.problem(503, "too_many_tails").unwrap();
    assert!(problem["detail"].as_str().unwrap().ends_with("there may be: 2"), "{problem}");
    assert_eq!(refused.header("retry-after"), "10");

    drop(first);
    wait_until("there is a place again", PATIENCE, async || {
        let response = tail().send().await.unwrap();
        (response.status() == 200).then_some(())
    })
    .await;
    drop(second);
}

#[tokio::test]
async fn a_tail_whose_time_is_over_ends_in_order_and_its_client_comes_back_without_a_gap() {
    let installation = Installation::start();
    let query = Service::start("query-svc", installation.data.path(), &["--tail-max-time", "1s"]);
    let tail = || Client::new().get(query.url("/logs/tail")).bearer_auth(&installation.key);
    let mut first = Events::of(tail()).await;
    installation.post_logs(&log("pay", "one")).await;
    let seen = next_id(&mut first).await;

    let end = timeout(PATIENCE, first.next()).await.expect("it ends");
    let meanwhile = installation.post_logs(&log("pay", "two")).await;
    let mut second = Events::of(tail().header("Last-Event-ID", seen)).await;

    assert_eq!(end.unwrap(), None);
    assert_eq!(next_log(&mut second).await["id"], meanwhile["first_id"]);
}

#[tokio::test]
async fn a_tail_ends_when_its_key_is_revoked() {
    let installation = Installation::start();
    let key = installation.create_key(&["--scopes", "read", "--name", "short"]);
    let tail = installation.client.get(installation.query.url("/logs/tail")).bearer_auth(&key);
    let (mut ended, mut other) = (Events::of(tail).await, Events::of(follow(&installation, "")).await);
    let listed = sentinel(&["keys", "list"], installation.data.path());
    let listed = String::from_utf8(listed.stdout).unwrap();
    let line = listed.lines().find(|line| line.contains("short")).unwrap_or_else(|| panic!("{listed}"));
    let id = line.split_whitespace().next().unwrap();

    let revoked = sentinel(&["keys", "revoke", id], installation.data.path());
    assert!(revoked.status.success(), "{revoked:?} {listed}");

    let end = timeout(PATIENCE, ended.next()).await.expect("it ends");
    assert_eq!(end.unwrap(), None);
    let live = installation.post_logs(&log("pay", "live")).await;
    assert_eq!(next_log(&mut other).await["id"], live["first_id"]);
}

#[tokio::test]
async fn what_is_no_id_of_an_event_or_no_filter_is_refused() {
    let installation = Installation::start();
    for (query, header, code) in [
        ("", Some("abc"), "invalid_last_event_id"),
        ("", Some("1.5"), "invalid_last_event_id"),
        ("", Some("9223372036854775808"), "invalid_last_event_id"),
        ("", Some("-1"), "invalid_last_event_id"),
        ("last_event_id=-1", None, "invalid_parameter"),
        ("last_event_id=abc", None, "invalid_parameter"),
        ("last_event_id=", None, "invalid_parameter"),
        ("last_event_id=1&last_event_id=2", None, "invalid_parameter"),
        ("limit=5", None, "unknown_parameter"),
        ("from=yesterday", None, "invalid_parameter"),
    ] {
        let mut request = follow(&installation, query);
        if let Some(header) = header {
            request = request.header("Last-Event-ID", header);
        }
        Answer::to(request)
            .await
            .problem(400, code)
            .unwrap_or_else(|wrong| panic!("{query} {header:?}: {wrong}"));
    }
}
