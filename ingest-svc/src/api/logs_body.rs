//! The body of `POST /logs`: read within limits, as bytes. poem-openapi's own extractors would build a tree
//! of every body; this one takes the bytes and only describes them to the OpenAPI document.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object};
use sentinel_http::{Encoding, Problem};
use serde_json::{Value, json};

use super::delivered::Delivered;
use crate::decode::BodyFormat;

/// Logs as a client sends them.
#[derive(Debug)]
pub(super) struct LogsBody {
    pub(super) format: BodyFormat,
    pub(super) bytes: Bytes,
    /// How many bytes arrived, before anything was inflated.
    pub(super) wire_bytes: usize,
}

/// A log record to store. Fields that are not listed become attributes.
#[derive(Object)]
#[oai(rename = "NewLogRecord", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
struct NewLogRecord {
    /// When it happened: RFC 3339 (`T` or a space, no zone is UTC) or a number since the Unix epoch in s, ms, us
    /// or ns. Missing: the time of arrival.
    timestamp: Option<TextOrNumber>,
    /// Which service it comes from. Missing: the service that the key is bound to.
    #[oai(validator(max_length = 256))]
    service: Option<String>,
    /// How bad it is, in any usual spelling: TRACE, DEBUG, INFO, WARN or WARNING, ERROR, FATAL or CRITICAL, or
    /// OpenTelemetry's number 1 to 24. Missing: INFO.
    severity: Option<TextOrNumber>,
    /// The same as `severity`.
    level: Option<TextOrNumber>,
    /// What happened.
    #[oai(validator(max_length = 262_144))]
    message: String,
    /// The trace it belongs to.
    #[oai(validator(max_length = 256))]
    trace_id: Option<String>,
    /// The span it belongs to.
    #[oai(validator(max_length = 256))]
    span_id: Option<String>,
    /// The machine it comes from.
    #[oai(validator(max_length = 256))]
    host: Option<String>,
    /// Everything else: any JSON.
    attributes: Option<HashMap<String, Value>>,
}

/// Logs in a wrapper.
#[derive(Object)]
#[oai(rename = "NewLogRecords", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
struct NewLogRecords {
    /// The logs.
    logs: Vec<NewLogRecord>,
}

/// A value that may be a text or a number.
struct TextOrNumber;

impl Type for TextOrNumber {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string_or_number".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let of = |kind| MetaSchemaRef::Inline(Box::new(MetaSchema::new(kind)));
        let any_of = vec![of("string"), of("number")];
        MetaSchemaRef::Inline(Box::new(MetaSchema { any_of, ..MetaSchema::ANY }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for TextOrNumber {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value {
            Some(Value::String(_) | Value::Number(_)) => Ok(Self),
            other => Err(ParseError::expected_type(other.unwrap_or_default())),
        }
    }
}

impl<'a> ApiExtractor<'a> for LogsBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        NewLogRecord::register(registry);
        NewLogRecords::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let media = |content_type, schema: MetaSchema| MetaMediaType {
            content_type,
            schema: MetaSchemaRef::Inline(Box::new(schema)),
        };
        Some(MetaRequest {
            description: Some("One log, an array of logs, or an object with an array of logs."),
            content: vec![
                media("application/json", json_schema()),
                media("application/x-ndjson", lines_schema("One JSON object per line.", ndjson_example())),
                media("text/plain", lines_schema("One log per line.", text_example())),
            ],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let content_type = request.content_type();
        let format = BodyFormat::from_content_type(content_type).ok_or_else(|| {
            let given = content_type.unwrap_or_default();
            let supported = BodyFormat::SUPPORTED.join(", ");
            Problem::unsupported_media_type(format_args!("cannot read a body of type {given:?}"), &supported)
        })?;
        let Delivered { bytes, wire_bytes } = Delivered::read(request, body, Encoding::Identity).await?;
        Ok(Self { format, bytes, wire_bytes })
    }
}

fn json_schema() -> MetaSchema {
    let array = MetaSchema { items: Some(Box::new(NewLogRecord::schema_ref())), ..MetaSchema::new("array") };
    let forms =
        vec![NewLogRecord::schema_ref(), MetaSchemaRef::Inline(Box::new(array)), NewLogRecords::schema_ref()];
    let example = json!([
        {"timestamp": "2025-04-01T12:00:00Z", "service": "payment-service", "severity": "INFO",
         "message": "Payment completed for order ord-481516234", "attributes": {"latency_ms": 815}},
        {"service": "auth-service", "level": "WARN", "message": "Login failed", "host": "web-1", "user_id": "u23042"},
    ]);
    MetaSchema { one_of: forms, example: Some(example), ..MetaSchema::ANY }
}

fn lines_schema(description: &'static str, example: &str) -> MetaSchema {
    MetaSchema { description: Some(description), example: Some(json!(example)), ..MetaSchema::new("string") }
}

fn ndjson_example() -> &'static str {
    "{\"service\":\"auth-service\",\"message\":\"Login succeeded\"}\n{\"service\":\"auth-service\",\"message\":\"Logout\"}\n"
}

fn text_example() -> &'static str {
    "2025-10-23 14:32:15 INFO [payment-service] Payment completed\n"
}
