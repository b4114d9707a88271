//! The body of the bulk API, as bytes.

use bytes::Bytes;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use sentinel_http::{Encoding, Problem};
use serde_json::json;

use crate::api::delivered::Delivered;

const EXAMPLE: &str = "{\"create\":{\"_index\":\"logs-nginx-default\",\"_id\":\"a-1\"}}\n\
     {\"@timestamp\":\"2025-04-01T12:00:00Z\",\"message\":\"GET / 200\",\"log.level\":\"info\"}\n";

/// The types of bodies; what clients say of the version that they speak is not looked at.
const SUPPORTED: [&str; 4] = [
    "application/x-ndjson",
    "application/json",
    "application/vnd.elasticsearch+x-ndjson",
    "application/vnd.elasticsearch+json",
];

/// Actions and documents as a client sends them.
#[derive(Debug)]
pub(super) struct BulkBody {
    pub(super) bytes: Bytes,
    /// How many bytes arrived, before anything was inflated.
    pub(super) wire_bytes: usize,
}

impl<'a> ApiExtractor<'a> for BulkBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let media = |content_type| MetaMediaType {
            content_type,
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema {
                example: Some(json!(EXAMPLE)),
                ..MetaSchema::new("string")
            })),
        };
        Some(MetaRequest {
            description: Some("A line of JSON for each action, and behind it one with its document."),
            content: vec![media("application/x-ndjson"), media("application/json")],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let content_type = request.content_type();
        if !is_supported(content_type) {
            let given = content_type.unwrap_or_default();
            let detail = format_args!("cannot read a body of type {given:?}");
            return Err(Problem::unsupported_media_type(detail, &SUPPORTED.join(", ")).into());
        }
        let Delivered { bytes, wire_bytes } = Delivered::read(request, body, Encoding::Identity).await?;
        Ok(Self { bytes, wire_bytes })
    }
}

/// Says whether a body of this type can be read; one without a type can.
fn is_supported(content_type: Option<&str>) -> bool {
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    media_type.is_empty() || SUPPORTED.iter().any(|known| media_type.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_that_clients_send_are_read() {
        let good = [
            None,
            Some(""),
            Some("application/json; charset=utf-8"),
            Some("Application/X-NDJSON"),
            Some("application/vnd.elasticsearch+x-ndjson; compatible-with=9"),
        ];
        assert!(good.iter().all(|given| is_supported(*given)));
        let bad = ["text/plain", "application/yaml", "application/jsonl; application/json"];
        assert!(!bad.iter().any(|given| is_supported(Some(given))));
    }
}
