//! What is asked of query-svc, and how long an answer takes.

use std::time::Instant;

use domain::Timestamp;
use reqwest::Client;
use serde_json::Value;

use super::durations::{Durations, millis};
use super::log_set::{SET_STARTS_MICROS, STEP_MICROS, Words};
use super::services::ServiceProcess;

/// How often a question is asked; the median counts.
const ASKED: usize = 21;

const MICROS_PER_HOUR: u64 = 3_600_000_000;

/// The questions: what each is called, and its path. [`Questions::path`] fills in what stands
/// in braces.
const QUESTIONS: [(&str, &str); 16] = [
    (
        "newest 100 of a service and severity, 1 h",
        "/logs?limit=100&service={service}&severity={severity}&{hour}",
    ),
    ("needle", "/logs?limit=100&q={needle}"),
    ("newest 100 with a common word", "/logs?limit=100&q={common}"),
    ("substring, counted", "/api/v1/logs?limit=1&q=%2A{substring}%2A"),
    ("phrase, counted", "/api/v1/logs?limit=1&q=%22{phrase}%22"),
    ("counts of all", "/stats"),
    ("count of 6 h", "/api/v1/metrics/timeseries?interval=1h&{six_hours}"),
    ("histogram of 1 h", "/api/v1/metrics/timeseries?interval=1m&{hour}"),
    ("timeseries of 24 h by service", "/api/v1/metrics/timeseries?interval=5m&group_by=service&{day}"),
    ("metrics overview, 24 h", "/api/v1/metrics/overview?{day}"),
    ("context, 10 before and after", "/api/v1/logs/{id}/context?before=10&after=10"),
    ("a trace's logs", "/logs?limit=100&q=trace_id:{trace}"),
    ("attribute above a number, 1 h, newest 100", "/logs?limit=100&q=latency_ms:%3E900&{hour}"),
    ("regular expression, 1 h, counted", "/api/v1/logs?limit=1&q=/ord-[0-9]%2B7%20user/&{hour}"),
    ("newest 100 behind 9,900", "/logs?limit=100&skip=9900"),
    ("top error messages of a service, 1 h", "/api/v1/metrics/service/{service}?{hour}"),
];

/// Asks the questions.
pub(crate) struct Questions<'a> {
    pub(crate) client: &'a Client,
    pub(crate) query: &'a ServiceProcess,
    pub(crate) key: &'a str,
    pub(crate) words: Words,
    /// How many logs the set has: the hours asked for lie in its middle.
    pub(crate) logs: u64,
}

impl Questions<'_> {
    /// Asks all; returns for each its name and what to print.
    ///
    /// # Errors
    /// When query-svc does not answer.
    pub(crate) async fn ask_all(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let mut answers = Vec::new();
        for (name, template) in QUESTIONS {
            let answer = match self.path(template) {
                Some(path) => self.ask(&path).await?,
                None => "n/a (nothing occurs once)".to_owned(),
            };
            answers.push((name, answer));
        }
        Ok(answers)
    }

    /// Fills in a template; `None` when the set has nothing to fill in.
    fn path(&self, template: &str) -> Option<String> {
        let words = &self.words;
        let mut path = template.to_owned();
        if path.contains("{needle}") {
            path = path.replace("{needle}", words.needle.as_deref()?);
        }
        for (place, word) in [
            ("{service}", words.service),
            ("{severity}", words.severity),
            ("{common}", words.common),
            ("{substring}", words.substring),
            ("{phrase}", words.phrase),
        ] {
            path = path.replace(place, &word.replace(' ', "%20"));
        }
        if path.contains("{trace}") {
            path = path.replace("{trace}", words.trace.as_deref()?);
        }
        // Ids are given from 1 on, in a store that is new.
        let path = path.replace("{id}", &(self.logs / 2).to_string()).replace("{hour}", &self.hours(1));
        Some(path.replace("{six_hours}", &self.hours(6)).replace("{day}", &self.hours(24)))
    }

    /// Returns the parameters for so many hours in the middle of the set.
    fn hours(&self, hours: u64) -> String {
        let middle = SET_STARTS_MICROS + self.logs * STEP_MICROS / 2;
        let from = middle.saturating_sub(hours * MICROS_PER_HOUR / 2);
        let text = |micros: u64| Timestamp::saturating_from_micros(micros.cast_signed()).to_string();
        format!("from={}&to={}", text(from), text(from + hours * MICROS_PER_HOUR))
    }

    async fn ask(&self, path: &str) -> anyhow::Result<String> {
        let mut times = Vec::new();
        let mut found = String::new();
        for _ in 0..ASKED {
            let started = Instant::now();
            let response = self.client.get(self.query.url(path)).bearer_auth(self.key).send().await?;
            let status = response.status();
            let body = response.bytes().await?;
            times.push(started.elapsed());
            if !status.is_success() {
                return Ok(format!("n/a ({})", status.as_u16()));
            }
            found = size_of(&serde_json::from_slice(&body)?);
        }
        let times: Durations = times.into_iter().collect();
        Ok(format!("{} ms ({found})", millis(times.percentile(50))))
    }
}

/// Says how much an answer has, so that a fast answer to another question is noticed.
fn size_of(answer: &Value) -> String {
    if let Some(logs) = answer.as_array() {
        return format!("{} logs", logs.len());
    }
    if let Some(total) = answer["total"].as_u64() {
        return format!("total {total}");
    }
    let parts = answer.as_object().into_iter().flatten();
    let longest = parts.filter_map(|(_, part)| part.as_array().map(Vec::len)).max();
    longest.map_or_else(|| "an object".to_owned(), |rows| format!("{rows} rows"))
}
