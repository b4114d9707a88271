//! kill -9: nothing that was acknowledged is lost, and nothing is there twice.
//!
//! `SENTINEL_TORTURE_ROUNDS` says how many rounds are played of each kind (`just torture`: 67, so 201 in all),
//! `SENTINEL_TORTURE_SEED` which ones. What is sent, and how much is acknowledged before the next kill, derive from the
//! seed; the instant of a kill does not.

use std::time::Duration;

use e2e_tests::{Comparison, Installation, Senders, seed_from};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::StatusCode;
use testkit::wait_until;

use crate::files;
use crate::torture::rounds_or;

const SENDERS: u64 = 8;
const ROUNDS: usize = 2;
const KILLS_PER_ROUND: usize = 8;

/// Before a kill, up to so many batches are acknowledged. None is a case of its own: the service is killed
/// while it takes up what the last kill left behind.
const BATCHES_BETWEEN_KILLS: u64 = 16;

/// How long the senders may take for them.
const PROGRESS_WITHIN: Duration = Duration::from_secs(60);

/// What is killed in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victims {
    Ingest,
    Query,
    Both,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_when_ingest_svc_is_killed_under_load() {
    play(Victims::Ingest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_goes_on_while_query_svc_is_killed_and_queries_are_answered_again_after_its_restart() {
    play(Victims::Query).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_when_both_services_are_killed_under_load() {
    play(Victims::Both).await;
}

#[expect(clippy::print_stdout, reason = "a long test says how far it is")]
async fn play(victims: Victims) {
    let seed = seed_from("SENTINEL_TORTURE_SEED");
    for round in 0..rounds_or(ROUNDS) as u64 {
        let stored = kill_under_load(victims, seed.wrapping_add(round)).await;
        println!("{victims:?}, round {round}: {stored} logs are where they should be");
    }
}

/// Plays a round; returns how many logs were stored in it.
async fn kill_under_load(victims: Victims, seed: u64) -> usize {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut installation = Installation::start();
    let senders = Senders::start(&installation, SENDERS, seed);

    for _ in 0..KILLS_PER_ROUND {
        wait_for_more(&senders, rng.random_range(0..BATCHES_BETWEEN_KILLS)).await;
        kill_and_restart(&mut installation, victims, &senders).await;
    }
    let diary = senders.finish().await;

    let logs = installation.all_logs("").await;
    assert_eq!(Comparison::of(&diary, &logs), Comparison::default());
    for refusal in &diary.refusals {
        assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refusal.text());
    }
    if victims == Victims::Query {
        assert_eq!((diary.refusals.len(), diary.unconnected, diary.broken), (0, 0, 0), "no post fails");
    }
    let Installation { data, ingest, query, .. } = installation;
    assert!(query.stop().success());
    assert!(ingest.stop().success());
    files::assert_in_order(data.path(), logs.len()).await;
    logs.len()
}

async fn kill_and_restart(installation: &mut Installation, victims: Victims, senders: &Senders) {
    if victims != Victims::Query {
        installation.ingest.crash();
    }
    if victims != Victims::Ingest {
        installation.query.crash();
    }
    match victims {
        Victims::Ingest => installation.ingest.start_again(),
        Victims::Query => {
            wait_for_more(senders, BATCHES_BETWEEN_KILLS).await;
            installation.query.start_again();
        }
        // Now one finds the files that nobody has open, now the other.
        Victims::Both if senders.acknowledged_batches().is_multiple_of(2) => {
            installation.query.start_again();
            installation.ingest.start_again();
        }
        Victims::Both => {
            installation.ingest.start_again();
            installation.query.start_again();
        }
    }
    if victims != Victims::Ingest {
        installation.forget_connections();
    }
    let answer = installation.get("/logs?limit=10").send().await.expect("query-svc answers");
    assert_eq!(answer.status(), StatusCode::OK, "{victims:?}");
}

async fn wait_for_more(senders: &Senders, batches: u64) {
    let goal = senders.acknowledged_batches() + batches;
    wait_until("the senders go on", PROGRESS_WITHIN, async || {
        (senders.acknowledged_batches() >= goal).then_some(())
    })
    .await;
}
