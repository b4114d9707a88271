//! SIGTERM: what was begun is answered, what was acknowledged is there, and the process ends with 0.
//!
//! `SENTINEL_TORTURE_ROUNDS` says how often it is told under load (`just torture`: 50).

use std::time::{Duration, Instant};

use e2e_tests::installation::ask;
use e2e_tests::{Answer, Comparison, Installation, Senders, seed_from};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::{Client, StatusCode};
use serde_json::json;
use testkit::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::files;
use crate::torture::rounds_or;

const SENDERS: u64 = 8;
const ROUNDS: usize = 3;
const BATCHES_BETWEEN_STOPS: u64 = 24;
const PATIENCE: Duration = Duration::from_secs(60);

/// What is promised: so soon a service ends that is told to.
const ENDED_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn ingest_svc_that_is_stopped_under_load_answers_what_it_has_begun_and_ends_in_order() {
    let seed = seed_from("SENTINEL_TEST_SEED");
    let mut rng = StdRng::seed_from_u64(seed);
    let rounds = rounds_or(ROUNDS);
    let mut installation = Installation::start();
    let senders = Senders::start(&installation, SENDERS, seed);

    for _ in 0..rounds {
        let goal = senders.acknowledged_batches() + rng.random_range(0..BATCHES_BETWEEN_STOPS);
        wait_until("the senders go on", PATIENCE, async || {
            (senders.acknowledged_batches() >= goal).then_some(())
        })
        .await;
        installation.ingest.ask_to_stop();
        let asked = Instant::now();
        let status = installation.ingest.wait_for_end();
        assert!(status.success(), "{status}");
        assert!(asked.elapsed() < ENDED_WITHIN, "it took {:?}", asked.elapsed());
        files::assert_no_wal(&installation.data.path().join("logs.db"));
        wait_until("whoever had something stored was told so", PATIENCE, async || {
            let (_, stats) = ask(installation.get("/stats")).await;
            (stats["total"] == senders.acknowledged_records()).then_some(())
        })
        .await;
        installation.ingest.start_again();
    }
    let diary = senders.finish().await;

    let logs = installation.all_logs("").await;
    println!("{} logs, {} refused, {} broken", logs.len(), diary.refusals.len(), diary.broken);
    for refusal in &diary.refusals {
        let code = refusal.json()["code"].as_str().unwrap_or_default().to_owned();
        refusal.problem(503, &code).unwrap();
        assert_ne!(refusal.header("retry-after"), "", "{}", refusal.text());
    }
    // Between two requests a connection may be closed: each sender has one, and can meet that once a stop.
    assert!(diary.broken <= SENDERS as usize * rounds, "{} connections broke", diary.broken);
    assert_eq!(Comparison::of(&diary, &logs), Comparison::default());
    let Installation { data, ingest, query, .. } = installation;
    assert!(query.stop().success());
    assert!(ingest.stop().success());
    files::assert_in_order(data.path(), logs.len()).await;
}

#[tokio::test]
async fn a_request_that_was_begun_before_sigterm_is_answered_after_it() {
    let mut installation = Installation::start();
    let mut connection = TcpStream::connect(installation.ingest.address()).await.unwrap();
    let body = json!({"service": "late", "message": "begun in time"}).to_string();
    let head = format!(
        "POST /logs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        installation.key,
        body.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // The service says this when it begins to read the body.
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    connection.read_exact(&mut go_on).await.unwrap();

    installation.ingest.ask_to_stop();
    wait_until("nobody new is let in", PATIENCE, async || {
        TcpStream::connect(installation.ingest.address()).await.is_err().then_some(())
    })
    .await;
    connection.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(installation.ingest.wait_for_end().success());
    assert_eq!(installation.all_logs("service=late").await.len(), 1);
}

#[tokio::test]
async fn a_service_that_was_told_to_stop_sends_new_requests_elsewhere_before_it_closes_its_port() {
    let mut installation = Installation::start();
    installation.ingest.ask_to_stop();

    // Each with a connection of its own.
    let refusal = wait_until("it is not ready any more", PATIENCE, async || {
        let post = Client::new().post(installation.ingest.url("/logs")).bearer_auth(&installation.key);
        let answer = Answer::to(post.json(&json!({"service": "late", "message": "for the next one"}))).await;
        (answer.status != StatusCode::CREATED).then_some(answer)
    })
    .await;
    let ready = Answer::to(Client::new().get(installation.ingest.url("/readyz"))).await;
    let alive = Answer::to(Client::new().get(installation.ingest.url("/livez"))).await;
    let status = installation.ingest.wait_for_end();

    refusal.problem(503, "shutting_down").unwrap();
    assert_eq!((refusal.header("connection"), refusal.header("retry-after")), ("close", "5"));
    assert_eq!((ready.status.as_u16(), alive.status.as_u16()), (503, 200));
    assert!(status.success(), "{status}");
}
