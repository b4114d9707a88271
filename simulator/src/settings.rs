//! What a simulation is told: the plain [`Config`] of the library.
//!
//! Not here: flags and environment variables (`config`).

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, ensure};

use crate::catalogue::{self, ServiceProfile, service_names};
use crate::clock::{Now, system_now};
use crate::config::{Format, Mode};
use crate::keys::KeySource;
use crate::outfile::OutFile;

/// The usual mean pause between two requests of a service of pace 1.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
/// The usual number of records per request.
pub const DEFAULT_BATCH_SIZE: u64 = 10;
/// The longest pause that can be asked for, one day.
const INTERVAL_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The most records per request: what one request may hold of ordinary records, with room to spare.
const BATCH_SIZE_MAX: u64 = 10_000;
/// The lowest and the highest rate that can be asked for, in logs per second.
const RATE_RANGE: (f64, f64) = (0.001, 10_000_000.0);
/// A longer name is refused: it is part of every record and of the idempotency key. Any host name fits.
const NAME_MAX_BYTES: usize = 63;

/// What a simulation is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where ingest-svc is, without a path.
    pub url: String,
    /// The key of each service.
    pub keys: KeySource,
    /// One record per request or many; many.
    pub mode: Mode,
    /// Mean pause between two requests of a service of pace 1; [`DEFAULT_INTERVAL`].
    pub interval: Duration,
    /// Records per request in [`Mode::Batch`]; [`DEFAULT_BATCH_SIZE`].
    pub batch_size: u64,
    /// Stop after so many records in all; `None`, the default, is until the shutdown.
    pub count: Option<u64>,
    /// Records per second over all services, instead of `interval`; none.
    pub rate: Option<f64>,
    /// The names of the services to play; empty, the default, is all.
    pub services: Vec<String>,
    /// Time between bursts; none.
    pub burst_interval: Option<Duration>,
    /// What everything random derives from; `None`, the default, is a random one.
    pub seed: Option<u64>,
    /// JSON or text; JSON.
    pub format: Format,
    /// Where acknowledged requests are written down: a file, or a directory (it exists or ends in a slash); nowhere.
    pub ledger: Option<PathBuf>,
    /// A file for the lines, instead of a service; none.
    pub out: Option<OutFile>,
    /// The name in `host` of each record; `None`, the default, is a random one.
    pub name: Option<String>,
    /// Whether to draw a progress line, if standard error is a terminal; no.
    pub show_progress: bool,
    /// Where the time of the records comes from; the machine's clock.
    pub now: Now,
}

impl Config {
    /// Describes a simulation of all services against `url`, everything else as usual.
    #[must_use]
    pub fn new(url: impl Into<String>, keys: KeySource) -> Self {
        Self {
            url: url.into(),
            keys,
            mode: Mode::Batch,
            interval: DEFAULT_INTERVAL,
            batch_size: DEFAULT_BATCH_SIZE,
            count: None,
            rate: None,
            services: Vec::new(),
            burst_interval: None,
            seed: None,
            format: Format::Json,
            ledger: None,
            out: None,
            name: None,
            show_progress: false,
            now: system_now,
        }
    }

    /// Fails with a sentence for the user when a value is out of its range.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            (1..=BATCH_SIZE_MAX).contains(&self.batch_size),
            "the batch size is {}, it must be 1 to {BATCH_SIZE_MAX}",
            self.batch_size
        );
        ensure!(self.interval <= INTERVAL_MAX, "the interval must be at most {} s", INTERVAL_MAX.as_secs());
        if let Some(rate) = self.rate {
            let (lowest, highest) = RATE_RANGE;
            ensure!(
                (lowest..=highest).contains(&rate),
                "the rate is {rate}, it must be {lowest} to {highest} logs/s"
            );
        }
        if let Some(name) = &self.name {
            let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            ensure!(
                is_plain && (1..=NAME_MAX_BYTES).contains(&name.len()),
                "the name {name:?} must be 1 to {NAME_MAX_BYTES} letters, digits, `-`, `_` or `.`"
            );
        }
        Ok(())
    }

    /// The records per request, whatever the mode.
    pub(crate) fn records_per_request(&self) -> u64 {
        match self.mode {
            Mode::Single => 1,
            Mode::Batch => self.batch_size,
        }
    }

    /// The services to play, each once, in the order of the catalogue.
    pub(crate) fn profiles(&self) -> anyhow::Result<Vec<&'static ServiceProfile>> {
        if let Some(unknown) = self.services.iter().find(|name| catalogue::find(name).is_none()) {
            let known: Vec<_> = service_names().collect();
            bail!("there is no service {unknown:?}; there are {}", known.join(", "));
        }
        let is_wanted = |profile: &&ServiceProfile| {
            self.services.is_empty() || self.services.iter().any(|name| name == profile.name)
        };
        Ok(catalogue::SERVICES.iter().filter(is_wanted).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::ApiKey;

    fn config() -> Config {
        Config::new("http://127.0.0.1:8001", KeySource::Shared(ApiKey::new("key")))
    }

    #[test]
    fn an_unknown_service_is_refused_with_the_known_ones() {
        let config = Config { services: vec!["auth-service".to_owned(), "chat".to_owned()], ..config() };

        let error = config.profiles().unwrap_err().to_string();

        assert!(error.contains("\"chat\"") && error.contains("payment-service"), "{error}");
    }

    #[test]
    fn without_a_choice_all_services_are_played() {
        assert_eq!(config().profiles().unwrap().len(), catalogue::SERVICES.len());
    }

    #[test]
    fn values_out_of_range_are_refused() {
        assert!(config().check().is_ok());
        assert!(Config { batch_size: 0, ..config() }.check().is_err());
        assert!(Config { rate: Some(f64::NAN), ..config() }.check().is_err());
        assert!(Config { name: Some("a/b".to_owned()), ..config() }.check().is_err());
    }
}
