//! `POST /loki/api/v1/push`, Loki's push API.
//!
//! Answers are what Loki's are: 204, or a text that says what is wrong. Its clients try again after 429 and 5xx only, so that
//! every error that may pass is one of them.

use domain::Principal;
use poem::http::header::CONTENT_TYPE;
use poem::http::{HeaderMap, StatusCode};
use poem::{IntoResponse, Request, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponse, MetaResponses, MetaSchema, Registry};
use sentinel_http::openapi::retry_after_header;
use sentinel_http::{Encoding, ErrorShape, OwnShape, Problem};
use serde_json::{Value, json};

use super::IngestApi;
use super::post_logs::Options;
use super::pushed_body::{Protocol, PushedBody, add_headers, media};
use crate::admission::{Admitted, Door};
use crate::decode::{Context, DecodeError, Decoded, RejectedRecord, WireFormat, decode_loki};

/// The media type of errors.
const TEXT: &str = "text/plain; charset=utf-8";

/// The protocol.
#[derive(Debug)]
pub(super) enum Loki {}

/// The answer to a request that was understood.
pub(super) struct LokiAnswer(Response);

impl Protocol for Loki {
    const DOOR: Door = Door::Loki;
    const DESCRIPTION: &'static str = "Streams of lines with labels, as Loki takes them.";
    const JSON: &'static str = "Streams with their labels; a line is its time in nanoseconds, its text and, if there is any, its structured metadata.";
    const PROTOBUF: &'static str =
        "A `logproto.PushRequest`, as a block of snappy unless `Content-Encoding` says otherwise.";

    fn unless_named(format: WireFormat) -> Encoding {
        match format {
            WireFormat::Protobuf => Encoding::Snappy,
            WireFormat::Json => Encoding::Identity,
        }
    }

    fn decode(body: &[u8], format: WireFormat, context: &Context<'_>) -> Result<Decoded, DecodeError> {
        decode_loki(body, format, context)
    }

    fn example() -> Value {
        json!({"streams": [{
            "stream": {"service_name": "payment-service", "level": "info"},
            "values": [["1743508800000000000", "Payment completed for order ord-481516234", {"latency_ms": "815"}]]}]})
    }
}

pub(super) async fn handle(
    api: &IngestApi,
    key: &Principal,
    options: Options,
    request: &Request,
    body: PushedBody<Loki>,
) -> Result<LokiAnswer, Problem> {
    let admitted = body.admit(&api.admission, key, options, request).await?;
    Ok(answer(&admitted))
}

fn answer(admitted: &Admitted) -> LokiAnswer {
    let Admitted { accepted, rejected, errors, .. } = admitted;
    if *rejected == 0 {
        let mut response = Response::default();
        response.set_status(StatusCode::NO_CONTENT);
        return LokiAnswer(response);
    }
    LokiAnswer(text(StatusCode::BAD_REQUEST, message_of(errors, *rejected, *accepted)))
}

/// Says what is wrong with the lines that were not stored.
fn message_of(errors: &[RejectedRecord], rejected: u64, accepted: u64) -> String {
    let mut message = format!("{rejected} lines were not stored, {accepted} were\n");
    for RejectedRecord { index, code, detail, .. } in errors {
        message.push_str(&format!("line {index}: {detail} ({code})\n"));
    }
    let more = rejected.saturating_sub(errors.len() as u64);
    if more > 0 {
        message.push_str(&format!("and {more} more\n"));
    }
    message
}

/// How errors at its route look.
pub(super) const ERROR_SHAPE: ErrorShape = ErrorShape { path: "/loki", write: write_problem };

fn write_problem(problem: &Problem, _asked: &HeaderMap) -> Response {
    let status = match problem.status().as_u16() {
        408 | 507 => StatusCode::SERVICE_UNAVAILABLE,
        422 => StatusCode::BAD_REQUEST,
        _ => problem.status(),
    };
    let mut response = text(status, format!("{}\n", problem.detail()));
    add_headers(&mut response, problem);
    response
}

fn text(status: StatusCode, text: String) -> Response {
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, TEXT).body(text);
    response.set_data(OwnShape);
    response
}

impl IntoResponse for LokiAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for LokiAnswer {
    fn meta() -> MetaResponses {
        let of = |(status, description): (u16, &'static str)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: if status == 204 { vec![] } else { vec![media(TEXT, MetaSchema::new("string"))] },
            headers: if matches!(status, 429 | 503) { vec![retry_after_header()] } else { vec![] },
        };
        let all = [
            (204, "All lines are on disk and visible to every query."),
            (
                400,
                "Some lines are not valid, and the others were stored; or the request cannot be understood.",
            ),
            (401, "No credential, or none that works."),
            (403, "The caller lacks the scope."),
            (413, "The body is too large; the limit is stated."),
            (415, "The body's type or encoding is not supported; what is, is listed."),
            (429, "The key's quota is used up, or too many wrong credentials came from this address."),
            (500, "A mistake of the service."),
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
    fn what_may_pass_is_told_by_a_status_after_which_agents_try_again() {
        let answer = |status: u16| {
            let problem = Problem::new(StatusCode::from_u16(status).unwrap(), "code", "detail");
            let response = write_problem(&problem, &HeaderMap::new());
            (response.status().as_u16(), response.headers().contains_key(RETRY_AFTER))
        };
        assert_eq!([408, 503, 507].map(answer), [(503, true); 3]);
        assert_eq!(
            [400, 413, 422, 500].map(answer),
            [(400, false), (413, false), (400, false), (500, false)]
        );
    }
}
