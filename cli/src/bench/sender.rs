//! Posting: as fast as it goes over a few connections, or at a rate that does not wait for answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::task::JoinSet;

use super::durations::Durations;
use super::log_set::{LogSet, Slice};

/// How many connections post at full speed.
pub(crate) const CONNECTIONS: u64 = 4;

/// How many logs a post at full speed has.
pub(crate) const BATCH_SIZE: u64 = 1000;

/// A request that takes longer fails the measurement.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Seeds of logs that are posted beside the set, so that none is there twice.
const FURTHER_SEEDS: u64 = 1 << 40;

/// Posts logs of a set.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) client: Client,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) set: Arc<LogSet>,
}

/// Posts at a rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How many posts.
    pub(crate) posts: u64,
    /// The time from one to the next.
    pub(crate) every: Duration,
    /// How many logs each has.
    pub(crate) size: u64,
}

/// Makes a client that talks to nobody else.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn client() -> anyhow::Result<Client> {
    Ok(Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build()?)
}

/// Returns which logs a batch of the set has.
pub(crate) fn batch(number: u64) -> Slice {
    Slice { seed: number, first: number * BATCH_SIZE, count: BATCH_SIZE }
}

impl Sender {
    /// Posts so many batches over [`CONNECTIONS`] connections; returns how long it took.
    ///
    /// # Errors
    /// When one is refused.
    pub(crate) async fn post_all(&self, batches: u64) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let mut connections = JoinSet::new();
        for connection in 0..CONNECTIONS {
            // A client of its own is a connection of its own.
            let sender = Self { client: client()?, ..self.clone() };
            connections.spawn(async move {
                for number in (connection..batches).step_by(CONNECTIONS as usize) {
                    sender.post(sender.set.json(batch(number))).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = connections.join_next().await {
            ended??;
        }
        Ok(started.elapsed())
    }

    /// Posts at a rate, whatever the answers take; returns how long each took, and how long all took together.
    /// The logs follow the set's: the `first` is the next.
    ///
    /// # Errors
    /// When one is refused.
    pub(crate) async fn post_at(&self, pace: Pace, first: u64) -> anyhow::Result<(Durations, Duration)> {
        let mut under_way = JoinSet::new();
        let started = Instant::now();
        for number in 0..pace.posts {
            let first = first + number * pace.size;
            let body = self.set.json(Slice { seed: FURTHER_SEEDS + first, first, count: pace.size });
            let due = started + pace.every * u32::try_from(number)?;
            tokio::time::sleep_until(due.into()).await;
            let sender = self.clone();
            under_way.spawn(async move {
                let sent = Instant::now();
                sender.post(body).await.map(|_| sent.elapsed())
            });
        }
        let mut times = Vec::new();
        while let Some(ended) = under_way.join_next().await {
            times.push(ended??);
        }
        Ok((times.into_iter().collect(), started.elapsed()))
    }

    /// Posts a body; returns the answer.
    ///
    /// # Errors
    /// When it is not a 201.
    pub(crate) async fn post(&self, body: String) -> anyhow::Result<Value> {
        let request = self.client.post(&self.url).bearer_auth(&self.key).body(body);
        let response = request.send().await.context("ingest-svc does not answer")?;
        let status = response.status();
        let answer = response.bytes().await?;
        if status != StatusCode::CREATED {
            bail!("logs were refused with {status}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}
