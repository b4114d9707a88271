//! Services in a memory cgroup of 128 MiB under the worst requests that are legal: they refuse some, answer others, and
//! are never killed.
//!
//! * `cgroup` the control group, of version 1 or 2; needs root. Where none can be made, the tests say that they are skipped
//! * `load` the requests
//!
//! Each runs for 10 s, or for `SENTINEL_TEST_MEMORY_SECONDS`; longer until every kind of request was answered once.

#![expect(clippy::print_stdout, reason = "a test's figures are shown when it fails, or is asked to")]

mod cgroup;
mod load;

use std::time::{Duration, Instant};

use cgroup::{Cgroup, ROOTS};
use e2e_tests::{Installation, Service};
use load::{BODIES, Load, Target};
use reqwest::Client;
use tempfile::TempDir;
use tokio::time::sleep;

const LIMIT_BYTES: u64 = 128 * 1024 * 1024;

/// How long the load goes on, in seconds, unless the environment says otherwise.
const SECONDS: u64 = 10;

/// How much longer it may go on, until every kind of request that can be was answered once: other tests run, too.
const LONGER: Duration = Duration::from_secs(90);

/// How often it is looked at how much is allocated.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How many of the largest bodies each tenant has stored before the load begins.
const BODIES_STORED: usize = 4;

/// Two tenants with logs, and their keys.
async fn two_tenants() -> (TempDir, [String; 2]) {
    let installation = Installation::start();
    let other = installation.create_key(&["--tenant", "other", "--scopes", "ingest,read"]);
    let keys = [installation.key.clone(), other];
    let body = &BODIES.large;
    for _ in 0..BODIES_STORED {
        for key in &keys {
            let post = installation.client.post(installation.ingest.url("/logs")).bearer_auth(key);
            let stored = post.body(body.clone()).send().await.expect("ingest-svc answers");
            assert_eq!(stored.status(), 201);
        }
    }
    let Installation { data, ingest, query, .. } = installation;
    assert!(query.stop().success() && ingest.stop().success());
    (data, keys)
}

/// Runs a program in a cgroup under load: it has to answer some of each kind of request that it can, and to be alive in
/// the end.
async fn survives(program: &str, reads: bool, writes: bool) {
    let Some(cgroup) = Cgroup::new(program, LIMIT_BYTES) else {
        println!("SKIPPED: {program} with little memory, for no memory cgroup can be made in {ROOTS:?}");
        return;
    };
    let (data, keys) = two_tenants().await;
    let service = cgroup.start(|| Service::start(program, data.path(), &[]));
    let idle_bytes = cgroup.allocated_bytes();
    let seconds = std::env::var("SENTINEL_TEST_MEMORY_SECONDS").ok().and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(SECONDS));
    let mut load = Load::new();
    for key in &keys {
        let target = Target { service: &service, key };
        if writes {
            load.write(target);
        }
        if reads {
            load.read(target);
        }
    }
    let mut most_bytes = 0;
    while Instant::now() < until || (!load.is_answered() && Instant::now() < until + LONGER) {
        most_bytes = most_bytes.max(cgroup.allocated_bytes());
        sleep(LOOK_EVERY).await;
    }
    let statuses = load.end().await;

    println!(
        "{program}: {idle_bytes} bytes allocated when idle, {most_bytes} at most; in use with files {} of {LIMIT_BYTES}",
        cgroup.peak_bytes()
    );
    statuses.print(program);
    let answer = Client::new().get(service.url("/livez")).send().await.map(|answer| answer.status().as_u16());
    assert!(matches!(answer, Ok(200)), "{program} answers no more: {answer:?}");
    assert_eq!(cgroup.killed(), 0, "a process of the group was killed");
    statuses.assert_answered();
    assert!(service.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_svc_lives_in_little_memory() {
    survives("ingest-svc", false, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn query_svc_lives_in_little_memory() {
    survives("query-svc", true, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_services_in_one_process_live_in_little_memory() {
    survives("sentinel", true, true).await;
}
