//! `sentinel bench neighbour`: what a tenant notices of another one that floods the services.
//!
//! One tenant, the neighbour, posts a few logs and asks for its newest ones, at a steady rate that waits for no answer.
//! Another sends and asks as much as it can. The neighbour's latencies beside each kind of flood are compared with those
//! just before, when it was alone. The flood's clients have the lowest priority: on a machine that they share with
//! the services it is the services' fairness that is measured, not the scheduler's.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use reqwest::{Client, RequestBuilder};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::durations::Durations;
use super::engine::{programs, until_stopped};
use super::log_set::{LogSet, Slice};
use super::sender::{BATCH_SIZE, Sender, client};
use super::services::Services;
use super::table;
use crate::keys::make_full_key;
use crate::say;

/// Columns: whose times, and they alone, beside the flood, and how many times as long the slowest hundredth takes.
const WIDTHS: [usize; 4] = [38, 24, 24, 10];

/// How many batches the flooding tenant has stored before: what its questions go through.
const FLOODER_BATCHES: u64 = 500;

/// How many batches the neighbour has.
const NEIGHBOUR_BATCHES: u64 = 20;

/// How many connections flood with each kind of request.
const FLOOD_CONNECTIONS: usize = 8;

/// The time from one request of the neighbour's to the next of the same kind.
const NEIGHBOUR_EVERY: Duration = Duration::from_millis(50);

/// How many logs a post of the neighbour's has.
const NEIGHBOUR_POST: u64 = 10;

/// How long a flood goes on before the neighbour is looked at.
const WARM_UP: Duration = Duration::from_secs(2);

/// The lowest priority of a thread.
const LOWEST_PRIORITY: i32 = 19;

/// Questions that go through all logs, answers that are large, and such without an end.
const FLOOD_QUESTIONS: [&str; 5] = [
    "/api/v1/logs?limit=1&q=%2Averflow%2A",
    "/logs?limit=1000",
    "/api/v1/metrics/timeseries?interval=1m&group_by=service&from=2025-04-01T00:00:00Z&to=2025-04-02T00:00:00Z",
    "/api/v1/logs/export?format=ndjson",
    "/logs/tail?from=2025-04-01T00:00:00Z&q=/nothing[0-9]/",
];

/// What to measure with.
#[derive(Debug, Args)]
pub(crate) struct NeighbourOptions {
    /// How long each phase goes on, in seconds; there are six
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Directory of the programs ingest-svc and query-svc [default: where this program lies]
    #[arg(long, env = "SENTINEL_BIN_DIR", value_name = "DIR")]
    bin_dir: Option<PathBuf>,
}

/// What a tenant floods with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flood {
    Logs,
    Questions,
    Both,
}

/// How long the neighbour waited, and for what.
struct Waited {
    posts: Durations,
    questions: Durations,
}

/// The neighbour, and where it asks.
struct Neighbour<'a> {
    sender: Sender,
    services: &'a Services,
    seconds: u64,
}

/// Measures, until it is done or told to stop. The services end in any case.
///
/// # Errors
/// When a service fails, or cannot be started.
pub(super) async fn run(options: NeighbourOptions) -> anyhow::Result<()> {
    until_stopped(measure(&options)).await
}

async fn measure(options: &NeighbourOptions) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let data_dir = scratch.path().join("data");
    let flooder_key = make_full_key(&data_dir, "flooder", "bench").await?;
    let neighbour_key = make_full_key(&data_dir, "neighbour", "bench").await?;
    let services = Services::start(&programs(options.bin_dir.as_deref())?, &data_dir).await?;
    let sender = |key: &str| -> anyhow::Result<Sender> {
        let (url, set) = (services.ingest.url("/logs"), Arc::new(LogSet::Comparison));
        Ok(Sender { client: client()?, url, key: key.to_owned(), set })
    };
    sender(&flooder_key)?.post_all(FLOODER_BATCHES).await?;
    let neighbour =
        Neighbour { sender: sender(&neighbour_key)?, services: &services, seconds: options.seconds };
    neighbour.sender.post_all(NEIGHBOUR_BATCHES).await?;

    print(["", "alone (p50/p95/p99)", "beside the flood", "p99 times"]);
    for flood in [Flood::Logs, Flood::Questions, Flood::Both] {
        let alone = neighbour.wait().await?;
        let flooding = Flooding::start(flood, &services, &flooder_key)?;
        tokio::time::sleep(WARM_UP).await;
        let beside = neighbour.wait().await?;
        let flooded = flooding.stop().await;
        let name = flood.name();
        print_row(&format!("{name}: 201"), &alone.posts, &beside.posts);
        print_row(&format!("{name}: newest 100"), &alone.questions, &beside.questions);
        say(&format!("  the flood: {flooded}"));
    }
    services.stop().await
}

impl Neighbour<'_> {
    /// Posts and asks at a rate, whatever the answers take.
    async fn wait(&self) -> anyhow::Result<Waited> {
        let mut under_way = JoinSet::new();
        let count = u32::try_from(self.seconds * 1000)? / u32::try_from(NEIGHBOUR_EVERY.as_millis())?;
        let started = Instant::now();
        let newest = self.services.query.url("/logs?limit=100");
        for number in 0..count {
            tokio::time::sleep_until((started + NEIGHBOUR_EVERY * number).into()).await;
            let first = u64::from(number) * NEIGHBOUR_POST;
            let (sender, newest) = (self.sender.clone(), newest.clone());
            under_way.spawn(async move {
                let body = sender.set.json(Slice { seed: first, first, count: NEIGHBOUR_POST });
                let sent = Instant::now();
                sender.post(body).await.map(|_| (true, sent.elapsed()))
            });
            let sender = self.sender.clone();
            under_way.spawn(async move {
                let sent = Instant::now();
                let answer = sender.client.get(newest).bearer_auth(&sender.key).send().await?;
                let answer = answer.error_for_status().context("the neighbour was refused")?;
                answer.bytes().await?;
                Ok((false, sent.elapsed()))
            });
        }
        let (mut posts, mut questions) = (Vec::new(), Vec::new());
        while let Some(ended) = under_way.join_next().await {
            let (is_post, took) = ended??;
            if is_post { posts.push(took) } else { questions.push(took) }
        }
        Ok(Waited { posts: posts.into_iter().collect(), questions: questions.into_iter().collect() })
    }
}

/// A flood that goes on until it is stopped, on threads of its own.
struct Flooding {
    /// `None` once it is stopped.
    runtime: Option<Runtime>,
    is_over: Arc<AtomicBool>,
    answered: Arc<[AtomicU64; 2]>,
    started: Instant,
}

impl Flooding {
    fn start(flood: Flood, services: &Services, key: &str) -> anyhow::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().on_thread_start(|| {
            // Of this thread: Linux gives each a priority of its own. Refused, the flood only has more of the machine.
            let _ = rustix::process::setpriority_process(None, LOWEST_PRIORITY);
        });
        let flooding = Self {
            runtime: Some(builder.build()?),
            is_over: Arc::default(),
            answered: Arc::default(),
            started: Instant::now(),
        };
        let body: Arc<str> =
            LogSet::Comparison.json(Slice { seed: 1 << 50, first: 0, count: BATCH_SIZE }).into();
        for number in 0..FLOOD_CONNECTIONS {
            if flood != Flood::Questions {
                let (url, key, body) = (services.ingest.url("/logs"), key.to_owned(), Arc::clone(&body));
                flooding.repeat(move |client| client.post(&url).bearer_auth(&key).body(body.to_string()))?;
            }
            if flood != Flood::Logs {
                let question = FLOOD_QUESTIONS[number % FLOOD_QUESTIONS.len()];
                let (url, key) = (services.query.url(question), key.to_owned());
                flooding.repeat(move |client| client.get(&url).bearer_auth(&key))?;
            }
        }
        Ok(flooding)
    }

    /// Sends a request again and again, whatever the answer, over one connection.
    fn repeat(&self, request: impl Fn(&Client) -> RequestBuilder + Send + 'static) -> anyhow::Result<()> {
        let (client, is_over, answered) = (client()?, Arc::clone(&self.is_over), Arc::clone(&self.answered));
        let runtime = self.runtime.as_ref().context("the flood is over")?;
        runtime.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let Ok(answer) = request(&client).send().await else { continue };
                let refused = usize::from(!answer.status().is_success());
                if answer.bytes().await.is_ok() {
                    answered[refused].fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(())
    }

    /// Ends it; says how much it was.
    async fn stop(mut self) -> String {
        self.is_over.store(true, Ordering::Relaxed);
        let seconds = self.started.elapsed().as_secs_f64();
        let [ok, refused] = [0, 1].map(|kind| self.answered[kind].load(Ordering::Relaxed) as f64 / seconds);
        self.end();
        // What it had under way ends, and nobody waits for it in the next phase.
        tokio::time::sleep(WARM_UP).await;
        format!("{ok:.0} answers a second, and {refused:.0} refusals")
    }
}

impl Flooding {
    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Flooding {
    fn drop(&mut self) {
        self.end();
    }
}

impl Flood {
    fn name(self) -> &'static str {
        match self {
            Self::Logs => "another's logs",
            Self::Questions => "another's questions",
            Self::Both => "another's logs and questions",
        }
    }
}

fn print_row(name: &str, alone: &Durations, beside: &Durations) {
    let [before, during] = [alone, beside].map(|durations| durations.percentile(99).as_secs_f64());
    print([name, &alone.summary(), &beside.summary(), &format!("{:.2}", during / before)]);
}

fn print(cells: [&str; 4]) {
    say(&table::line(&cells.map(str::to_owned), &WIDTHS));
}
