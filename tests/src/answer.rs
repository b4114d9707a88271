//! A whole answer, and the shape that every problem has.

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

/// What an answer never tells: how the store works inside.
const NEVER_TOLD: [&str; 6] = ["SELECT", "sqlite", "SQLITE", "panicked", ".rs:", ".db"];

/// An answer that has arrived completely.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Sends a request and returns the whole answer; of a stream of events, which has no end, only its head.
    ///
    /// # Panics
    /// When there is none, or when it breaks off.
    pub async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the service answers");
        let (status, headers) = (response.status(), response.headers().clone());
        if headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
            return Self { status, headers, body: Vec::new() };
        }
        let body = response.bytes().await.expect("the answer is complete").to_vec();
        Self { status, headers, body }
    }

    /// Returns the body as JSON; null when it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns a header's value; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the body as a problem with this status and code, or what is not right about it.
    ///
    /// # Errors
    /// A sentence that says what was found instead.
    pub fn problem(&self, status: u16, code: &str) -> Result<Value, String> {
        let problem = self.json();
        let found = format!("found {} {}", self.status, self.text());
        if self.status != status || problem["status"] != status || problem["code"] != code {
            return Err(format!("expected {status} {code}, {found}"));
        }
        if self.header("content-type") != "application/problem+json" {
            return Err(format!("the content type is {:?}, {found}", self.header("content-type")));
        }
        let id = self.header("x-request-id");
        if id.is_empty() || problem["request_id"] != id {
            return Err(format!("X-Request-Id is {id:?}, {found}"));
        }
        let members = ["type", "title", "detail", "error"];
        if let Some(missing) = members.iter().find(|member| !problem[**member].is_string()) {
            return Err(format!("there is no text {missing:?}, {found}"));
        }
        if let Some(word) = NEVER_TOLD.iter().find(|word| self.text().contains(**word)) {
            return Err(format!("it tells {word:?}, {found}"));
        }
        Ok(problem)
    }
}
