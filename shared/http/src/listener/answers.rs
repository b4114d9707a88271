//! What answers hold that wait for their clients.
//!
//! An answer is whole before its first byte is sent, and stays until its client has taken the last one. Who asks for large
//! pages on many connections and does not read would have them all kept: together they may hold so much, a tenant's three
//! quarters of that, and the answer to a question that does not fit becomes a 503. What tells of a change is told, however much
//! is held: who was told to try again would do it again. Answers without a length, such as exports and tails, are made while
//! they are read, and hold little.

use domain::Tenant;
use hyper::body::Body;
use poem::IntoResponse;
use poem::http::{HeaderValue, Method, Request as HyperRequest, Response as HyperResponse, Version};

use super::answer::AnswerBytes;
use crate::Problem;
use crate::request_id::X_REQUEST_ID;
use crate::shared_memory::{Hold, SharedMemory};

/// Smaller answers are not counted: there are at most as many as connections.
const COUNTED_FROM_BYTES: u64 = 16 * 1024;

/// The same over HTTP/2, where a connection has many at a time.
const COUNTED_FROM_BYTES_HTTP_2: u64 = 1024;

/// Pages that all answers share one copy of: how many wait for them costs nothing, and they are open to everybody.
const SHARED_PAGES: [&str; 2] = ["/docs", "/openapi.json"];

/// When to come back after an answer did not fit.
const RETRY_SECONDS: u32 = 1;

/// The memory that answers share.
#[derive(Debug, Clone)]
pub(super) struct AnswerMemory(SharedMemory);

/// Of a request, what decides whether its answer is counted.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    version: Version,
    /// Whether it can be asked again without harm.
    is_question: bool,
    is_shared: bool,
}

impl Asked {
    pub(super) fn of<B>(request: &HyperRequest<B>) -> Self {
        Self {
            version: request.version(),
            is_question: matches!(*request.method(), Method::GET | Method::HEAD),
            is_shared: SHARED_PAGES.contains(&request.uri().path()),
        }
    }

    fn counts(&self, bytes: u64) -> bool {
        let is_http_2 = self.version == Version::HTTP_2;
        !self.is_shared && bytes >= if is_http_2 { COUNTED_FROM_BYTES_HTTP_2 } else { COUNTED_FROM_BYTES }
    }
}

impl AnswerMemory {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self(SharedMemory::new(max_bytes))
    }

    /// Returns the answer with what it holds, or another one where there is no room for it. One that is larger than all
    /// there is fits when nothing else is held.
    pub(super) fn admit(
        &self,
        response: HyperResponse<AnswerBytes>,
        asked: &Asked,
    ) -> (HyperResponse<AnswerBytes>, Option<Hold>) {
        let bytes = response.body().size_hint().exact().filter(|bytes| asked.counts(*bytes));
        let Some(bytes) = bytes else { return (response, None) };
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.0.max_bytes());
        let mut hold = self.0.hold_for(response.extensions().get::<Tenant>().cloned());
        if hold.grow_to(bytes).is_ok() || !asked.is_question || !response.status().is_success() {
            return (response, Some(hold));
        }
        (no_room(response.headers().get(X_REQUEST_ID)), None)
    }
}

fn no_room(request_id: Option<&HeaderValue>) -> HyperResponse<AnswerBytes> {
    let detail = "too many large answers wait for clients that do not read them; try again, or ask for less";
    let mut response = Problem::unavailable("overloaded", detail, RETRY_SECONDS).into_response();
    if let Some(id) = request_id {
        response.headers_mut().insert(X_REQUEST_ID, id.clone());
    }
    HyperResponse::from(response)
}
