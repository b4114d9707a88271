//! From the answer to a post to the log itself: is it there at once?

use std::time::Instant;

use anyhow::Context;
use reqwest::StatusCode;
use serde_json::json;

use super::durations::Durations;
use super::sender::Sender;
use super::services::ServiceProcess;

/// How many logs are looked for.
const LOOKED_FOR: u64 = 200;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Found {
    /// How many were not there, or not with their own text.
    pub(crate) misses: u64,
    /// How long each look took.
    pub(crate) times: Durations,
}

/// Posts logs one by one, and gets each from query-svc as soon as it is acknowledged.
///
/// # Errors
/// When a service does not answer.
pub(crate) async fn look(sender: &Sender, query: &ServiceProcess) -> anyhow::Result<Found> {
    let (mut misses, mut times) = (0, Vec::new());
    for number in 0..LOOKED_FOR {
        let message = format!("looked for at once: unique{number}x{}", std::process::id());
        let log = json!({"service": "bench", "message": message});
        let answer = sender.post(log.to_string()).await?;
        let id = answer["first_id"].as_i64().context("an acknowledgement without an id")?;
        let started = Instant::now();
        let request = sender.client.get(query.url(&format!("/logs/{id}"))).bearer_auth(&sender.key);
        let response = request.send().await.context("query-svc does not answer")?;
        let is_there = response.status() == StatusCode::OK;
        let log: serde_json::Value = serde_json::from_slice(&response.bytes().await?)?;
        times.push(started.elapsed());
        misses += u64::from(!is_there || log["message"] != message.as_str());
    }
    Ok(Found { misses, times: times.into_iter().collect() })
}
