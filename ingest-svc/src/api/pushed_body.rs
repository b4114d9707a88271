//! The body of a request of another protocol: taken as bytes, and only described to the OpenAPI document.

use std::marker::PhantomData;

use domain::Principal;
use poem::http::header::{CONTENT_TYPE, RETRY_AFTER};
use poem::http::{HeaderMap, HeaderValue, StatusCode};
use poem::{Request, RequestBody, Response};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use sentinel_http::{Encoding, KeyQuotas, Problem};
use serde_json::Value;

use super::delivered::Delivered;
use super::post_logs::Options;
use crate::admission::{Admission, Admitted, Delivery, Door, Sender};
use crate::decode::{Context, DecodeError, Decoded, WireFormat};

/// A protocol whose requests bring logs.
pub(super) trait Protocol: Send + Sync + 'static {
    /// How its requests come in.
    const DOOR: Door;
    /// What a body is.
    const DESCRIPTION: &'static str;
    /// What it is in JSON.
    const JSON: &'static str;
    /// What it is in protobuf.
    const PROTOBUF: &'static str;

    /// Returns how a body of a format is encoded whose request names no encoding.
    fn unless_named(format: WireFormat) -> Encoding;

    /// Decodes a body.
    fn decode(body: &[u8], format: WireFormat, context: &Context<'_>) -> Result<Decoded, DecodeError>;

    /// Returns a body in JSON.
    fn example() -> Value;
}

/// Logs as a client of a protocol sends them.
#[derive(Debug)]
pub(super) struct PushedBody<P> {
    pub(super) format: WireFormat,
    delivered: Delivered,
    protocol: PhantomData<fn() -> P>,
}

/// The media type of protobuf, as both protocols have it.
pub(super) const PROTOBUF: &str = "application/x-protobuf";

/// The media type of JSON.
pub(super) const JSON: &str = "application/json";

/// The media types that [`format_of`] knows, for the answer to any other.
const SUPPORTED: &str = "application/x-protobuf, application/json";

/// When to come back after an error that passes and does not say when.
const RETRY_SOON_SECONDS: u32 = 1;

/// Returns the format of a request's body; `None`: its type is another one.
pub(super) fn format_of(headers: &HeaderMap) -> Option<WireFormat> {
    match media_type(headers).as_str() {
        PROTOBUF | "application/protobuf" => Some(WireFormat::Protobuf),
        JSON => Some(WireFormat::Json),
        _ => None,
    }
}

/// Adds the headers of a problem to the answer that says it in the protocol's shape; a 503 says when to come back.
pub(super) fn add_headers(response: &mut Response, problem: &Problem) {
    let is_unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.extend(problem.headers().iter().cloned());
    if is_unavailable && !headers.contains_key(RETRY_AFTER) {
        headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_SOON_SECONDS));
    }
}

impl<P: Protocol> PushedBody<P> {
    /// Stores the valid logs in it.
    ///
    /// # Errors
    /// As [`Admission::admit`].
    pub(super) async fn admit(
        self,
        admission: &Admission,
        key: &Principal,
        options: Options,
        request: &Request,
    ) -> Result<Admitted, Problem> {
        let Self { format, delivered, .. } = self;
        let delivery = Delivery {
            door: P::DOOR,
            body: delivered.bytes,
            wire_bytes: delivered.wire_bytes,
            atomic: false,
            idempotency_key: options.idempotency_key,
            format: format as u8,
        };
        let sender = Sender { principal: key, quotas: KeyQuotas::of(request) };
        let decode = move |body: &[u8], context: &Context<'_>| Ok((P::decode(body, format, context)?, ()));
        admission.admit(sender, delivery, decode).await.map(|(admitted, ())| admitted)
    }
}

/// Returns the media type of a request's body, in lower case and without parameters; empty: it names none.
fn media_type(headers: &HeaderMap) -> String {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Makes the description of a body.
pub(super) fn media(content_type: &'static str, schema: MetaSchema) -> MetaMediaType {
    MetaMediaType { content_type, schema: MetaSchemaRef::Inline(Box::new(schema)) }
}

impl<'a, P: Protocol> ApiExtractor<'a> for PushedBody<P> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let example = Some(P::example());
        let json = MetaSchema { description: Some(P::JSON), example, ..MetaSchema::new("object") };
        let binary = MetaSchema::new_with_format("string", "binary");
        let protobuf = MetaSchema { description: Some(P::PROTOBUF), ..binary };
        Some(MetaRequest {
            description: Some(P::DESCRIPTION),
            content: vec![media(JSON, json), media(PROTOBUF, protobuf)],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let format = format_of(request.headers()).ok_or_else(|| {
            let given = request.content_type().unwrap_or_default();
            let detail = format_args!("cannot read a body of type {given:?}");
            Problem::unsupported_media_type(detail, SUPPORTED)
        })?;
        let delivered = Delivered::read(request, body, P::unless_named(format)).await?;
        Ok(Self { format, delivered, protocol: PhantomData })
    }
}
