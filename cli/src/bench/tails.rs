//! Live tails: how soon after its acknowledgement a log is on every one of them, and what idle ones cost.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use super::durations::Durations;
use super::log_set::Slice;
use super::process::cpu_seconds;
use super::sender::{Sender, client};
use super::services::ServiceProcess;

/// How many tails are sent every log.
const TAILS: usize = 20;

/// A thousand logs a second, ten in a post, for ten seconds.
const POSTS: u64 = 1000;
const LOGS_IN_A_POST: u64 = 10;
const EVERY: Duration = Duration::from_millis(10);

/// How many tails have nothing to send, and for how long their cost is taken.
const IDLE_TAILS: usize = 100;
const IDLE_FOR: Duration = Duration::from_secs(10);

/// A tail brings its last log sooner than this, or the measurement fails.
const AT_MOST: Duration = Duration::from_secs(60);

/// What came of it.
pub(crate) struct Tailed {
    /// From the acknowledgement at the client to the event at the client, of each log on each tail; zero where the
    /// event came first.
    pub(crate) delays: Durations,
    /// How many events did not come, or came twice.
    pub(crate) wrong: u64,
}

/// Posts logs, and takes the time until each is on every tail.
///
/// # Errors
/// When a service does not answer.
pub(crate) async fn tail(sender: &Sender, query: &ServiceProcess, first: u64) -> anyhow::Result<Tailed> {
    // Room for all of them: a reader that waits for its own listener would measure that.
    let (events, mut arrived) = mpsc::channel((POSTS * LOGS_IN_A_POST) as usize * TAILS);
    let mut tails = JoinSet::new();
    for place in 0..TAILS {
        let stream = open(query, &sender.key, "").await?;
        tails.spawn(read(stream, place, events.clone()));
    }
    drop(events);
    let acknowledged = post(sender, first).await?;
    let expected = acknowledged.len() * TAILS;

    let mut times: HashMap<(usize, i64), Instant> = HashMap::new();
    let mut wrong = 0;
    while times.len() < expected {
        let Ok(event) = timeout(AT_MOST, arrived.recv()).await else { break };
        let (place, id, at) = event.context("the tails ended")?;
        if acknowledged.contains_key(&id) && times.insert((place, id), at).is_some() {
            wrong += 1;
        }
    }
    tails.abort_all();
    wrong += (expected - times.len()) as u64;
    let delay = |((_, id), at): (&(usize, i64), &Instant)| at.saturating_duration_since(acknowledged[id]);
    Ok(Tailed { delays: times.iter().map(delay).collect(), wrong })
}

/// Posts at the pace; returns when each log was acknowledged.
async fn post(sender: &Sender, first: u64) -> anyhow::Result<HashMap<i64, Instant>> {
    let mut under_way = JoinSet::new();
    let started = Instant::now();
    for number in 0..POSTS {
        let first = first + number * LOGS_IN_A_POST;
        let body = sender.set.json(Slice { seed: first, first, count: LOGS_IN_A_POST });
        sleep_until((started + EVERY * u32::try_from(number)?).into()).await;
        let sender = sender.clone();
        under_way.spawn(async move { anyhow::Ok((sender.post(body).await?, Instant::now())) });
    }
    let mut acknowledged = HashMap::new();
    while let Some(ended) = under_way.join_next().await {
        let (answer, at) = ended??;
        let id = |name: &str| answer[name].as_i64().context("an acknowledgement without ids");
        acknowledged.extend((id("first_id")?..=id("last_id")?).map(|id| (id, at)));
    }
    Ok(acknowledged)
}

/// Opens a tail, of logs to come.
async fn open(query: &ServiceProcess, key: &str, filter: &str) -> anyhow::Result<reqwest::Response> {
    // A connection of its own, without an end.
    let request = client()?.get(query.url(&format!("/logs/tail?{filter}"))).bearer_auth(key);
    let stream =
        request.timeout(Duration::from_secs(3600)).send().await.context("query-svc does not answer")?;
    ensure!(stream.status().is_success(), "{}", stream.status());
    Ok(stream)
}

/// Reads the ids of a tail's events, for as long as somebody wants them.
async fn read(mut stream: reqwest::Response, place: usize, events: mpsc::Sender<(usize, i64, Instant)>) {
    let mut line = Vec::new();
    while let Ok(Some(part)) = stream.chunk().await {
        let at = Instant::now();
        for byte in part {
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            let text = std::str::from_utf8(&line).unwrap_or_default();
            let id = text.strip_prefix("id:").and_then(|id| id.trim().parse().ok());
            if let Some(id) = id
                && events.send((place, id, at)).await.is_err()
            {
                return;
            }
            line.clear();
        }
    }
}

/// Returns which part of a core query-svc takes while tails are open that have nothing to send.
///
/// # Errors
/// When query-svc does not answer.
pub(crate) async fn idle(query: &ServiceProcess, key: &str) -> anyhow::Result<f64> {
    let mut streams = Vec::new();
    for _ in 0..IDLE_TAILS {
        streams.push(open(query, key, "service=nobody").await?);
    }
    let (before, started) = (cpu_seconds(query.pid())?, Instant::now());
    sleep(IDLE_FOR).await;
    Ok((cpu_seconds(query.pid())? - before) / started.elapsed().as_secs_f64())
}
