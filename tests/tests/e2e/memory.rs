//! Services in a memory cgroup of 128 MiB under the worst requests that are legal: they refuse some, and are never
//! killed.
//!
//! Each runs for 15 s, or for `SENTINEL_TEST_MEMORY_SECONDS`. Needs root and the memory controller of version 1 in
//! /sys/fs/cgroup/memory; elsewhere the test says that it is skipped.

#![expect(clippy::print_stdout, reason = "a test's figures are shown when it fails, or is asked to")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use e2e_tests::{Installation, Service};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use tokio::task::JoinSet;

const MEMORY_CGROUPS: &str = "/sys/fs/cgroup/memory";
const LIMIT_BYTES: u64 = 128 * 1024 * 1024;

/// How long the load goes on, in seconds, unless the environment says otherwise.
const SECONDS: u64 = 15;

/// Bytes of the largest body that is sent.
const BODY_BYTES: usize = 8 * 1024 * 1024 - 64 * 1024;

/// Bytes of a body that is compressed.
const INFLATED_BYTES: usize = 31 * 1024 * 1024;

/// How many clients send the same requests at a time.
const CLIENTS: usize = 4;

/// What the image of the services sets, too: an arena for each thread would keep what it once had.
const ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");

/// A memory cgroup. Goes when it is dropped.
struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// `None`: none can be made here.
    fn new(name: &str) -> Option<Self> {
        let path = Path::new(MEMORY_CGROUPS).join(format!("sentinel-{name}-{}", std::process::id()));
        fs::create_dir(&path).ok()?;
        let group = Self { path };
        fs::write(group.file("memory.limit_in_bytes"), LIMIT_BYTES.to_string()).ok()?;
        Some(group)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default().trim().replace('\n', " ")
    }

    /// Runs `start` with this thread in the group: the processes that it starts are in it from their beginning.
    fn start<T>(&self, start: impl FnOnce() -> T) -> T {
        let thread = fs::read_link("/proc/thread-self").expect("a thread knows its own name");
        let thread = thread.file_name().expect("it ends with its number").to_string_lossy().into_owned();
        fs::write(self.file("tasks"), &thread).expect("a thread can be moved into the group");
        let started = start();
        fs::write(Path::new(MEMORY_CGROUPS).join("tasks"), &thread).expect("a thread can be moved out again");
        started
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}

/// The statuses of answers, by request; 0: none came.
type Statuses = Arc<Mutex<BTreeMap<(&'static str, u16), usize>>>;

/// Sends the same request again and again until the time is over, by several clients.
fn send(
    load: &mut JoinSet<()>,
    statuses: &Statuses,
    name: &'static str,
    until: Instant,
    request: impl Fn(&Client) -> RequestBuilder + Send + Clone + 'static,
) {
    for _ in 0..CLIENTS {
        let (request, statuses) = (request.clone(), Arc::clone(statuses));
        load.spawn(async move {
            let client = Client::new();
            while Instant::now() < until {
                let status = match request(&client).timeout(Duration::from_secs(60)).send().await {
                    Ok(mut answer) => {
                        while Instant::now() < until && matches!(answer.chunk().await, Ok(Some(_))) {}
                        answer.status().as_u16()
                    }
                    Err(_) => 0,
                };
                *statuses.lock().expect("no client panics").entry((name, status)).or_default() += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
}

/// A JSON array of records with many large attributes, of at most `max_bytes`.
fn large_records(max_bytes: usize) -> Vec<u8> {
    let mut body = String::from("[");
    for n in 0.. {
        let attribute = |a: usize| (format!("a{a}"), json!(format!("{n}-{a}-").repeat(40 + a % 97)));
        let attributes: serde_json::Map<_, _> = (0..128).map(attribute).collect();
        let record = json!({"service": format!("s{}", n % 200), "message": format!("m{n} ").repeat(400), "attributes": attributes});
        let record = record.to_string();
        if body.len() + record.len() + 1 > max_bytes {
            break;
        }
        body.push_str(if n == 0 { "" } else { "," });
        body.push_str(&record);
    }
    body.push(']');
    body.into_bytes()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

fn load_writes(load: &mut JoinSet<()>, statuses: &Statuses, until: Instant, service: &Service, key: &str) {
    let post = |body: Vec<u8>, encoding: &'static str| {
        let (url, key) = (service.url("/logs"), key.to_owned());
        move |client: &Client| {
            client.post(&url).bearer_auth(&key).header("Content-Encoding", encoding).body(body.clone())
        }
    };
    send(load, statuses, "post 8 MiB", until, post(large_records(BODY_BYTES), "identity"));
    send(load, statuses, "post gzip of 31 MiB", until, post(gzipped(&large_records(INFLATED_BYTES)), "gzip"));
}

fn load_reads(load: &mut JoinSet<()>, statuses: &Statuses, until: Instant, service: &Service, key: &str) {
    let patterns: Vec<String> = (0..16).map(|n| format!("/m{n}[0-9]* .*x{n}/")).collect();
    let patterns = patterns.join(" OR ").replace(' ', "%20").replace('+', "%2B");
    let paths = [
        ("largest page", "/logs?limit=1000".to_owned()),
        ("largest envelope", "/api/v1/logs?limit=1000".to_owned()),
        ("16 patterns", format!("/logs?limit=1000&q={patterns}")),
        ("export", "/api/v1/logs/export?format=ndjson".to_owned()),
        ("tail", "/logs/tail?from=now-1d".to_owned()),
        ("timeseries", "/api/v1/metrics/timeseries?interval=1s&time_range=2h&group_by=service".to_owned()),
        ("values", "/api/v1/fields/a1/values".to_owned()),
    ];
    for (name, path) in paths {
        let (url, key) = (service.url(&path), key.to_owned());
        send(load, statuses, name, until, move |client: &Client| client.get(&url).bearer_auth(&key));
    }
}

/// Runs a program in a cgroup under load; says what was answered, and whether it is alive.
async fn survives(program: &str, reads: bool, writes: bool) {
    let Some(cgroup) = Cgroup::new(program) else {
        println!(
            "SKIPPED: {program} with little memory, for no memory cgroup can be made in {MEMORY_CGROUPS}"
        );
        return;
    };
    let installation = Installation::start();
    let body = large_records(BODY_BYTES);
    for _ in 0..8 {
        let stored = installation.post("/logs").body(body.clone()).send().await.expect("ingest-svc answers");
        assert_eq!(stored.status(), 201);
    }
    let data = installation.data.path();
    let service = cgroup.start(|| Service::start_with(program, data, &[], &[ARENAS]));
    let seconds = std::env::var("SENTINEL_TEST_MEMORY_SECONDS").ok().and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(SECONDS));
    let (mut load, statuses) = (JoinSet::new(), Statuses::default());
    if writes {
        load_writes(&mut load, &statuses, until, &service, &installation.key);
    }
    if reads {
        load_reads(&mut load, &statuses, until, &service, &installation.key);
    }
    while let Some(ended) = load.join_next().await {
        ended.expect("no client panics");
    }

    let figures = ["memory.max_usage_in_bytes", "memory.failcnt", "memory.oom_control"];
    println!("{program}: {:?}", figures.map(|name| format!("{name} {}", cgroup.read(name))));
    println!("{program}: {:?}", statuses.lock().expect("no client panics"));
    let answer = Client::new().get(service.url("/livez")).send().await.map(|answer| answer.status().as_u16());
    assert!(matches!(answer, Ok(200)), "{program} answers no more: {answer:?}");
    assert!(service.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "loads the machine for a while; run it with --ignored"]
async fn ingest_svc_lives_in_little_memory() {
    survives("ingest-svc", false, true).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "loads the machine for a while; run it with --ignored"]
async fn query_svc_lives_in_little_memory() {
    survives("query-svc", true, false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "loads the machine for a while; run it with --ignored"]
async fn both_services_in_one_process_live_in_little_memory() {
    survives("sentinel", true, true).await;
}
