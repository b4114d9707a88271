//! The body of a request of another protocol: taken as bytes, and only described to the OpenAPI document.

use poem::http::HeaderMap;
use poem::http::header::CONTENT_TYPE;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use sentinel_http::{Encoding, Problem};
use serde_json::Value;

use super::delivered::Delivered;

/// A protocol whose requests bring logs.
pub(super) trait Protocol: Send + Sync + 'static {
    /// Its encodings: protobuf, JSON.
    type Format: Copy + Send + Sync;

    /// The media types that [`Self::format`] knows, for the answer to any other.
    const SUPPORTED: &'static str;
    /// What a body is.
    const DESCRIPTION: &'static str;
    /// What it is in JSON.
    const JSON: &'static str;
    /// What it is in protobuf.
    const PROTOBUF: &'static str;

    /// Returns the format that a media type stands for.
    fn format(media_type: &str) -> Option<Self::Format>;

    /// Returns how a body of a format is encoded whose request names no encoding.
    fn unless_named(format: Self::Format) -> Encoding;

    /// Returns a body in JSON.
    fn example() -> Value;
}

/// Logs as a client of a protocol sends them.
#[derive(Debug)]
pub(super) struct PushedBody<P: Protocol> {
    pub(super) format: P::Format,
    pub(super) delivered: Delivered,
}

/// The media type of protobuf, as both protocols have it.
pub(super) const PROTOBUF: &str = "application/x-protobuf";

/// The media type of JSON.
pub(super) const JSON: &str = "application/json";

/// Returns the media type of a request's body, in lower case and without parameters; empty: it names none.
pub(super) fn media_type(headers: &HeaderMap) -> String {
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
        let format = P::format(&media_type(request.headers())).ok_or_else(|| {
            let given = request.content_type().unwrap_or_default();
            let detail = format_args!("cannot read a body of type {given:?}");
            Problem::unsupported_media_type(detail, P::SUPPORTED)
        })?;
        let delivered = Delivered::read(request, body, P::unless_named(format)).await?;
        Ok(Self { format, delivered })
    }
}
