//! Error to status, in one table: every error of the store and of the framework gets its status, code and
//! sentence here and nowhere else.

use poem::error::{MethodNotAllowedError, NotFoundError, ParsePathError};
use poem::http::{HeaderValue, StatusCode};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseParamError, ParsePathError as OpenApiPathError,
    ParseRequestPayloadError,
};
use store::{KeyStoreError, NotedKeysError, StoreError};

use super::Problem;

/// When to come back after an error that passes by itself.
const RETRY_SOON_SECONDS: u32 = 1;

/// When to come back while the service restarts.
const RETRY_AFTER_RESTART_SECONDS: u32 = 5;

/// When to come back while the disk is full.
const RETRY_WHEN_FULL_SECONDS: u32 = 30;

/// Most bytes of a sentence of the framework that is passed on.
const FOREIGN_DETAIL_MAX_BYTES: usize = 512;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (soon, later) = (RETRY_SOON_SECONDS, RETRY_AFTER_RESTART_SECONDS);
        match error {
            StoreError::QueueFull { .. }
            | StoreError::BelowReserve { .. }
            | StoreError::TooManyQuestions { .. }
            | StoreError::TooManyCounts { .. } => of_bound(error),
            StoreError::Busy { .. } => Self::unavailable(
                "overloaded",
                "more is asked of the store than it can do now; try again",
                soon,
            ),
            StoreError::Unavailable(_) => {
                let detail = "the store is not available, and nothing was stored or read; try again";
                Self::unavailable("store_unavailable", detail, soon).with_cause(error)
            }
            StoreError::Full(_) => {
                let detail = "no space is left to store records; try again when there is";
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", detail)
                    .with_retry_after(RETRY_WHEN_FULL_SECONDS)
                    .with_cause(error)
            }
            StoreError::IdempotencyConflict => {
                let detail = "the Idempotency-Key was used for another request; use a new one";
                Self::unprocessable("idempotency_conflict", detail)
            }
            StoreError::DeadlineExceeded => {
                let detail = "not done in the time that a request may take; ask for less, such as a shorter time range";
                Self::unavailable("deadline_exceeded", detail, soon)
            }
            StoreError::Unknown(_) => {
                let detail =
                    "the records may be stored or not; repeat the request with the same Idempotency-Key";
                Self::unavailable("outcome_unknown", detail, soon).with_cause(error)
            }
            StoreError::Corrupt { .. } | StoreError::Fatal(_) => {
                Self::unavailable("store_failed", "the store cannot go on", later).with_cause(error)
            }
            StoreError::Closed => {
                Self::unavailable("shutting_down", "the service is stopping; ask the next one", later)
            }
        }
    }
}

/// Makes a problem of an error that a bound of the store causes.
fn of_bound(error: StoreError) -> Problem {
    match error {
        StoreError::QueueFull { max_records, max_bytes } => {
            let detail = format!(
                "as much waits to be stored as may: at most {max_records} records and {max_bytes} bytes, of which \
                 one tenant has no more than three quarters; try again"
            );
            Problem::unavailable("overloaded", detail, RETRY_SOON_SECONDS)
        }
        StoreError::BelowReserve { reserve_bytes } => {
            let detail = format!(
                "less than the reserve of {reserve_bytes} bytes is free on the disk, so no records are stored; \
                 try again when there is more"
            );
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", detail)
                .with_retry_after(RETRY_WHEN_FULL_SECONDS)
        }
        StoreError::TooManyQuestions { at_once, waiting } => {
            let detail = format!(
                "this tenant asks at most {at_once} questions at a time, and {waiting} more wait for some seconds; \
                 try again when others are answered"
            );
            Problem::too_many_requests("too_many_queries", detail, RETRY_SOON_SECONDS)
        }
        StoreError::TooManyCounts { limit } => {
            let detail = format!(
                "the answer would be more than {limit} counts, one for each bucket, service and severity: ask for \
                 longer buckets, a shorter time or fewer services"
            );
            Problem::unprocessable("too_many_counts", detail)
        }
        other => Problem::internal(other),
    }
}

impl From<KeyStoreError> for Problem {
    fn from(error: KeyStoreError) -> Self {
        let detail = "API keys cannot be checked at the moment";
        Self::unavailable("keys_unavailable", detail, RETRY_SOON_SECONDS).with_cause(error)
    }
}

impl From<NotedKeysError> for Problem {
    fn from(error: NotedKeysError) -> Self {
        match error {
            NotedKeysError::Keys(error) => error.into(),
            NotedKeysError::Audit(_) => {
                let detail = "it cannot be noted in the audit log at the moment, and was not done";
                Self::unavailable("audit_unavailable", detail, RETRY_SOON_SECONDS).with_cause(error)
            }
        }
    }
}

/// For routes that answer in another shape than a problem's.
impl From<poem::Error> for Problem {
    fn from(error: poem::Error) -> Self {
        of_framework_error(error, None)
    }
}

/// Makes an error that came out of the framework a problem. `allowed`: what the path knows, if it is a 405.
pub(crate) fn of_framework_error(error: poem::Error, allowed: Option<HeaderValue>) -> Problem {
    let error = match error.downcast::<Problem>() {
        Ok(problem) => return problem,
        Err(error) => error,
    };
    let detail = shortened(error.to_string());
    if error.is::<NotFoundError>() {
        return Problem::not_found("there is nothing at this path");
    }
    if error.is::<MethodNotAllowedError>() {
        return Problem::method_not_allowed(allowed);
    }
    if error.is::<AuthorizationError>() {
        return Problem::unauthorized();
    }
    if error.is::<ParseParamError>() || error.is::<ParsePathError>() || error.is::<OpenApiPathError>() {
        return Problem::bad_request("invalid_parameter", detail);
    }
    if error.is::<ParseRequestPayloadError>() {
        return Problem::bad_request("malformed_body", detail);
    }
    if error.is::<ContentTypeError>() {
        return Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail);
    }
    match error.status() {
        status if status.is_client_error() => Problem::new(status, code_of(status), detail),
        _ => Problem::internal(error),
    }
}

/// Makes an answer of which only the status is known a problem.
pub(crate) fn of_status(status: StatusCode, allowed: Option<HeaderValue>) -> Problem {
    match status {
        StatusCode::UNAUTHORIZED => Problem::unauthorized(),
        StatusCode::NOT_FOUND => Problem::not_found("there is nothing at this path"),
        StatusCode::METHOD_NOT_ALLOWED => Problem::method_not_allowed(allowed),
        _ => {
            let detail = status.canonical_reason().unwrap_or("no more is known");
            Problem::new(status, code_of(status), detail)
        }
    }
}

/// Returns the code of a status that comes without one.
fn code_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "bad_request",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        406 => "not_acceptable",
        408 => "request_timeout",
        409 => "conflict",
        411 => "length_required",
        413 => "body_too_large",
        414 => "uri_too_long",
        415 => "unsupported_media_type",
        422 => "unprocessable",
        429 => "too_many_requests",
        431 => "headers_too_large",
        503 => "unavailable",
        _ if status.is_server_error() => "internal",
        _ => "request_refused",
    }
}

fn shortened(mut text: String) -> String {
    let cut = text.floor_char_boundary(FOREIGN_DETAIL_MAX_BYTES.min(text.len()));
    text.truncate(cut);
    text
}
