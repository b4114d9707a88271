//! Posts a parcel once and says what came of it: a receipt, "try again" or "never".

use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};

use crate::clock::Now;
use crate::generated::types::Stored;
use crate::generated::{Client, Error, ResponseValue};
use crate::keys::ApiKey;
use crate::parcel::{Body, Parcel};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for an answer: longer than the service may keep a request in its queue.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of an error's body is read, in bytes.
const ERROR_BODY_MAX_BYTES: usize = 4_096;

/// What ingest-svc acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// Records stored.
    pub(crate) accepted: u64,
    /// Records refused.
    pub(crate) rejected: u64,
    /// The id of the first stored record.
    pub(crate) first_id: u64,
    /// The id of the last stored record.
    pub(crate) last_id: u64,
}

/// Why there is no receipt.
#[derive(Debug)]
pub(crate) enum PostError {
    /// It may or may not have been stored; post it again, with the same key.
    Retry {
        /// How long the service asked to wait.
        after: Option<Duration>,
        /// What happened, for the log.
        reason: String,
    },
    /// It was refused for good.
    Refused {
        /// What was said, for the log.
        reason: String,
    },
}

/// The connection of one fake service to ingest-svc.
#[derive(Debug, Clone)]
pub(crate) struct IngestClient {
    generated: Client,
    /// For text, which the generated client cannot post.
    plain: reqwest::Client,
    logs_url: String,
    now: Now,
}

impl IngestClient {
    /// Prepares a client that shows `key` to the service at `url`.
    pub(crate) fn new(url: &str, key: &ApiKey, now: Now) -> anyhow::Result<Self> {
        let base = url.trim_end_matches('/');
        reqwest::Url::parse(base).with_context(|| format!("{url:?} is not a URL"))?;
        let plain = http_client(key)?;
        let generated = Client::new_with_client(base, plain.clone());
        Ok(Self { generated, plain, logs_url: format!("{base}/logs"), now })
    }

    /// Posts the parcel once.
    pub(crate) async fn post(&self, parcel: &Parcel) -> Result<Receipt, PostError> {
        let answer = match &parcel.body {
            Body::Json(body) => {
                self.generated.post_logs(Some(&parcel.key), body).await.map(ResponseValue::into_inner)
            }
            Body::Text(lines) => self.post_text(&parcel.key, lines).await,
        };
        // The document names 201 alone; any other success carries the same body.
        let answer = match answer {
            Err(Error::UnexpectedResponse(response)) => read_stored(response).await,
            answer => answer,
        };
        match answer {
            Ok(stored) => receipt(&stored),
            Err(error) => Err(self.classify(error).await),
        }
    }

    async fn post_text(&self, key: &str, lines: &str) -> Result<Stored, Error> {
        let request = self
            .plain
            .post(&self.logs_url)
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .header("Idempotency-Key", key)
            .body(lines.to_owned());
        let response = request.send().await?;
        read_stored(response).await
    }

    async fn classify(&self, error: Error) -> PostError {
        match error {
            Error::UnexpectedResponse(response) => classify_response(response, (self.now)()).await,
            Error::CommunicationError(error) if error.is_builder() => refused(chain(&error)),
            Error::CommunicationError(error) | Error::ResponseBodyError(error) => retry(None, chain(&error)),
            Error::InvalidResponsePayload(_, error) => refused(format!("the answer cannot be read: {error}")),
            other => refused(chain(&other)),
        }
    }
}

/// Builds an HTTP client that shows `key` with every request.
pub(crate) fn http_client(key: &ApiKey) -> anyhow::Result<reqwest::Client> {
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", key.secret()))
        .map_err(|_| anyhow::anyhow!("the key has characters that no header can carry"))?;
    authorization.set_sensitive(true);
    let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization)]);
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .default_headers(headers)
        .redirect(Policy::none())
        .build()
        .context("cannot set up the HTTP client")
}

/// Says whether the same request may succeed later.
#[must_use]
pub fn is_temporary(status: StatusCode) -> bool {
    status == StatusCode::REQUEST_TIMEOUT
        || status == StatusCode::TOO_MANY_REQUESTS
        || status.is_server_error()
}

/// Reads `Retry-After`: a number of seconds, or a date.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

async fn read_stored(response: Response) -> Result<Stored, Error> {
    if !response.status().is_success() {
        return Err(Error::UnexpectedResponse(response));
    }
    let bytes = response.bytes().await.map_err(Error::ResponseBodyError)?;
    serde_json::from_slice(&bytes).map_err(|error| Error::InvalidResponsePayload(bytes, error))
}

fn receipt(stored: &Stored) -> Result<Receipt, PostError> {
    match (stored.first_id, stored.last_id) {
        (Some(first_id), Some(last_id)) => {
            Ok(Receipt { accepted: stored.accepted, rejected: stored.rejected, first_id, last_id })
        }
        _ => Err(refused("the answer names no ids".to_owned())),
    }
}

async fn classify_response(response: Response, now: DateTime<Utc>) -> PostError {
    let status = response.status();
    let after = retry_after(response.headers(), now);
    let reason = format!("{status}: {}", beginning_of_body(response).await);
    if is_temporary(status) {
        return retry(after, reason);
    }
    refused(reason)
}

/// The text of an error's body, as far as it is worth a line in the log.
async fn beginning_of_body(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ERROR_BODY_MAX_BYTES {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(ERROR_BODY_MAX_BYTES);
    let problem: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    match problem["detail"].as_str() {
        Some(detail) => detail.to_owned(),
        None => String::from_utf8_lossy(&bytes).trim().to_owned(),
    }
}

fn retry(after: Option<Duration>, reason: String) -> PostError {
    PostError::Retry { after, reason }
}

fn refused(reason: String) -> PostError {
    PostError::Refused { reason }
}

/// The error and its sources in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Utc.with_ymd_and_hms(2025, 10, 23, 12, 0, 0).unwrap();

        assert_eq!(retry_after(&headers("7"), now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&headers("Thu, 23 Oct 2025 12:00:09 GMT"), now), Some(Duration::from_secs(9)));
        assert_eq!(retry_after(&headers("Thu, 23 Oct 2025 11:00:00 GMT"), now), Some(Duration::ZERO));
        assert_eq!(retry_after(&headers("soon"), now), None);
    }

    #[test]
    fn server_errors_and_overload_are_temporary_and_other_refusals_are_not() {
        for status in [408, 429, 500, 503, 507] {
            assert!(is_temporary(StatusCode::from_u16(status).unwrap()), "{status}");
        }
        for status in [400, 401, 403, 404, 413, 415, 422] {
            assert!(!is_temporary(StatusCode::from_u16(status).unwrap()), "{status}");
        }
    }
}
