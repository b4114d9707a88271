//! Runs a simulation: starts the services, watches them, and puts their counts together.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bursts::Bursts;
use crate::catalogue::ServiceProfile;
use crate::counters::{Counters, Summary};
use crate::delivery::{Courier, Destination};
use crate::ingest::IngestClient;
use crate::ledger::Ledger;
use crate::outfile::Lines;
use crate::parcel::Packer;
use crate::plan::{PlanSettings, ServicePlan};
use crate::progress;
use crate::rhythm::{self, Rhythm};
use crate::seeds;
use crate::sender::Sender;
use crate::settings::Config;
use crate::stop::Stop;

/// Sends logs as `config` says, until its count is reached or `shutdown` is cancelled; then finishes the requests in flight,
/// with a few seconds for their last tries.
///
/// Fails when the configuration is wrong, a key does not appear or the ledger cannot be written. A service that is away or
/// refuses logs is no failure: see the [`Summary`].
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<Summary> {
    config.check()?;
    let run = Run::start(&config, &shutdown)?;
    let mut senders = JoinSet::new();
    for sender in run.senders(&config).await? {
        senders.spawn(sender.run());
    }
    let mut attendants = JoinSet::new();
    attendants.spawn(run.stop.clone().escalate());
    attendants.spawn(progress::show(Arc::clone(&run.counters), config.show_progress));

    let result = wait_for_all(senders, &run.stop).await;
    attendants.shutdown().await;
    let summary = run.counters.summary();
    tracing::info!(run = &*run.id, "run {} ended: {summary}", run.id);
    result.map(|()| summary)
}

/// What the services of a run have in common.
struct Run {
    id: Arc<str>,
    host: String,
    seed: u64,
    ledger: Option<Ledger>,
    lines: Option<Lines>,
    counters: Arc<Counters>,
    stop: Stop,
}

impl Run {
    fn start(config: &Config, shutdown: &CancellationToken) -> anyhow::Result<Self> {
        let seed = config.seed.map_or_else(seeds::entropy, Ok)?;
        let unique = seeds::entropy()?;
        let host = config.name.clone().unwrap_or_else(|| format!("sim-{:06x}", unique >> 40));
        let id: Arc<str> = format!("{host}-{unique:016x}").into();
        let ledger = config.ledger.as_deref().map(|target| Ledger::open(target, &id)).transpose()?;
        let lines = config.out.as_ref().map(Lines::open).transpose()?;
        let to = config.out.as_ref().map_or_else(|| config.url.clone(), |out| out.path.display().to_string());
        tracing::info!(run = &*id, seed, to, "run {id} sends to {to} with seed {seed}");
        Ok(Self { id, host, seed, ledger, lines, counters: Arc::default(), stop: Stop::after(shutdown) })
    }

    /// Prepares the services; none when the shutdown was requested before there were keys.
    async fn senders(&self, config: &Config) -> anyhow::Result<Vec<Sender>> {
        let profiles = config.profiles()?;
        let mut senders = Vec::new();
        for (profile, settings) in profiles.iter().zip(self.plan_settings(config, &profiles)) {
            let Some(destination) = self.destination(config, profile.name).await? else {
                return Ok(Vec::new());
            };
            let backoff_rng = seeds::stream(self.seed, "backoff", profile.name);
            let (counters, stop) = (Arc::clone(&self.counters), self.stop.clone());
            senders.push(Sender {
                service: profile.name,
                run: Arc::clone(&self.id),
                plan: ServicePlan::new(profile, settings),
                packer: Packer::new(profile.name, &self.host, &self.id, config.mode, config.format),
                courier: Courier::new(
                    destination,
                    profile.name,
                    Arc::clone(&counters),
                    stop.clone(),
                    backoff_rng,
                ),
                ledger: self.ledger.clone(),
                counters,
                now: config.now,
                stop,
            });
        }
        Ok(senders)
    }

    /// Returns where the logs of a service go; nowhere when the shutdown was requested before there was a key.
    async fn destination(&self, config: &Config, service: &str) -> anyhow::Result<Option<Destination>> {
        if let Some(lines) = &self.lines {
            return Ok(Some(Destination::File(lines.clone())));
        }
        let key = config.keys.key_of(service, &self.stop.soft).await?;
        let client = key.map(|key| IngestClient::new(&config.url, &key, config.now)).transpose()?;
        Ok(client.map(Destination::Service))
    }

    fn plan_settings(&self, config: &Config, profiles: &[&'static ServiceProfile]) -> Vec<PlanSettings> {
        let shares = rhythm::shares(profiles);
        let counts = config.count.map(|count| rhythm::split(count, &shares));
        let batch_size = config.records_per_request();
        let settings = |(index, profile): (usize, &&'static ServiceProfile)| PlanSettings {
            seed: self.seed,
            rhythm: match config.rate {
                Some(rate) => Rhythm::from_rate(profile, shares[index], rate, batch_size),
                None => Rhythm::from_interval(profile, config.interval),
            },
            batch_size,
            count: counts.as_ref().map(|counts| counts[index]),
            bursts: config.burst_interval.map(|every| Bursts::new(every, self.seed, profiles.len(), index)),
        };
        profiles.iter().enumerate().map(settings).collect()
    }
}

/// Waits for all services; when one fails, the others finish what is in flight.
async fn wait_for_all(mut senders: JoinSet<anyhow::Result<()>>, stop: &Stop) -> anyhow::Result<()> {
    let mut result = Ok(());
    while let Some(ended) = senders.join_next().await {
        let ended = ended.context("a service of the simulation panicked").flatten();
        if ended.is_err() && result.is_ok() {
            stop.soft.cancel();
            result = ended;
        }
    }
    result
}

#[cfg(test)]
mod tests;
