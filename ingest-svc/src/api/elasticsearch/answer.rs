//! Answers as Elasticsearch's clients expect them: JSON of the type that they ask for, with the header by which they know
//! the product; and errors in its shape.

use poem::http::header::{ACCEPT, CONTENT_TYPE};
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use poem::{IntoResponse, Request, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::Problem;
use serde::Serialize;
use serde_json::json;

/// The header without which some clients talk to nobody.
const X_ELASTIC_PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");
const PRODUCT: HeaderValue = HeaderValue::from_static("Elasticsearch");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The types of JSON by which clients say which version they speak.
const COMPATIBLE: [HeaderValue; 2] = [
    HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=8"),
    HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=9"),
];

/// A success. The errors are here for the document: they are written by [`write_problem`].
#[derive(ApiResponse)]
#[expect(dead_code, reason = "only the description of the errors is used")]
pub(super) enum EsAnswer {
    /// As Elasticsearch answers.
    #[oai(status = 200)]
    Done(EsJson),
    /// The request cannot be understood.
    #[oai(status = 400)]
    Malformed(EsError),
    /// No credential, or none that works.
    #[oai(status = 401)]
    Unauthorized(EsError),
    /// The caller lacks the scope.
    #[oai(status = 403)]
    Forbidden(EsError),
    /// The body came too slowly.
    #[oai(status = 408)]
    TooSlow(EsError),
    /// The body is too large; the limit is stated.
    #[oai(status = 413)]
    TooLarge(EsError),
    /// The body's type or encoding is not supported; what is, is listed.
    #[oai(status = 415)]
    Unsupported(EsError),
    /// More is sent than can be stored now, the quota is used up, or the disk is full; nothing was stored.
    #[oai(status = 429)]
    TooMany(EsError, #[oai(header = "Retry-After")] Option<u32>),
    /// A mistake of the service.
    #[oai(status = 500)]
    Internal(EsError),
    /// Not at the moment, or not known whether it was stored; send it again.
    #[oai(status = 503)]
    Unavailable(EsError, #[oai(header = "Retry-After")] Option<u32>),
}

/// An error.
#[derive(Default, Object)]
#[oai(rename = "ElasticsearchError", read_only_all)]
struct EsErrorBody {
    /// What is wrong.
    error: EsCause,
    /// The HTTP status.
    status: u16,
}

/// What is wrong.
#[derive(Default, Object)]
#[oai(rename = "ElasticsearchErrorCause", read_only_all)]
struct EsCause {
    /// The same, as a list.
    root_cause: Vec<EsRootCause>,
    /// The kind of error, for programs.
    #[oai(rename = "type")]
    kind: String,
    /// What is wrong, for people.
    reason: String,
}

/// What is wrong.
#[derive(Default, Object)]
#[oai(rename = "ElasticsearchErrorRootCause", read_only_all)]
struct EsRootCause {
    /// The kind of error, for programs.
    #[oai(rename = "type")]
    kind: String,
    /// What is wrong, for people.
    reason: String,
}

/// The body of an error, for the document.
pub(super) struct EsError;

/// A body.
#[derive(Debug)]
pub(super) struct EsJson {
    content_type: HeaderValue,
    body: Vec<u8>,
}

/// The errors that are not told apart by their status alone.
struct Shape {
    status: StatusCode,
    kind: &'static str,
}

impl EsAnswer {
    /// Makes the answer to a request.
    pub(super) fn new(request: &Request, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("texts and numbers become JSON");
        Self::Done(EsJson { content_type: content_type_for(request.headers()), body })
    }
}

impl Payload for EsJson {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::ANY))
    }
}

impl Payload for EsError {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        EsErrorBody::schema_ref()
    }

    fn register(registry: &mut Registry) {
        EsErrorBody::register(registry);
    }
}

impl IntoResponse for EsError {
    fn into_response(self) -> Response {
        Response::default()
    }
}

impl IntoResponse for EsJson {
    fn into_response(self) -> Response {
        let mut response = Response::builder().body(self.body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.content_type);
        headers.insert(X_ELASTIC_PRODUCT, PRODUCT);
        response
    }
}

/// Returns the type of JSON that a client asks for.
fn content_type_for(headers: &HeaderMap) -> HeaderValue {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepted: String = accepted.chars().filter(|character| !character.is_whitespace()).collect();
    COMPATIBLE
        .into_iter()
        .find(|known| known.to_str().is_ok_and(|known| accepted.contains(known)))
        .unwrap_or(JSON)
}

/// Writes a problem in Elasticsearch's shape.
pub(super) fn write_problem(problem: &Problem, _request: &HeaderMap) -> Response {
    let Shape { status, kind } = shape_of(problem);
    let cause = json!({"type": kind, "reason": problem.detail()});
    let error = json!({"root_cause": [&cause], "type": kind, "reason": problem.detail()});
    let body = json!({"error": error, "status": status.as_u16()});
    let mut response = Response::builder().status(status).body(body.to_string());
    let headers = response.headers_mut();
    headers.extend(problem.headers().iter().cloned());
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(X_ELASTIC_PRODUCT, PRODUCT);
    response
}

/// Returns what Elasticsearch would say. Shippers slow down at a 429, which it answers when its queue is full and when its
/// disk is.
fn shape_of(problem: &Problem) -> Shape {
    let (status, kind) = match (problem.status(), problem.code()) {
        (_, "overloaded") => (StatusCode::TOO_MANY_REQUESTS, "es_rejected_execution_exception"),
        (StatusCode::INSUFFICIENT_STORAGE, _) => (StatusCode::TOO_MANY_REQUESTS, "cluster_block_exception"),
        (status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN), _) => (status, "security_exception"),
        (status @ StatusCode::NOT_FOUND, _) => (status, "resource_not_found_exception"),
        (status @ StatusCode::PAYLOAD_TOO_LARGE, _) => (status, "content_too_long_exception"),
        (status @ StatusCode::UNSUPPORTED_MEDIA_TYPE, _) => (status, "media_type_header_exception"),
        (status @ StatusCode::TOO_MANY_REQUESTS, _) => (status, "es_rejected_execution_exception"),
        (status @ StatusCode::SERVICE_UNAVAILABLE, _) => (status, "unavailable_shards_exception"),
        (status, _) if status.is_server_error() => (status, "exception"),
        (status, _) => (status, "illegal_argument_exception"),
    };
    Shape { status, kind }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn problems_have_elasticsearchs_shape_and_statuses_that_shippers_know() {
        let table = [
            (Problem::bad_request("malformed_body", "d"), 400, "illegal_argument_exception", false),
            (Problem::unauthorized(), 401, "security_exception", false),
            (Problem::body_too_large("b", 1), 413, "content_too_long_exception", false),
            (Problem::unavailable("overloaded", "d", 1), 429, "es_rejected_execution_exception", true),
            (Problem::unavailable("outcome_unknown", "d", 1), 503, "unavailable_shards_exception", true),
            (
                Problem::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", "d").with_retry_after(30),
                429,
                "cluster_block_exception",
                true,
            ),
        ];
        for (problem, status, kind, has_retry_after) in table {
            let response = write_problem(&problem, &HeaderMap::new());
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.header("x-elastic-product"), Some("Elasticsearch"));
            assert_eq!(response.header("retry-after").is_some(), has_retry_after, "{kind}");
            let body: Value = response.into_body().into_json().await.unwrap();
            assert_eq!((&body["status"], &body["error"]["type"]), (&json!(status), &json!(kind)));
            assert_eq!(body["error"]["root_cause"][0]["type"], kind);
        }
    }

    #[test]
    fn a_client_gets_the_type_of_json_that_it_asks_for() {
        let expected = [
            ("", "application/json"),
            ("*/*", "application/json"),
            (
                "application/vnd.elasticsearch+json; compatible-with=8",
                "application/vnd.elasticsearch+json;compatible-with=8",
            ),
            (
                "text/plain,application/vnd.elasticsearch+json;compatible-with=9",
                "application/vnd.elasticsearch+json;compatible-with=9",
            ),
            ("application/vnd.elasticsearch+json;compatible-with=77", "application/json"),
        ];
        for (accept, content_type) in expected {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(content_type_for(&headers), content_type, "{accept}");
        }
    }
}
