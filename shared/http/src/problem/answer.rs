//! The type [`Problem`], and how it becomes an answer.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::LazyLock;

use poem::error::ResponseError;
use poem::http::header::{CONTENT_TYPE, RETRY_AFTER};
use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem::{IntoResponse, Response};
use runtime::metrics::Counter;

use super::body::{ProblemBody, RecordError};
use crate::request_id::{Language, RequestContext, RequestId};

/// The content type of every problem.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// What caused a problem; logged, never shown.
pub type Cause = Box<dyn StdError + Send + Sync>;

static PROBLEMS: LazyLock<Counter> = LazyLock::new(|| {
    Counter::new("sentinel_http_problems_total", "Requests that were answered with a problem, by its code.")
});

/// An error on its way to a client.
pub struct Problem(Box<Parts>);

struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<RecordError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cause>,
}

// === impl Problem ===

impl Problem {
    /// Makes a problem. `code` is for programs and does not change; `detail` is for people.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let (errors, headers) = (Vec::new(), Vec::new());
        Self(Box::new(Parts { status, code, detail: detail.into(), errors, headers, cause: None }))
    }

    /// Adds what is wrong with single records.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<RecordError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds after how many seconds a repeat may succeed.
    #[must_use]
    pub fn with_retry_after(self, seconds: u32) -> Self {
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Adds what caused it, for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the code, which tells the kinds apart.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// Returns the sentence for people; for routes that answer in the shape of another protocol.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Returns what is wrong with single records.
    #[must_use]
    pub fn errors(&self) -> &[RecordError] {
        &self.0.errors
    }

    /// Returns the headers that the answer carries beside its content type.
    #[must_use]
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// Counts it, and logs what caused a 5xx, if it is known: being busy has no cause, and no line for every request
    /// that is turned away. For routes that answer in another shape; the answers of this one do it themselves.
    pub fn note(&self) {
        PROBLEMS.add(1, [("code", self.0.code)]);
        let Some(cause) = self.0.cause.as_deref() else { return };
        if !self.0.status.is_server_error() {
            return;
        }
        let request_id = RequestId::current();
        let request_id = request_id.as_ref().map_or("-", RequestId::as_str);
        let (status, code) = (self.0.status.as_u16(), self.0.code);
        tracing::error!(request_id, status, code, cause = chain(cause), "request failed");
    }

    /// Returns the short text: the status by its name, but a question for who did not say who they are.
    fn title(&self) -> &'static str {
        if self.0.status != StatusCode::UNAUTHORIZED {
            return self.0.status.canonical_reason().unwrap_or("Error");
        }
        match RequestContext::current(|context| context.language) {
            Some(Language::Spanish) => "Quién sos, bro?",
            _ => "Who are you?",
        }
    }

    fn render(&self) -> Response {
        self.note();
        let title = self.title();
        let request_id = RequestId::current();
        let body = ProblemBody {
            problem_type: "about:blank",
            title,
            status: self.0.status.as_u16(),
            code: self.0.code,
            detail: &self.0.detail,
            error: title,
            request_id: request_id.as_ref().map(RequestId::as_str),
            errors: &self.0.errors,
        };
        let body = serde_json::to_vec(&body).expect("texts and numbers always become JSON");
        let mut response = Response::builder().status(self.0.status).body(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
        headers.extend(self.0.headers.iter().cloned());
        response
    }
}

/// Returns an error and its causes in one line.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { status, code, detail, cause, .. } = &*self.0;
        let mut parts = f.debug_struct("Problem");
        parts.field("status", status).field("code", code).field("detail", detail).field("cause", cause);
        parts.finish_non_exhaustive()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)
    }
}

impl StdError for Problem {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.0.status
    }

    fn as_response(&self) -> Response {
        self.render()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.render()
    }
}
