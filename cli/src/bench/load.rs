//! `sentinel bench`: asks endpoints of a running service, and says how long it took.

use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use reqwest::Client;
use tokio::task::JoinSet;

use super::durations::{Durations, millis};
use super::table;
use crate::say;

/// A request that takes longer has failed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Most requests of an endpoint and a concurrency.
const RUNS_MAX: i64 = 10_000_000;

/// Most requests at a time.
const CONCURRENCY_MAX: u32 = 1024;

/// What to ask, how often, and how many at a time.
#[derive(Debug, Args)]
pub(crate) struct LoadOptions {
    /// Where the service is
    #[arg(long, env = "SENTINEL_BASE_URL", value_name = "URL", default_value = "http://127.0.0.1:8000")]
    base_url: String,
    /// An API key that may read
    #[arg(long, env = "SENTINEL_KEY", value_name = "KEY", hide_env_values = true, required = true)]
    key: Option<String>,
    /// How many requests are sent to each endpoint at each concurrency
    #[arg(long, env = "SENTINEL_RUNS", value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=RUNS_MAX))]
    runs: u32,
    /// How many requests are under way at a time: a comma list
    #[arg(
        long,
        env = "SENTINEL_CONCURRENCY",
        value_name = "N,N",
        default_value = "1,4,16",
        value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..=i64::from(CONCURRENCY_MAX))
    )]
    concurrency: Vec<u32>,
    /// Paths to get, with their query strings: a comma list
    #[arg(
        long,
        env = "SENTINEL_ENDPOINTS",
        value_name = "PATH,PATH",
        default_value = "/logs,/stats",
        value_delimiter = ','
    )]
    endpoints: Vec<String>,
}

/// What one endpoint did at one concurrency.
#[derive(Debug, Default)]
struct Outcome {
    times: Vec<Duration>,
    failures: u32,
    /// What the first failure was.
    first_failure: Option<String>,
}

const HEADINGS: [&str; 8] =
    ["endpoint", "count", "conc", "latency_mean", "latency_p95", "latency_p99", "throughput", "errors"];

/// Asks, and prints a table. Fails when a request did.
///
/// # Errors
/// When the client cannot be made.
pub(super) async fn run(options: &LoadOptions) -> anyhow::Result<ExitCode> {
    let client = Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build()?;
    let key: Arc<str> = options.key.as_deref().context("--key is missing")?.into();
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    let mut failures = Vec::new();
    for endpoint in &options.endpoints {
        for &concurrency in &options.concurrency {
            let url: Arc<str> = format!("{}{endpoint}", options.base_url.trim_end_matches('/')).into();
            let started = Instant::now();
            let outcome = ask(&client, &url, &key, options.runs, concurrency).await?;
            rows.push(outcome.row(endpoint, concurrency, started.elapsed()));
            failures.extend(outcome.first_failure.map(|first| {
                format!("{endpoint} at {concurrency}: {} failed; the first: {first}", outcome.failures)
            }));
        }
    }
    say("latencies in ms, throughput in answers/s");
    table::lines(&rows).iter().for_each(|line| say(line));
    failures.iter().for_each(|line| say(line));
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sends so many requests, never more than `concurrency` at a time.
async fn ask(
    client: &Client,
    url: &Arc<str>,
    key: &Arc<str>,
    runs: u32,
    concurrency: u32,
) -> anyhow::Result<Outcome> {
    let left = Arc::new(AtomicU32::new(runs));
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        let (client, url, key, left) = (client.clone(), Arc::clone(url), Arc::clone(key), Arc::clone(&left));
        workers.spawn(async move {
            let mut outcome = Outcome::default();
            while take_one(&left) {
                let started = Instant::now();
                match get(&client, &url, &key).await {
                    Ok(()) => outcome.times.push(started.elapsed()),
                    Err(failure) => outcome.fail(1, failure),
                }
            }
            outcome
        });
    }
    let mut all = Outcome::default();
    while let Some(outcome) = workers.join_next().await {
        let outcome = outcome?;
        all.times.extend(outcome.times);
        if let Some(failure) = outcome.first_failure {
            all.fail(outcome.failures, failure);
        }
    }
    Ok(all)
}

fn take_one(left: &AtomicU32) -> bool {
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        NonZeroU32::new(left).map(|left| left.get() - 1)
    });
    taken.is_ok()
}

/// Gets an answer to its last byte; anything but a 2xx is a failure.
async fn get(client: &Client, url: &str, key: &str) -> Result<(), String> {
    let response = client.get(url).bearer_auth(key).send().await.map_err(|error| error.to_string())?;
    let status = response.status();
    response.bytes().await.map_err(|error| error.to_string())?;
    if status.is_success() { Ok(()) } else { Err(status.to_string()) }
}

impl Outcome {
    fn fail(&mut self, count: u32, failure: String) {
        self.failures += count;
        self.first_failure.get_or_insert(failure);
    }

    fn row(&self, endpoint: &str, concurrency: u32, took: Duration) -> [String; 8] {
        let times: Durations = self.times.iter().copied().collect();
        [
            endpoint.to_owned(),
            (times.count() + self.failures as usize).to_string(),
            concurrency.to_string(),
            millis(times.mean()),
            millis(times.percentile(95)),
            millis(times.percentile(99)),
            format!("{:.1}", times.count() as f64 / took.as_secs_f64()),
            self.failures.to_string(),
        ]
    }
}
