//! What clients are told about which error.

use poem::endpoint::make_sync;
use poem::error::ResponseError;
use poem::http::StatusCode;
use poem::{Endpoint, IntoResponse, Response};
use serde_json::{Value, json};
use store::{KeyStoreError, StoreError};

use super::answer::chain;
use super::*;

async fn body_of(response: Response) -> Value {
    serde_json::from_slice(&response.into_body().into_bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn every_member_of_the_contract_is_there() {
    let wrong = RecordError { index: 2, field: None, code: "too_long", detail: "message is too long".into() };
    let problem = Problem::bad_request("invalid_records", "no record is valid").with_errors(vec![wrong]);

    let response = problem.into_response();

    assert_eq!(response.content_type(), Some("application/problem+json"));
    let expected = json!({
        "type": "about:blank", "title": "Bad Request", "status": 400, "code": "invalid_records",
        "detail": "no record is valid", "error": "Bad Request",
        "errors": [{"index": 2, "code": "too_long", "detail": "message is too long"}],
    });
    assert_eq!(body_of(response).await, expected);
}

#[tokio::test]
async fn an_unknown_caller_is_asked_and_told_how_to_answer() {
    let response = Problem::unauthorized().into_response();
    assert!(response.header("WWW-Authenticate").unwrap().starts_with("Bearer "));
    assert_eq!(body_of(response).await["error"], "Who are you?");
}

#[test]
fn each_error_of_the_store_has_its_status() {
    let cause = || -> Cause { "database disk image is malformed at /data".into() };
    let table = [
        (StoreError::Busy { waiting_records: 9 }, 503, "overloaded", Some("1")),
        (StoreError::QueueFull { max_records: 9, max_bytes: 99 }, 503, "overloaded", Some("1")),
        (StoreError::BelowReserve { reserve_bytes: 9 }, 507, "storage_full", Some("30")),
        (StoreError::TooManyQuestions { at_once: 9, waiting: 9 }, 429, "too_many_queries", Some("1")),
        (StoreError::TooManyCounts { limit: 9 }, 422, "too_many_counts", None),
        (StoreError::Unavailable(cause()), 503, "store_unavailable", Some("1")),
        (StoreError::Full(cause()), 507, "storage_full", Some("30")),
        (StoreError::IdempotencyConflict, 422, "idempotency_conflict", None),
        (StoreError::DeadlineExceeded, 503, "deadline_exceeded", Some("1")),
        (StoreError::Unknown(cause()), 503, "outcome_unknown", Some("1")),
        (StoreError::corrupt("block 7"), 503, "store_failed", Some("5")),
        (StoreError::Fatal(cause()), 503, "store_failed", Some("5")),
        (StoreError::Closed, 503, "shutting_down", Some("5")),
    ];
    for (error, status, code, retry_after) in table {
        let problem = Problem::from(error);
        let response = problem.as_response();
        assert_eq!((problem.status().as_u16(), problem.code()), (status, code));
        assert_eq!(response.header("Retry-After"), retry_after, "{code}");
    }
    assert_eq!(Problem::from(KeyStoreError(cause())).status().as_u16(), 503);
}

#[tokio::test]
async fn nothing_internal_is_told() {
    let cause: Cause = "SELECT secret FROM /data/logs.db panicked".into();
    for problem in [Problem::from(StoreError::Fatal(cause)), Problem::internal("panicked at src/lib.rs")] {
        let text = body_of(problem.into_response()).await.to_string();
        for word in ["SELECT", "/data", "src/", "panicked"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}

#[tokio::test]
async fn a_handler_may_return_it_as_its_error() {
    let endpoint = make_sync(|_| -> poem::Result<()> { Err(Problem::not_found("no such record").into()) });
    let response = endpoint.get_response(poem::Request::default()).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(body_of(response).await["detail"], "no such record");
}

#[test]
fn causes_are_logged_as_a_chain() {
    let error = StoreError::Full("disk quota exceeded".into());
    assert_eq!(chain(&error), "no space left to store records: disk quota exceeded");
}

#[test]
fn what_the_framework_says_gets_a_code_and_no_more_text_than_fits() {
    let long = poem_openapi::error::ParseRequestPayloadError { reason: "ä".repeat(1000) };
    let problem = of_framework_error(long.into(), None);
    assert_eq!((problem.status().as_u16(), problem.code()), (400, "malformed_body"));
    assert!(problem.detail().len() <= 512);

    let own = of_framework_error(Problem::conflict("taken", "the name is taken").into(), None);
    assert_eq!(own.code(), "taken");

    let teapot = of_framework_error(poem::Error::from_status(StatusCode::IM_A_TEAPOT), None);
    assert_eq!((teapot.status().as_u16(), teapot.code()), (418, "request_refused"));

    let secret = poem::Error::from_string("password=hunter2", StatusCode::BAD_GATEWAY);
    let problem = of_framework_error(secret, None);
    assert_eq!(problem.status().as_u16(), 500);
    assert!(!problem.detail().contains("hunter2"));
}
