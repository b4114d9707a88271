//! What it costs to take a million logs: `cargo bench -p e2e-tests --bench ingest`.
//!
//! The set: 8 services, INFO 70 / WARN 15 / ERROR 10 / DEBUG 5 %, about 217 bytes of JSON a log, in batches of
//! 1,000 over four connections. Printed are the server's CPU seconds and the bytes on disk a log, beside the
//! same logs as plain rows with three indexes, written in the same run; and how long `/stats` takes with a
//! thousand logs and with all of them. Nothing is asserted: figures belong in `docs/benchmarks.md`.
//!
//! `SENTINEL_BENCH_LOGS` sets how many logs (default 1,000,000).
#![expect(clippy::print_stdout, reason = "what a benchmark prints is its result")]

mod comparison_set;
mod plain_rows;
mod process;

use std::time::{Duration, Instant};

use comparison_set::ComparisonSet;
use e2e_tests::Installation;
use e2e_tests::installation::ask;
use process::{cpu_seconds, directory_bytes};

const CONNECTIONS: u64 = 4;
const BATCH_SIZE: u64 = 1000;
/// How often a question is asked; the median counts.
const ASKED: usize = 21;

#[tokio::main]
async fn main() {
    let logs = std::env::var("SENTINEL_BENCH_LOGS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let installation = Installation::start();
    println!("{logs} logs, batches of {BATCH_SIZE}, {CONNECTIONS} connections");

    post(&installation, 0..1).await;
    let few = stats_time(&installation).await;
    let before = cpu_seconds(installation.ingest.pid());
    let started = Instant::now();
    post(&installation, 1..logs / BATCH_SIZE).await;
    let took = started.elapsed();
    let cpu = cpu_seconds(installation.ingest.pid()) - before;
    let many = stats_time(&installation).await;
    let (_, stats) = ask(installation.get("/stats")).await;
    println!("stored {}", stats["total"]);
    time_searches(&installation).await;

    let data = installation.data;
    assert!(installation.ingest.stop().success() && installation.query.stop().success());
    let bytes = directory_bytes(data.path());
    let millions = logs as f64 / 1e6;
    println!("server CPU          {:>8.2} s per million logs", cpu / millions);
    println!(
        "rate                {:>8.0} logs/s, with the client on the same machine",
        logs as f64 / took.as_secs_f64()
    );
    println!("on disk             {:>8.1} bytes a log", bytes as f64 / logs as f64);
    println!(
        "/stats              {few:>8.2?} with {BATCH_SIZE} logs, {many:.2?} with all (median of {ASKED})"
    );
    plain_rows::run(logs).await;
}

/// Posts the batches with these numbers, over four connections.
async fn post(installation: &Installation, batches: std::ops::Range<u64>) {
    let mut connections = Vec::new();
    for connection in 0..CONNECTIONS {
        let client = reqwest::Client::new();
        let url = installation.ingest.url("/logs");
        let key = installation.key.clone();
        let mine = batches.clone().filter(move |batch| batch % CONNECTIONS == connection);
        connections.push(tokio::spawn(async move {
            for batch in mine {
                let body = ComparisonSet::new(batch).batch(batch, BATCH_SIZE);
                let request = client.post(&url).bearer_auth(&key).body(body);
                let response = request.send().await.expect("the service answers");
                assert_eq!(response.status(), 201);
                response.bytes().await.expect("the answer is complete");
            }
        }));
    }
    for connection in connections {
        connection.await.expect("no connection panics");
    }
}

async fn stats_time(installation: &Installation) -> Duration {
    median_time(installation, "/stats").await
}

async fn time_searches(installation: &Installation) {
    for (name, path) in [
        ("newest 100", "/logs?limit=100"),
        ("newest 100 ERROR of a service", "/logs?limit=100&service=payment-service&severity=ERROR"),
        (
            "one hour, oldest 100",
            "/logs?limit=100&order=asc&from=2025-04-01T12:00:00Z&to=2025-04-01T13:00:00Z",
        ),
        ("offset 50,000", "/logs?limit=100&offset=50000"),
    ] {
        println!("{name:<30} {:>8.2?}", median_time(installation, path).await);
    }
}

async fn median_time(installation: &Installation, path: &str) -> Duration {
    let mut times = Vec::new();
    for _ in 0..ASKED {
        let started = Instant::now();
        let (status, _) = ask(installation.get(path)).await;
        assert_eq!(status, 200, "{path}");
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times[ASKED / 2]
}
