//! kill -9: nothing that was acknowledged is lost, and nothing is there twice.
//!
//! `SENTINEL_TORTURE_ROUNDS` says how many rounds are played (`just torture`: 20), `SENTINEL_TORTURE_SEED`
//! which ones. What is sent, and how much is acknowledged before the next kill, derive from the seed; the
//! instant of a kill does not.

use std::time::Duration;

use e2e_tests::{Comparison, Installation, Senders, seed_from};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::StatusCode;
use testkit::wait_until;

use crate::files;

const SENDERS: u64 = 8;
const ROUNDS: u64 = 3;
const KILLS_PER_ROUND: u64 = 10;

/// Before a kill, up to so many batches are acknowledged. None is a case of its own: the service is killed
/// while it takes up what the last kill left behind.
const BATCHES_BETWEEN_KILLS: u64 = 16;

/// How long the senders may take for them.
const PROGRESS_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_when_ingest_svc_is_killed_under_load() {
    let seed = seed_from("SENTINEL_TORTURE_SEED");
    let rounds = std::env::var("SENTINEL_TORTURE_ROUNDS");
    let rounds = rounds.map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));

    for round in 0..rounds {
        let stored = kill_under_load(seed.wrapping_add(round)).await;
        println!("round {round}: {stored} logs are where they should be");
    }
}

/// Plays a round; returns how many logs were stored in it.
async fn kill_under_load(seed: u64) -> usize {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut installation = Installation::start();
    let senders = Senders::start(&installation, SENDERS, seed);

    for _ in 0..KILLS_PER_ROUND {
        wait_for_more(&senders, rng.random_range(0..BATCHES_BETWEEN_KILLS)).await;
        installation.ingest.crash();
        installation.ingest.start_again();
    }
    let diary = senders.finish().await;

    let logs = installation.all_logs("").await;
    assert_eq!(Comparison::of(&diary, &logs), Comparison::default());
    for refusal in &diary.refusals {
        assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refusal.text());
    }
    let Installation { data, ingest, query, .. } = installation;
    assert!(query.stop().success());
    assert!(ingest.stop().success());
    files::assert_in_order(data.path(), logs.len()).await;
    logs.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_goes_on_while_query_svc_is_killed_and_queries_are_answered_again_after_its_restart() {
    let mut installation = Installation::start();
    let senders = Senders::start(&installation, SENDERS, seed_from("SENTINEL_TORTURE_SEED"));
    let mut answered_again = Vec::new();

    for _ in 0..ROUNDS {
        wait_for_more(&senders, BATCHES_BETWEEN_KILLS).await;
        installation.query.crash();
        wait_for_more(&senders, BATCHES_BETWEEN_KILLS).await;
        installation.query.start_again();
        installation.forget_connections();
        answered_again.push(installation.get("/logs?limit=10").send().await.unwrap().status());
    }
    let diary = senders.finish().await;

    assert_eq!(answered_again, [StatusCode::OK; ROUNDS as usize]);
    assert_eq!((diary.refusals.len(), diary.unconnected, diary.broken), (0, 0, 0), "no request fails");
    assert_eq!(Comparison::of(&diary, &installation.all_logs("").await), Comparison::default());
}

async fn wait_for_more(senders: &Senders, batches: u64) {
    let goal = senders.acknowledged_batches() + batches;
    wait_until("the senders go on", PROGRESS_WITHIN, async || {
        (senders.acknowledged_batches() >= goal).then_some(())
    })
    .await;
}
