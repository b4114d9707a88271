//! The command line: every option is a flag and an environment variable.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use runtime::LogOptions;

use crate::keys::{ApiKey, KeySource};
use crate::outfile::OutFile;
use crate::settings::{Config, DEFAULT_BATCH_SIZE};
use crate::verify::VerifyConfig;

/// Fake services that send logs to Log Sentinel, and the proof that what was acknowledged is there.
///
/// Without a subcommand it sends logs until it has sent `--count` of them or is asked to stop (SIGTERM, SIGINT);
/// it then finishes the request in flight. The exit status is 0, or 1 when a run with `--count` was not acknowledged in full.
#[derive(Debug, Parser)]
#[command(name = "simulator", version)]
pub struct Cli {
    /// What to do instead of sending logs.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to send logs.
    #[command(flatten)]
    pub simulate: SimulateOptions,
    /// How the command's own log looks.
    #[command(flatten)]
    pub log: LogOptions,
}

impl Cli {
    /// Reads the command line and the environment; ends the process on `--help` or a usage error.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::parse()
    }
}

/// How many records a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// One record per request, posted as an object.
    Single,
    /// Several records per request, posted as an array.
    Batch,
}

/// How records are written in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// JSON, with attributes.
    Json,
    /// Lines of text, `2025-10-23 14:32:15 INFO [payment-service] Payment completed`; without attributes.
    Text,
}

/// What can be done besides sending logs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check that every acknowledged log is stored exactly once
    ///
    /// Reads all logs that the key may see and compares them with the ledgers. Prints how many logs are acked, found, missing
    /// and duplicated, with examples. A log stored under two ids is a duplicate, too. The exit status is 0 when nothing is
    /// missing or duplicated, 1 when something is, 2 when the check could not be made.
    Verify(VerifyOptions),
}

/// The options for sending logs.
#[derive(Debug, Args)]
pub struct SimulateOptions {
    /// Where ingest-svc is
    #[arg(long, env = "SENTINEL_URL", value_name = "URL", default_value = "http://127.0.0.1:8001")]
    pub url: String,
    /// The key with which all services send
    #[arg(long, env = "SENTINEL_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// A directory with a file `<service>.key` for each service, instead of --key; waits up to 60 s for the files
    #[arg(long, env = "SENTINEL_KEY_DIR", value_name = "DIR")]
    pub key_dir: Option<PathBuf>,
    /// One log per request, or many
    #[arg(long, env = "SENTINEL_MODE", value_enum, default_value_t = Mode::Batch)]
    pub mode: Mode,
    /// Mean pause between two requests of a service, in seconds; services are slower or faster by a factor of their own
    #[arg(long, env = "SENTINEL_INTERVAL", value_name = "S", default_value = "1", value_parser = seconds)]
    pub interval: Duration,
    /// Logs per request with --mode batch
    #[arg(long, env = "SENTINEL_BATCH_SIZE", value_name = "N", default_value_t = DEFAULT_BATCH_SIZE)]
    pub batch_size: u64,
    /// Stop after so many logs in all [default: never]
    #[arg(long, env = "SENTINEL_COUNT", value_name = "N")]
    pub count: Option<u64>,
    /// Logs per second over all services, instead of --interval; bursts come on top [default: none]
    #[arg(long, env = "SENTINEL_RATE", value_name = "LOGS_PER_S")]
    pub rate: Option<f64>,
    /// The services to play, separated by commas [default: all six]
    #[arg(long, env = "SENTINEL_SERVICES", value_name = "NAMES", value_delimiter = ',')]
    pub services: Vec<String>,
    /// Seconds from one burst to the next: an error storm or a rush, several requests in one service; 0 is never
    #[arg(long, env = "SENTINEL_BURST_INTERVAL", value_name = "S", default_value = "0", value_parser = seconds)]
    pub burst_interval: Duration,
    /// What everything random derives from: the same seed gives the same logs, apart from times [default: random]
    #[arg(long, env = "SENTINEL_SEED", value_name = "N")]
    pub seed: Option<u64>,
    /// JSON, or lines of text (which have no attributes)
    #[arg(long, env = "SENTINEL_FORMAT", value_enum, default_value_t = Format::Json)]
    pub format: Format,
    /// Write down what was acknowledged, one JSON line per request, synced to the disk. A file belongs to one process at a
    /// time; given a directory (it exists or ends in `/`), every process makes a file of its own in it [default: none]
    #[arg(long, env = "SENTINEL_LEDGER", value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Write lines into a file instead of sending them; nobody acknowledges, and there is no ledger [default: none]
    #[arg(long, env = "SENTINEL_OUT", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Rename the file (FILE.1, FILE.2, ...) and begin a new one when it has so many bytes
    #[arg(long, env = "SENTINEL_OUT_MAX_BYTES", value_name = "BYTES", default_value_t = 10 * 1024 * 1024)]
    pub out_max_bytes: u64,
    /// Keep so many renamed files
    #[arg(long, env = "SENTINEL_OUT_KEEP", value_name = "FILES", default_value_t = 5)]
    pub out_keep: u32,
    /// The name of this replica, the `host` of each log [default: the variable HOSTNAME, else random]
    #[arg(long, env = "SENTINEL_NAME", value_name = "REPLICA")]
    pub name: Option<String>,
}

impl SimulateOptions {
    /// Turns the options into a configuration; fails when there is no key or there are two.
    pub fn into_config(self) -> anyhow::Result<Config> {
        let keys = match (self.key, self.key_dir) {
            _ if self.out.is_some() => KeySource::None,
            (Some(key), None) => KeySource::Shared(ApiKey::new(key)),
            (None, Some(directory)) => KeySource::Directory(directory),
            (None, None) => bail!("no key: give --key or --key-dir (or SENTINEL_KEY, SENTINEL_KEY_DIR)"),
            (Some(_), Some(_)) => bail!("two sources of keys: give --key or --key-dir, not both"),
        };
        Ok(Config {
            mode: self.mode,
            interval: self.interval,
            batch_size: self.batch_size,
            count: self.count,
            rate: self.rate,
            services: self.services.into_iter().filter(|name| !name.is_empty()).collect(),
            burst_interval: Some(self.burst_interval).filter(|interval| !interval.is_zero()),
            seed: self.seed,
            format: self.format,
            ledger: self.ledger.filter(|_| self.out.is_none()),
            out: self.out.map(|path| OutFile { path, max_bytes: self.out_max_bytes, keep: self.out_keep }),
            name: self.name.or_else(|| std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty())),
            show_progress: true,
            ..Config::new(self.url, keys)
        })
    }
}

/// The options of `verify`. Their variables have names of their own, because the service is another one.
#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// A ledger, or a directory of them (its files `*.jsonl`); may be repeated
    #[arg(long, env = "SENTINEL_VERIFY_LEDGER", value_name = "FILE", value_delimiter = ',', num_args = 1.., required = true)]
    pub ledger: Vec<PathBuf>,
    /// Where query-svc is
    #[arg(long, env = "SENTINEL_VERIFY_URL", value_name = "URL", default_value = "http://127.0.0.1:8000")]
    pub url: String,
    /// A key that may read the logs
    #[arg(long, env = "SENTINEL_VERIFY_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// A file that holds the key, instead of --key
    #[arg(long, env = "SENTINEL_VERIFY_KEY_FILE", value_name = "FILE", conflicts_with = "key")]
    pub key_file: Option<PathBuf>,
}

impl VerifyOptions {
    /// Turns the options into a configuration; fails when there is no key.
    pub fn into_config(self) -> anyhow::Result<VerifyConfig> {
        let key = match (self.key, self.key_file) {
            (Some(key), _) => key,
            (None, Some(file)) => {
                let text = std::fs::read_to_string(&file);
                text.with_context(|| format!("cannot read {}", file.display()))?.trim().to_owned()
            }
            (None, None) => {
                bail!("no key: give --key or --key-file (or SENTINEL_VERIFY_KEY, SENTINEL_VERIFY_KEY_FILE)")
            }
        };
        Ok(VerifyConfig { ledgers: self.ledger, url: self.url, key: ApiKey::new(key) })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_its_variable() {
        for argument in Cli::command().get_arguments() {
            if let Some(long) = argument.get_long().filter(|long| !["help", "version"].contains(long)) {
                let expected = format!("SENTINEL_{}", long.to_uppercase().replace('-', "_"));

                assert_eq!(argument.get_env().and_then(|name| name.to_str()), Some(expected.as_str()));
            }
        }
    }

    #[test]
    fn a_key_directory_and_a_key_exclude_each_other() {
        let cli = Cli::parse_from(["simulator", "--key", "k", "--key-dir", "keys"]);

        assert!(cli.simulate.into_config().is_err());
    }

    #[test]
    fn several_ledgers_can_be_verified() {
        let cli =
            Cli::parse_from(["simulator", "verify", "--key", "k", "--ledger", "a", "b", "--ledger", "c,d"]);

        let Some(Command::Verify(options)) = cli.command else { panic!("not verify") };
        assert_eq!(options.ledger.len(), 4);
    }
}
