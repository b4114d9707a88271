//! `POST /v1/logs`, OTLP/HTTP.
//!
//! The answer speaks the request's encoding: `ExportLogsServiceResponse`, and `google.rpc.Status` for errors. The protocol
//! tries again after 429, 502, 503 and 504 only, so that every error that may pass is one of them (opentelemetry-proto,
//! docs/specification.md, "Failures").

use domain::Principal;
use poem::http::header::CONTENT_TYPE;
use poem::http::{HeaderMap, StatusCode};
use poem::{IntoResponse, Request, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponse, MetaResponses, MetaSchema, Registry};
use prost::Message;
use sentinel_http::openapi::retry_after_header;
use sentinel_http::{Encoding, ErrorShape, OwnShape, Problem};
use serde_json::{Value, json};

use super::IngestApi;
use super::post_logs::Options;
use super::pushed_body::{JSON, PROTOBUF, Protocol, PushedBody, add_headers, format_of, media};
use crate::admission::{Admitted, Door};
use crate::decode::{Context, DecodeError, Decoded, RejectedRecord, WireFormat, decode_otlp};

/// The protocol.
#[derive(Debug)]
pub(super) enum Otlp {}

/// The answer to a request that was understood.
pub(super) struct OtlpAnswer(Response);

/// `opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse`.
#[derive(Clone, PartialEq, Message)]
struct ExportLogsServiceResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<ExportLogsPartialSuccess>,
}

/// `opentelemetry.proto.collector.logs.v1.ExportLogsPartialSuccess`.
#[derive(Clone, PartialEq, Message)]
struct ExportLogsPartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_log_records: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

impl Protocol for Otlp {
    const DOOR: Door = Door::Otlp;
    const DESCRIPTION: &'static str = "An `ExportLogsServiceRequest` of the OpenTelemetry protocol.";
    const JSON: &'static str = "In the JSON mapping of OTLP.";
    const PROTOBUF: &'static str = "In protobuf.";

    fn unless_named(_format: WireFormat) -> Encoding {
        Encoding::Identity
    }

    fn decode(body: &[u8], format: WireFormat, context: &Context<'_>) -> Result<Decoded, DecodeError> {
        decode_otlp(body, format, context)
    }

    fn example() -> Value {
        json!({"resourceLogs": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "payment-service"}}]},
            "scopeLogs": [{"logRecords": [{
                "timeUnixNano": "1743508800000000000", "severityNumber": 9,
                "body": {"stringValue": "Payment completed for order ord-481516234"},
                "attributes": [{"key": "latency_ms", "value": {"intValue": "815"}}]}]}]}]})
    }
}

pub(super) async fn handle(
    api: &IngestApi,
    key: &Principal,
    options: Options,
    request: &Request,
    body: PushedBody<Otlp>,
) -> Result<OtlpAnswer, Problem> {
    let format = body.format;
    let admitted = body.admit(&api.admission, key, options, request).await?;
    Ok(answer(format, admitted))
}

fn answer(encoding: WireFormat, admitted: Admitted) -> OtlpAnswer {
    let Admitted { rejected, errors, .. } = admitted;
    let partial_success = (rejected > 0).then(|| ExportLogsPartialSuccess {
        rejected_log_records: i64::try_from(rejected).unwrap_or(i64::MAX),
        error_message: message_of(&errors, rejected),
    });
    let body = match encoding {
        WireFormat::Protobuf => ExportLogsServiceResponse { partial_success }.encode_to_vec(),
        WireFormat::Json => match partial_success {
            None => b"{}".to_vec(),
            // 64-bit numbers are texts in this mapping.
            Some(partial) => json!({"partialSuccess": {
                "rejectedLogRecords": partial.rejected_log_records.to_string(),
                "errorMessage": partial.error_message}})
            .to_string()
            .into_bytes(),
        },
    };
    OtlpAnswer(response(StatusCode::OK, encoding, body))
}

/// Says what is wrong with the records that were not stored.
fn message_of(errors: &[RejectedRecord], rejected: u64) -> String {
    let each = errors.iter().map(|error| format!("record {}: {}", error.index, error.detail));
    let more = rejected.saturating_sub(errors.len() as u64);
    let more = (more > 0).then(|| format!("and {more} more"));
    each.chain(more).collect::<Vec<_>>().join("; ")
}

/// How errors at its route look.
pub(super) const ERROR_SHAPE: ErrorShape = ErrorShape { path: "/v1/logs", write: write_problem };

fn write_problem(problem: &Problem, asked: &HeaderMap) -> Response {
    let encoding = format_of(asked).unwrap_or(WireFormat::Json);
    let (http_status, code) = status_of(problem.status());
    let message = problem.detail().to_owned();
    let body = match encoding {
        WireFormat::Protobuf => Status { code, message }.encode_to_vec(),
        WireFormat::Json => json!({"code": code, "message": message}).to_string().into_bytes(),
    };
    let mut response = response(http_status, encoding, body);
    add_headers(&mut response, problem);
    response
}

/// Returns the status of HTTP that stands for one of ours, and the code of gRPC.
fn status_of(status: StatusCode) -> (StatusCode, i32) {
    const INVALID_ARGUMENT: i32 = 3;
    const PERMISSION_DENIED: i32 = 7;
    const RESOURCE_EXHAUSTED: i32 = 8;
    const UNAVAILABLE: i32 = 14;
    const UNAUTHENTICATED: i32 = 16;
    match status.as_u16() {
        401 => (status, UNAUTHENTICATED),
        403 => (status, PERMISSION_DENIED),
        429 => (status, RESOURCE_EXHAUSTED),
        // Too slow, a full disk, a mistake of ours: the next try may succeed, and only after a 503 there is one.
        408 | 500.. => (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE),
        422 => (StatusCode::BAD_REQUEST, INVALID_ARGUMENT),
        _ => (status, INVALID_ARGUMENT),
    }
}

fn response(status: StatusCode, encoding: WireFormat, body: Vec<u8>) -> Response {
    let content_type = match encoding {
        WireFormat::Protobuf => PROTOBUF,
        WireFormat::Json => JSON,
    };
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, content_type).body(body);
    response.set_data(OwnShape);
    response
}

impl IntoResponse for OtlpAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for OtlpAnswer {
    fn meta() -> MetaResponses {
        let content = |json| {
            let binary = MetaSchema::new_with_format("string", "binary");
            vec![
                media(JSON, MetaSchema { description: Some(json), ..MetaSchema::new("object") }),
                media(PROTOBUF, binary),
            ]
        };
        let success =
            "An `ExportLogsServiceResponse`, with `partialSuccess` if some records were not stored.";
        let of = |(status, description): (u16, &'static str)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: content(if status == 200 { success } else { "A `google.rpc.Status`." }),
            headers: if matches!(status, 429 | 503) { vec![retry_after_header()] } else { vec![] },
        };
        let all = [
            (200, "The valid records are on disk and visible to every query; the others are counted."),
            (400, "The request cannot be understood; to send it again is of no use."),
            (401, "No credential, or none that works."),
            (403, "The caller lacks the scope."),
            (413, "The body is too large; the limit is stated."),
            (415, "The body's type or encoding is not supported; what is, is listed."),
            (429, "The key's quota is used up, or too many wrong credentials came from this address."),
            (503, "Not at the moment, such as when the disk is full; `Retry-After` says when to try again."),
        ];
        MetaResponses { responses: all.map(of).into() }
    }

    fn register(_registry: &mut Registry) {}
}

#[cfg(test)]
mod tests {
    use poem::http::header::RETRY_AFTER;

    use super::*;

    #[test]
    fn what_may_pass_is_told_by_a_status_after_which_exporters_try_again() {
        let status = |status: u16| status_of(StatusCode::from_u16(status).unwrap()).0.as_u16();
        assert_eq!([408, 500, 503, 507].map(status), [503; 4]);
        assert_eq!(status(429), 429);
        assert_eq!([400, 401, 403, 413, 415, 422].map(status), [400, 401, 403, 413, 415, 400]);
    }

    #[test]
    fn a_failure_that_passes_says_when_to_try_again() {
        let full =
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", "full").with_retry_after(30);
        let slow = Problem::request_timeout("body_too_slow", "slow");
        for (problem, seconds) in [(full, "30"), (slow, "1")] {
            let response = write_problem(&problem, &HeaderMap::new());
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], seconds);
        }
    }
}
