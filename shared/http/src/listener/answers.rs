//! What answers hold that wait for their clients.
//!
//! An answer is whole before its first byte is sent, and stays until its client has taken the last one. Who asks for large
//! pages on many connections and does not read would have them all kept: together they may hold so much, and an answer
//! that does not fit becomes a 503. Answers without a length, such as exports and tails, are made while they are read, and
//! hold little.

use std::sync::Arc;

use bytes::Bytes;
use poem::IntoResponse;
use poem::http::{HeaderValue, Response as HyperResponse};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::AnswerBytes;
use crate::Problem;
use crate::request_id::X_REQUEST_ID;

/// The unit that is counted.
const UNIT_BYTES: u64 = 1024;

/// Smaller answers are not counted: there are at most as many as connections.
const COUNTED_FROM_BYTES: u64 = 16 * 1024;

/// Pages that all answers share one copy of: how many wait for them costs nothing, and they are open to everybody.
const SHARED_PAGES: [&str; 2] = ["/docs", "/openapi.json"];

/// When to come back after an answer did not fit.
const RETRY_SECONDS: u32 = 1;

/// The memory that answers share.
#[derive(Debug, Clone)]
pub(super) struct AnswerMemory {
    free_units: Arc<Semaphore>,
    units: u32,
}

/// What one answer holds, until the last of its bytes is gone.
#[derive(Debug, Clone)]
pub(super) struct Held {
    _permit: Arc<OwnedSemaphorePermit>,
}

struct HeldBytes {
    bytes: Bytes,
    _held: Held,
}

impl Held {
    /// Returns the bytes, which hold it as well.
    pub(super) fn by(&self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(HeldBytes { bytes, _held: self.clone() })
    }
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Says whether all answers at a path share their bytes.
pub(super) fn is_shared(path: &str) -> bool {
    SHARED_PAGES.contains(&path)
}

impl AnswerMemory {
    pub(super) fn new(max_bytes: usize) -> Self {
        let units = u32::try_from(max_bytes as u64 / UNIT_BYTES).unwrap_or(u32::MAX).max(1);
        Self { free_units: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// Returns the answer with what it holds, or another one where there is no room for it. One that is larger than all
    /// there is fits when nothing else is held.
    pub(super) fn admit(
        &self,
        response: HyperResponse<AnswerBytes>,
        bytes: Option<u64>,
    ) -> (HyperResponse<AnswerBytes>, Option<Held>) {
        let Some(bytes) = bytes.filter(|bytes| *bytes >= COUNTED_FROM_BYTES) else { return (response, None) };
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.units);
        match Arc::clone(&self.free_units).try_acquire_many_owned(units) {
            Ok(permit) => (response, Some(Held { _permit: Arc::new(permit) })),
            Err(_) => (no_room(response.headers().get(X_REQUEST_ID)), None),
        }
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
