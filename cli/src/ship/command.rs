//! `sentinel ship`: puts together what was asked for, and runs it.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, ensure};
use domain::SystemClock;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_util::sync::CancellationToken;

use super::discovery::Discovery;
use super::options::{ShipCommand, ShipOptions, Switch};
use super::progress::{self, Progress};
use super::shipper::{Shipper, Tools};
use super::state::StateDirectory;
use super::status;
use super::stdin::{Stdin, StdinSettings};
use super::watch::{DISCOVER_EVERY, Settings};
use crate::deliver::Courier;

/// The exit status when something could not be read, or was not delivered in the end.
const EXIT_NOT_ALL: u8 = 1;

/// Ships until it is asked to stop, or to the end of what there is.
///
/// # Errors
/// When nothing is named, the key or the URL cannot be used, or the state cannot be read or written.
pub(crate) async fn run(options: ShipOptions) -> anyhow::Result<ExitCode> {
    if let Some(ShipCommand::Status { state }) = &options.command {
        return status::show(&state.state_dir).map(|()| ExitCode::SUCCESS);
    }
    let _telemetry = runtime::telemetry::init("sentinel-ship", options.log.format());
    let sources = &options.sources;
    let has_files = !sources.log_file.is_empty() || sources.docker.is_some();
    ensure!(has_files || sources.stdin, "there is nothing to ship: name --log-file, --docker or --stdin");
    for pattern in &sources.log_file {
        glob::Pattern::new(pattern).with_context(|| format!("{pattern:?} is no pattern"))?;
    }
    open_as_many_files_as_allowed();
    let stop = runtime::signal_token()?;
    let progress = Arc::new(Progress::default());
    let shipper = if has_files { Some(shipper(&options, &stop, &progress)?) } else { None };
    let stdin = if sources.stdin { Some(stdin(&options, &stop, &progress)?) } else { None };

    let attendant = tokio::spawn(progress::show(Arc::clone(&progress)));
    let files = async {
        match shipper {
            Some(mut shipper) => shipper.run().await,
            None => Ok(true),
        }
    };
    let pipe = async {
        match stdin {
            Some(stdin) => stdin.run(std::io::stdin()).await,
            None => Ok(true),
        }
    };
    let ended = tokio::try_join!(files, pipe);
    attendant.abort();
    let (stored, rejected) = progress.counts();
    tracing::info!(stored, rejected, "{stored} records stored, {rejected} rejected");
    let (files, pipe) = ended?;
    Ok(if files && pipe { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NOT_ALL) })
}

fn shipper(
    options: &ShipOptions,
    stop: &CancellationToken,
    progress: &Arc<Progress>,
) -> anyhow::Result<Shipper> {
    let sources = &options.sources;
    let discovery = Discovery {
        patterns: sources.log_file.clone(),
        docker: sources.docker.clone(),
        docker_project: sources.docker_project.clone(),
        excluded_services: sources.exclude_service.iter().cloned().collect(),
        service: options.service.clone(),
        is_multiline: options.multiline == Switch::On,
    };
    let settings = Settings {
        discovery,
        source: options.host(),
        batch_size: options.batch_size as usize,
        is_from_end: options.from_end,
        discover_every: DISCOVER_EVERY,
        is_once: options.once,
    };
    let directory = StateDirectory::open(&options.state.state_dir)?;
    Shipper::new(settings, directory, tools(options, stop, progress)?)
}

fn stdin(options: &ShipOptions, stop: &CancellationToken, progress: &Arc<Progress>) -> anyhow::Result<Stdin> {
    let settings = StdinSettings {
        source: options.host(),
        service: options.service.clone(),
        batch_size: options.batch_size as usize,
        is_multiline: options.multiline == Switch::On,
    };
    Ok(Stdin::new(settings, tools(options, stop, progress)?))
}

fn tools(options: &ShipOptions, stop: &CancellationToken, progress: &Arc<Progress>) -> anyhow::Result<Tools> {
    let told = Arc::clone(progress);
    let on_trouble = Arc::new(move |trouble: Option<&str>| told.set_trouble(trouble));
    let endpoint = options.endpoint.endpoint()?;
    Ok(Tools {
        courier: Courier::new(endpoint, stop.clone(), StdRng::from_os_rng(), on_trouble),
        stop: stop.clone(),
        clock: Arc::new(SystemClock),
        rng: StdRng::from_os_rng(),
        progress: Arc::clone(progress),
    })
}

impl ShipOptions {
    /// Returns the machine's name.
    fn host(&self) -> String {
        let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.source.clone().unwrap_or_else(host)
    }
}

/// Every file that is followed is open. Where that cannot be, files that are too many are said, and wait.
fn open_as_many_files_as_allowed() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, all) {
        tracing::debug!(%error, "the number of open files stays what it is");
    }
}
