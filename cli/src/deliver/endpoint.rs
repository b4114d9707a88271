//! Where ingest-svc is, with which key, one request, and what its answer means.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use simulator::{is_temporary, retry_after, system_now};

use super::Parcel;

/// Longest time until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time for an answer: longer than the service lets a request wait to be stored.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Most bytes of an answer that are read.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// Most bytes of a key file; a larger file is none.
const KEY_FILE_MAX_BYTES: usize = 4096;

/// Where ingest-svc is, and who sends
#[derive(Debug, Clone, Args)]
pub(crate) struct EndpointOptions {
    /// Where ingest-svc is
    #[arg(long, env = "SENTINEL_INGEST_URL", value_name = "URL", default_value = "http://127.0.0.1:8001")]
    url: String,
    /// An API key that may send logs
    #[arg(long, env = "SENTINEL_KEY", value_name = "KEY", hide_env_values = true)]
    key: Option<String>,
    /// A file with the key, instead of --key; it is read again whenever the key is refused
    #[arg(long, env = "SENTINEL_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// Where the key is.
#[derive(Clone)]
enum KeySource {
    Given(String),
    File(PathBuf),
}

/// An ingest-svc that can be posted to.
#[derive(Clone)]
pub(crate) struct Endpoint {
    client: Client,
    url: String,
    key_source: KeySource,
    /// The key as it was read last.
    key: Option<String>,
}

/// What ingest-svc stored, and what of it not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Stored {
    /// How many logs were stored.
    pub(crate) accepted: u64,
    /// How many were not valid.
    pub(crate) rejected: u64,
    /// The first one's id.
    #[serde(default)]
    pub(crate) first_id: Option<i64>,
    /// What was wrong with the first ones.
    #[serde(default)]
    pub(crate) errors: Vec<RecordFault>,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct RecordFault {
    /// Its place in the request, from 0.
    pub(crate) index: u64,
    /// A sentence.
    #[serde(default)]
    pub(crate) detail: String,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The valid logs are stored.
    Stored(Stored),
    /// Every log of the request was looked at, and none is valid.
    Rejected {
        /// What is wrong with the first ones.
        errors: Vec<RecordFault>,
        /// What the service said.
        reason: String,
    },
    /// Nothing is stored, and the request as a whole is at fault: too large, or not readable. A part of it may pass.
    TooLarge(String),
    /// The key was used with another body.
    KeyReused(String),
    /// Somebody has to mend something: the key, its scopes, the URL, or what answers there.
    NotLetIn(String),
    /// It is not known whether it was stored; the same request again, later, will tell.
    Later {
        /// How long the service asked to wait.
        after: Option<Duration>,
        /// What happened.
        reason: String,
    },
}

/// What is wrong, as the service says it (RFC 9457).
#[derive(Debug, Default, Deserialize)]
struct ProblemBody {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    errors: Vec<RecordFault>,
}

// === impl EndpointOptions ===

impl EndpointOptions {
    /// Makes a client; nothing is sent yet. A key file may appear later.
    ///
    /// # Errors
    /// When there is no key, or the URL is none.
    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        let url = self.url.trim_end_matches('/');
        let parsed = reqwest::Url::parse(url).with_context(|| format!("{url:?} is not a URL"))?;
        ensure!(parsed.scheme() == "http", "the URL has to begin with http://, not {}://", parsed.scheme());
        let key_source = match (&self.key_file, &self.key) {
            (Some(file), _) => KeySource::File(file.clone()),
            (None, Some(key)) => KeySource::Given(key.clone()),
            (None, None) => bail!("there is no key: give --key, --key-file or SENTINEL_KEY"),
        };
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy();
        Ok(Endpoint { client: client.build()?, url: format!("{url}/logs"), key_source, key: None })
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// Posts a parcel once.
    pub(crate) async fn post(&mut self, parcel: &Parcel) -> Answer {
        let key = match self.read_key() {
            Ok(key) => key,
            Err(error) => return Answer::NotLetIn(format!("{error:#}")),
        };
        let mut request = self.client.post(&self.url).bearer_auth(key);
        request = request.header(CONTENT_TYPE, "application/x-ndjson").header("Idempotency-Key", &parcel.key);
        if let Some(encoding) = parcel.encoding {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        let answer = match request.body(parcel.body.clone()).send().await {
            Ok(response) => understand(response, parcel.records).await,
            Err(error) if error.is_builder() => Answer::NotLetIn(chain(&error)),
            Err(error) => Answer::Later { after: None, reason: chain(&error) },
        };
        if matches!(answer, Answer::NotLetIn(_)) {
            self.key = None;
        }
        answer
    }

    fn read_key(&mut self) -> anyhow::Result<String> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let key = match &self.key_source {
            KeySource::Given(key) => key.clone(),
            KeySource::File(path) => {
                let text =
                    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                ensure!(text.len() <= KEY_FILE_MAX_BYTES, "{} holds no key", path.display());
                text.trim().to_owned()
            }
        };
        ensure!(!key.is_empty(), "the key is empty");
        Ok(self.key.insert(key).clone())
    }
}

async fn understand(response: Response, records: u64) -> Answer {
    let status = response.status();
    let after = retry_after(response.headers(), system_now());
    let body = match read_body(response).await {
        Ok(body) => body,
        Err(error) => return Answer::Later { after, reason: chain(&error) },
    };
    if status.is_success() {
        return match serde_json::from_slice(&body) {
            Ok(stored) => accounted(status, stored, records),
            // Something that is no ingest-svc says yes to everything.
            Err(error) => {
                let reason = format!("{status}, and the answer is none of an ingest-svc's: {error}");
                Answer::NotLetIn(reason)
            }
        };
    }
    let problem: ProblemBody = serde_json::from_slice(&body).unwrap_or_default();
    classify(status, after, problem)
}

/// Takes an answer for what it says if it speaks of as many logs as were sent: nothing is skipped on the word of another.
fn accounted(status: StatusCode, stored: Stored, records: u64) -> Answer {
    let Stored { accepted, rejected, .. } = stored;
    if accepted.checked_add(rejected) == Some(records) {
        return Answer::Stored(stored);
    }
    let reason =
        format!("{status}, and the answer speaks of {accepted} + {rejected} logs, but {records} were sent");
    Answer::NotLetIn(reason)
}

fn classify(status: StatusCode, after: Option<Duration>, problem: ProblemBody) -> Answer {
    let text = if problem.detail.is_empty() { problem.title } else { problem.detail };
    let reason = if text.is_empty() { status.to_string() } else { format!("{status}: {text}") };
    match status {
        _ if is_temporary(status) => Answer::Later { after, reason },
        StatusCode::PAYLOAD_TOO_LARGE => Answer::TooLarge(reason),
        StatusCode::UNPROCESSABLE_ENTITY if problem.code == "idempotency_conflict" => {
            Answer::KeyReused(reason)
        }
        StatusCode::BAD_REQUEST => match problem.code.as_str() {
            "invalid_records" => Answer::Rejected { errors: problem.errors, reason },
            // Not by an ingest-svc, or by one that looked at no record.
            "" | "invalid_idempotency_key" => Answer::NotLetIn(reason),
            _ => Answer::TooLarge(reason),
        },
        _ => Answer::NotLetIn(reason),
    }
}

async fn read_body(mut response: Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while body.len() < ANSWER_MAX_BYTES {
        let Some(part) = response.chunk().await? else { break };
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// Returns an error and what caused it, in one line.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
