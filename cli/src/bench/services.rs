//! The services under measurement, as child processes.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use super::process::peak_memory_kib;

/// Longest time for a service to listen, and to end.
const AT_MOST: Duration = Duration::from_secs(60);

/// A service. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct ServiceProcess {
    name: &'static str,
    child: Child,
    pid: u32,
    address: SocketAddr,
}

/// Both services over one directory.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) ingest: ServiceProcess,
    pub(crate) query: ServiceProcess,
}

// === impl Services ===

impl Services {
    /// Starts the programs that lie in `programs`.
    ///
    /// # Errors
    /// When one is not there, or does not listen.
    pub(crate) async fn start(programs: &Path, data_dir: &Path) -> anyhow::Result<Self> {
        let ingest = ServiceProcess::start("ingest-svc", programs, data_dir).await?;
        let query = ServiceProcess::start("query-svc", programs, data_dir).await?;
        Ok(Self { ingest, query })
    }

    /// Stops both in order.
    ///
    /// # Errors
    /// When one does not end well.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.query.stop().await?;
        self.ingest.stop().await
    }
}

// === impl ServiceProcess ===

impl ServiceProcess {
    async fn start(name: &'static str, programs: &Path, data_dir: &Path) -> anyhow::Result<Self> {
        Self::start_with(name, programs, data_dir, &[]).await
    }

    /// Starts a service with further arguments.
    ///
    /// # Errors
    /// When the program is not there, or does not listen.
    pub(crate) async fn start_with(
        name: &'static str,
        programs: &Path,
        data_dir: &Path,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let program = programs.join(name);
        let mut command = Command::new(&program);
        command
            .arg("--data-dir")
            .arg(data_dir)
            .args(["--listen", "127.0.0.1:0", "--log-format", "json"])
            .args(arguments);
        // No settings of the person's: neither variables nor a file `.env`.
        command.env_remove("RUST_LOG").current_dir(data_dir);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| {
            format!("cannot start {}; build it first, or say --bin-dir", program.display())
        })?;
        let pid = child.id().context("a process that was just started has an id")?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let mut lines = BufReader::new(stderr).lines();
        let listening = timeout(AT_MOST, wait_for_address(&mut lines)).await;
        let address = listening.context("it does not listen in time").flatten();
        let address = address.with_context(|| format!("{name} did not start"))?;
        // Read on, so that the pipe never fills up; ends with the process.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { name, child, pid, address })
    }

    /// Returns its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns the address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the most memory that it has had, in MiB.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn peak_memory_mib(&self) -> anyhow::Result<f64> {
        Ok(peak_memory_kib(self.pid)? as f64 / 1024.0)
    }

    /// Stops it in order.
    ///
    /// # Errors
    /// When it does not end well.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let name = self.name;
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("a process id is a number")?;
        kill_process(pid, Signal::TERM).with_context(|| format!("cannot stop {name}"))?;
        let ended = timeout(AT_MOST, self.child.wait()).await;
        let status: ExitStatus = ended.with_context(|| format!("{name} does not end"))??;
        ensure!(status.success(), "{name} ended with {status}");
        Ok(())
    }
}

/// Reads a service's log until it says where it listens.
async fn wait_for_address(lines: &mut Lines<BufReader<ChildStderr>>) -> anyhow::Result<SocketAddr> {
    let mut last = String::new();
    while let Some(line) = lines.next_line().await? {
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        if event["message"] == "listening" {
            let address = event["address"].as_str().context("it listens nowhere")?;
            return address.parse().with_context(|| format!("no address: {address}"));
        }
        last = line;
    }
    bail!("it ended; the last it said: {last}")
}
