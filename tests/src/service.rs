//! A running service.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Printed;
use crate::programs::program;

/// Longest time for a service to listen, and to end.
const AT_MOST: Duration = Duration::from_secs(60);

/// How often it is asked whether a service has ended.
const POLL_EVERY: Duration = Duration::from_millis(5);

/// Where a service listens if it does not matter where.
const ANY_PORT: &str = "127.0.0.1:0";

/// A service as a process of its own. Dropped, it is killed.
#[derive(Debug)]
pub struct Service {
    launch: Launch,
    printed: Printed,
    process: Process,
}

/// How a service is started, every time.
#[derive(Debug)]
struct Launch {
    name: String,
    data_dir: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, OsString)>,
}

/// A process that listens.
#[derive(Debug)]
struct Process {
    child: Child,
    address: SocketAddr,
    readers: Vec<JoinHandle<()>>,
}

// === impl Service ===

impl Service {
    /// Starts `ingest-svc`, `query-svc`, or `sentinel` with the arguments `up ...`, on a free port, and waits
    /// until it listens.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(name: &str, data_dir: &Path, arguments: &[&str]) -> Self {
        Self::start_with::<OsString>(name, data_dir, arguments, &[])
    }

    /// As [`Service::start`], with these environment variables.
    ///
    /// # Panics
    /// When it does not listen.
    #[must_use]
    pub fn start_with<Text: Into<OsString> + Clone>(
        name: &str,
        data_dir: &Path,
        arguments: &[&str],
        variables: &[(&str, Text)],
    ) -> Self {
        let launch = Launch {
            name: name.to_owned(),
            data_dir: data_dir.to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
                .collect(),
        };
        let printed = Printed::default();
        let process = launch.start(ANY_PORT, &printed);
        let process = process.unwrap_or_else(|| panic!("{name} does not listen: {:?}", printed.stderr()));
        Self { launch, printed, process }
    }

    /// Starts a service that was ended, on the address that it had, and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    pub fn start_again(&mut self) {
        let address = self.process.address.to_string();
        let give_up = Instant::now() + AT_MOST;
        // A client that asks a free port in vain may be given that very port for its own end of the
        // connection, and hold it for a moment.
        self.process = loop {
            if let Some(process) = self.launch.start(&address, &self.printed) {
                break process;
            }
            let stderr = self.printed.stderr();
            assert!(Instant::now() < give_up, "{} does not listen again: {stderr:?}", self.launch.name);
            std::thread::sleep(POLL_EVERY);
        };
    }

    /// Returns the address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.process.address)
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// Returns the process's id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Returns what it prints, over all its starts. Complete once it has ended.
    #[must_use]
    pub fn printed(&self) -> Printed {
        self.printed.clone()
    }

    /// Kills the process with SIGKILL, for good.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(mut self) {
        self.crash();
    }

    /// Kills the process with SIGKILL.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn crash(&mut self) {
        self.process.child.kill().expect("a running process can be killed");
        self.wait_for_end();
    }

    /// Asks the process to stop with SIGTERM, for good, and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn stop(mut self) -> ExitStatus {
        self.ask_to_stop();
        self.wait_for_end()
    }

    /// Asks the process to stop with SIGTERM.
    ///
    /// # Panics
    /// When it is not there to be asked.
    pub fn ask_to_stop(&self) {
        let told = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(told.expect("kill is there").success(), "the process is there to be told");
    }

    /// Waits for the end of a process that was killed or asked to stop.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let give_up = Instant::now() + AT_MOST;
        loop {
            if let Some(status) = self.process.child.try_wait().expect("a child can be waited for") {
                for reader in self.process.readers.drain(..) {
                    reader.join().expect("a pipe can be read to its end");
                }
                return status;
            }
            assert!(Instant::now() < give_up, "{} does not end", self.launch.name);
            std::thread::sleep(POLL_EVERY);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.child.kill();
        let _ = self.process.child.wait();
    }
}

// === impl Launch ===

impl Launch {
    /// Starts the program and waits until it listens; `None`: it ended, or takes too long.
    fn start(&self, listen: &str, printed: &Printed) -> Option<Process> {
        let mut command = Command::new(program(&self.name));
        if self.name == "sentinel" {
            command.arg("up");
        }
        command.arg("--data-dir").arg(&self.data_dir).args(["--listen", listen, "--log-format", "json"]);
        command.args(&self.arguments).env_remove("RUST_LOG").current_dir(&self.data_dir);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let (found, address) = mpsc::channel();
        let readers = printed.follow(&mut child, move |line| {
            let event: Value = serde_json::from_str(line).unwrap_or_default();
            if let Some(address) = event["address"].as_str().filter(|_| event["message"] == "listening") {
                let _ = found.send(address.parse().expect("an address"));
            }
        });
        let Ok(address) = address.recv_timeout(AT_MOST) else {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        };
        Some(Process { child, address, readers })
    }
}
