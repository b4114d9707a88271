//! `sentinel bench engine`: what both services cost, measured from outside, and printed as it becomes known.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use domain::Tenant;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use super::log_set::{LogSet, SetName};
use super::loghub::Loghub;
use super::plain_rows::{self, PlainRows};
use super::process::{cpu_seconds, directory_bytes};
use super::questions::Questions;
use super::sender::{BATCH_SIZE, CONNECTIONS, Pace, Sender, batch, client};
use super::services::Services;
use super::settle::settle;
use super::{export, found, table, tails};
use crate::keys::make_full_key;
use crate::say;

/// Columns: what it is, what it is here, and what it is with plain rows.
const WIDTHS: [usize; 3] = [52, 32, 14];

/// One log at a time, so rarely that each is a commit of its own.
const LONE_REQUESTS: Pace = Pace { posts: 20, every: Duration::from_millis(100), size: 1 };

/// 10,000 logs/s for ten seconds.
const STEADY_STREAM: Pace = Pace { posts: 1000, every: Duration::from_millis(10), size: 100 };

/// What to measure with.
#[derive(Debug, Args)]
pub(crate) struct EngineOptions {
    /// How many logs are posted, in thousands; a million are a day of the set
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u64).range(BATCH_SIZE..=1_000_000_000))]
    logs: u64,
    /// Which logs
    #[arg(long, value_name = "SET", value_enum, default_value_t = SetName::Comparison)]
    set: SetName,
    /// Directory of loghub's files *_2k.log_structured.csv, for --set loghub
    #[arg(long, value_name = "DIR", default_value = "tests/loghub")]
    loghub: PathBuf,
    /// Do not measure plain SQLite rows beside it
    #[arg(long)]
    skip_rows: bool,
    /// Directory for the data, without logs in it; it is kept [default: a temporary one, removed at the end]
    // No variable: the one that names the services' data must not send a million logs there.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Directory of the programs ingest-svc and query-svc [default: where this program lies]
    #[arg(long, env = "SENTINEL_BIN_DIR", value_name = "DIR")]
    bin_dir: Option<PathBuf>,
}

/// A measurement that is under way.
struct Measurement {
    set: Arc<LogSet>,
    batches: u64,
    data_dir: PathBuf,
    programs: PathBuf,
    key: String,
    rows: Option<PlainRows>,
}

/// Measures, until it is done or told to stop. The services end in any case.
///
/// # Errors
/// When a service fails, or cannot be started.
pub(super) async fn run(options: EngineOptions) -> anyhow::Result<()> {
    until_stopped(measure(&options)).await
}

/// Measures, unless it is told to stop before.
///
/// # Errors
/// What `measurement` returns, or that it was stopped.
pub(super) async fn until_stopped(
    measurement: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        measured = measurement => measured,
        _ = terminate.recv() => bail!("stopped"),
        stopped = tokio::signal::ctrl_c() => stopped.context("stopped").and_then(|()| bail!("stopped")),
    }
}

async fn measure(options: &EngineOptions) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let data_dir = options.data_dir.clone().unwrap_or_else(|| scratch.path().join("data"));
    ensure!(!data_dir.join("logs.db").exists(), "{} holds logs already", data_dir.display());
    let set = Arc::new(match options.set {
        SetName::Comparison => LogSet::Comparison,
        SetName::Loghub => LogSet::Loghub(Loghub::read(&options.loghub)?),
    });
    let batches = options.logs / BATCH_SIZE;
    let programs = programs(options.bin_dir.as_deref())?;
    say(&format!("{} logs, batches of {BATCH_SIZE}, {CONNECTIONS} connections", batches * BATCH_SIZE));
    let rows = if options.skip_rows { None } else { Some(measure_rows(&set, batches, &scratch).await?) };
    let key = make_full_key(&data_dir, Tenant::DEFAULT_NAME, "bench").await?;
    let data_dir = std::path::absolute(data_dir)?;
    let measurement = Measurement { set, batches, data_dir, programs, key, rows };
    print("", "log sentinel", "plain rows");
    measurement.write().await?;
    measurement.read().await
}

async fn measure_rows(set: &LogSet, batches: u64, scratch: &TempDir) -> anyhow::Result<PlainRows> {
    let directory = scratch.path().join("rows");
    std::fs::create_dir(&directory)?;
    let rows = plain_rows::write(set, batches, &directory).await?;
    std::fs::remove_dir_all(&directory)?;
    Ok(rows)
}

impl Measurement {
    /// Posts the whole set; prints what it costs at once, after the engine has come to rest, and on the disk.
    async fn write(&self) -> anyhow::Result<()> {
        let services = Services::start(&self.programs, &self.data_dir).await?;
        let pid = services.ingest.pid();
        let before = cpu_seconds(pid)?;
        let took = self.sender(&services)?.post_all(self.batches).await?;
        let answered = cpu_seconds(pid)? - before;
        let per_second = |took: Duration| format!("{:.0}", self.logs() as f64 / took.as_secs_f64());
        self.print_with_rows("logs/s", &per_second(took), |rows| per_second(rows.took));
        let per_million = |cpu: f64| format!("{:.2} s", cpu / self.logs() as f64 * 1e6);
        let of_rows = |rows: &PlainRows| per_million(rows.cpu_seconds);
        self.print_with_rows("server CPU per million, at the last answer", &per_million(answered), of_rows);

        let is_settled = settle(pid, &self.data_dir).await?;
        let with_merges = per_million(cpu_seconds(pid)? - before);
        let note = if is_settled { "" } else { " (did not come to rest)" };
        self.print_with_rows("server CPU per million, with merges", &format!("{with_merges}{note}"), of_rows);
        self.print_bytes("bytes a log, at rest")?;
        self.print_memory("writing", &services)?;
        services.stop().await?;
        self.print_bytes("bytes a log, after the stop")
    }

    /// Starts the services again, and asks, one at a time and beside a stream of logs.
    async fn read(&self) -> anyhow::Result<()> {
        let services = Services::start(&self.programs, &self.data_dir).await?;
        let sender = self.sender(&services)?;
        let questions = Questions {
            client: &sender.client,
            query: &services.query,
            key: &self.key,
            words: self.set.words(batch(self.batches / 2)),
            logs: self.logs(),
        };
        for (name, answer) in questions.ask_all().await? {
            print(&format!("p50: {name}"), &answer, "");
        }
        let (lone, _) = sender.post_at(LONE_REQUESTS, self.logs()).await?;
        print("201, lone requests (p50 / p95 / p99)", &lone.summary(), "");
        let after_lone = self.logs() + LONE_REQUESTS.posts * LONE_REQUESTS.size;
        let (stream, took) = sender.post_at(STEADY_STREAM, after_lone).await?;
        print("201, 10,000 logs/s in posts of 100", &stream.summary(), "");
        let streamed = (STEADY_STREAM.posts * STEADY_STREAM.size) as f64;
        print("  logs/s that were sent", &format!("{:.0}", streamed / took.as_secs_f64()), "");
        let found = found::look(&sender, &services.query).await?;
        print("from 201 to found (p50 / p95 / p99)", &found.times.summary(), "");
        print("  not found", &format!("{} of {}", found.misses, found.times.count()), "");
        self.print_memory("reading", &services)?;
        for format in ["csv", "ndjson"] {
            let exported = export::export(&sender.client, &services.query, &self.key, format).await;
            let exported = exported.map_or_else(|e| format!("n/a ({e})"), |exported| exported.summary());
            print(&format!("export of everything as {format}"), &exported, "");
        }
        match tails::tail(&sender, &services.query, after_lone + STEADY_STREAM.posts * STEADY_STREAM.size)
            .await
        {
            Ok(tailed) => {
                let name = "from 201 to 20 tails, 1,000 logs/s (p50 / p95 / p99)";
                print(name, &tailed.delays.summary(), "");
                print("  missed or doubled", &format!("{} of {}", tailed.wrong, tailed.delays.count()), "");
                let idle = tails::idle(&services.query, &self.key).await?;
                print("100 idle tails", &format!("{:.1} % of a core", idle * 100.0), "");
            }
            Err(error) => print("live tails", &format!("n/a ({error})"), ""),
        }
        services.stop().await
    }

    fn logs(&self) -> u64 {
        self.batches * BATCH_SIZE
    }

    fn sender(&self, services: &Services) -> anyhow::Result<Sender> {
        Ok(Sender {
            client: client()?,
            url: services.ingest.url("/logs"),
            key: self.key.clone(),
            set: Arc::clone(&self.set),
        })
    }

    fn print_bytes(&self, name: &str) -> anyhow::Result<()> {
        let per_log = |bytes: u64| format!("{:.1}", bytes as f64 / self.logs() as f64);
        let bytes = directory_bytes(&self.data_dir)?;
        self.print_with_rows(name, &per_log(bytes), |rows| per_log(rows.bytes));
        Ok(())
    }

    fn print_memory(&self, when: &str, services: &Services) -> anyhow::Result<()> {
        for (name, service) in [("ingest-svc", &services.ingest), ("query-svc", &services.query)] {
            let peak = format!("{:.1} MiB", service.peak_memory_mib()?);
            print(&format!("peak memory of {name}, {when}"), &peak, "");
        }
        Ok(())
    }

    fn print_with_rows(&self, name: &str, ours: &str, of_rows: impl Fn(&PlainRows) -> String) {
        print(name, ours, &self.rows.as_ref().map(of_rows).unwrap_or_default());
    }
}

fn print(name: &str, ours: &str, rows: &str) {
    say(&table::line(&[name, ours, rows].map(str::to_owned), &WIDTHS));
}

/// Returns where the services' programs lie: beside this one, unless it is told otherwise.
pub(super) fn programs(told: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(directory) = told {
        return Ok(std::path::absolute(directory)?);
    }
    let own = std::env::current_exe()?;
    Ok(own.parent().context("a program lies in a directory")?.to_owned())
}
