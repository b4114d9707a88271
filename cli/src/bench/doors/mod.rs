//! `sentinel bench doors`: what the same logs cost ingest-svc by each protocol, beside JSON.
//!
//! * `bodies` the logs in the form of each protocol, `messages` in that of OTLP's and Loki's protobuf

mod bodies;
mod messages;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use domain::Tenant;
use reqwest::Client;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::bodies::Body;
use super::engine::{programs, until_stopped};
use super::log_set::LogSet;
use super::process::cpu_seconds;
use super::sender::{BATCH_SIZE, CONNECTIONS, batch, client};
use super::services::ServiceProcess;
use super::table;
use crate::keys::make_full_key;
use crate::say;

/// Columns: the door, its CPU, and how much that is beside JSON.
const WIDTHS: [usize; 3] = [36, 24, 16];

/// How long everything that was sent over syslog may take to be stored.
const STORED_WITHIN: Duration = Duration::from_secs(120);

/// What to measure with.
#[derive(Debug, Args)]
pub(crate) struct DoorsOptions {
    /// How many logs go through each door, in thousands
    #[arg(long, value_name = "N", default_value_t = 300_000,
          value_parser = clap::value_parser!(u64).range(BATCH_SIZE..=100_000_000))]
    logs: u64,
    /// How often; what each door costs is the least of all rounds
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Directory of the program ingest-svc [default: where this program lies]
    #[arg(long, env = "SENTINEL_BIN_DIR", value_name = "DIR")]
    bin_dir: Option<PathBuf>,
}

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Json,
    OtlpProtobuf,
    OtlpJson,
    LokiProtobuf,
    LokiJson,
    Bulk,
    BulkWithIds,
    SyslogTcp,
}

const DOORS: [Door; 8] = [
    Door::Json,
    Door::OtlpProtobuf,
    Door::OtlpJson,
    Door::LokiProtobuf,
    Door::LokiJson,
    Door::Bulk,
    Door::BulkWithIds,
    Door::SyslogTcp,
];

impl Door {
    fn name(self) -> &'static str {
        match self {
            Self::Json => "POST /logs, JSON",
            Self::OtlpProtobuf => "OTLP, protobuf",
            Self::OtlpJson => "OTLP, JSON",
            Self::LokiProtobuf => "Loki, snappy protobuf",
            Self::LokiJson => "Loki, JSON",
            Self::Bulk => "_bulk",
            Self::BulkWithIds => "_bulk with _id",
            Self::SyslogTcp => "syslog over TCP, counted octets",
        }
    }
}

/// Measures, until it is done or told to stop.
///
/// # Errors
/// When the service fails, or cannot be started.
pub(super) async fn run(options: DoorsOptions) -> anyhow::Result<()> {
    until_stopped(measure(&options)).await
}

async fn measure(options: &DoorsOptions) -> anyhow::Result<()> {
    let programs = programs(options.bin_dir.as_deref())?;
    let batches = options.logs / BATCH_SIZE;
    let logs = batches * BATCH_SIZE;
    say(&format!("{logs} logs through each door, batches of {BATCH_SIZE}, {CONNECTIONS} connections"));
    let mut least = [f64::INFINITY; DOORS.len()];
    for _ in 0..options.rounds {
        for (door, least) in DOORS.into_iter().zip(&mut least) {
            let cpu = measure_door(door, batches, &programs).await;
            let cpu = cpu.with_context(|| format!("{} failed", door.name()))?;
            *least = least.min(cpu / logs as f64 * 1e6);
        }
    }
    print("", "server CPU per million", "beside JSON");
    for (door, cpu) in DOORS.into_iter().zip(least) {
        print(door.name(), &format!("{cpu:.2} s"), &format!("{:.2}x", cpu / least[0]));
    }
    Ok(())
}

/// Sends all logs through a door; returns the CPU seconds that the service took until all were stored.
async fn measure_door(door: Door, batches: u64, programs: &Path) -> anyhow::Result<f64> {
    let scratch = tempfile::tempdir()?;
    let data_dir = scratch.path().join("data");
    let key = make_full_key(&data_dir, Tenant::DEFAULT_NAME, "bench").await?;
    let key_file = scratch.path().join("key");
    std::fs::write(&key_file, &key)?;
    let syslog = free_address().await?;
    let arguments = ["--syslog-listen", &syslog, "--syslog-key-file", key_file.to_str().context("a path")?];
    let ingest = ServiceProcess::start_with("ingest-svc", programs, &data_dir, &arguments).await?;
    let before = cpu_seconds(ingest.pid())?;
    let target = Target { door, key, url: ingest.url(""), syslog };
    let mut connections = JoinSet::new();
    for connection in 0..CONNECTIONS {
        connections.spawn(target.clone().send(connection, batches));
    }
    while let Some(ended) = connections.join_next().await {
        ended??;
    }
    if door == Door::SyslogTcp {
        target.wait_until_stored(batches * BATCH_SIZE).await?;
    }
    let cpu = cpu_seconds(ingest.pid())? - before;
    ingest.stop().await?;
    Ok(cpu)
}

/// Where a connection sends.
#[derive(Debug, Clone)]
struct Target {
    door: Door,
    key: String,
    url: String,
    syslog: String,
}

impl Target {
    /// Sends every so many-th batch over a connection of its own.
    async fn send(self, connection: u64, batches: u64) -> anyhow::Result<()> {
        let set = Arc::new(LogSet::Comparison);
        let client = client()?;
        let mut stream = match self.door {
            Door::SyslogTcp => Some(TcpStream::connect(&self.syslog).await?),
            _ => None,
        };
        for number in (connection..batches).step_by(CONNECTIONS as usize) {
            let body = Body::of(self.door, &set.logs(batch(number)), number)?;
            match &mut stream {
                Some(stream) => stream.write_all(&body.bytes).await?,
                None => self.post(&client, body).await?,
            }
        }
        Ok(())
    }

    async fn post(&self, client: &Client, body: Body) -> anyhow::Result<()> {
        let request = client.post(format!("{}{}", self.url, body.path)).bearer_auth(&self.key);
        let answer = request.header("Content-Type", body.content_type).body(body.bytes).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        let has_errors = text.contains("\"errors\":true") || text.contains("rejectedLogRecords");
        ensure!(status.is_success() && !has_errors, "{status}: {text}");
        Ok(())
    }

    async fn wait_until_stored(&self, logs: u64) -> anyhow::Result<()> {
        const SERIES: &str = "sentinel_ingest_records_accepted_total{door=\"syslog\"}";
        let give_up = Instant::now() + STORED_WITHIN;
        loop {
            let metrics = client()?.get(format!("{}/metrics", self.url)).send().await?.text().await?;
            let line = metrics.lines().find_map(|line| line.strip_prefix(SERIES));
            if line.and_then(|value| value.trim().parse().ok()) == Some(logs) {
                return Ok(());
            }
            ensure!(Instant::now() < give_up, "not all messages are stored: {line:?} of {logs}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Returns an address of the loopback that nobody listens on.
async fn free_address() -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    Ok(listener.local_addr()?.to_string())
}

fn print(door: &str, cpu: &str, ratio: &str) {
    say(&table::line(&[door, cpu, ratio].map(str::to_owned), &WIDTHS));
}
