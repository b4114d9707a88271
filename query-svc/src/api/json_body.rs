//! JSON bodies of requests, read within limits.

use std::fmt;
use std::marker::PhantomData;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use sentinel_http::{BodyLimits, BodyReader, Problem};
use serde::Deserialize;

/// The types of bodies that are read as JSON: its own, and what `curl -d` says of any body.
const CONTENT_TYPES: [&str; 2] = [JSON, FORM];

/// The type of JSON bodies, as documents call it.
pub(super) const JSON: &str = "application/json";

/// The type of HTML forms.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// What a body is: a schema that the document shows.
pub(super) trait BodySchema: Type {
    /// What the document says of the body.
    const DESCRIPTION: &'static str;
    /// What it is called in an error.
    const NAME: &'static str;
    /// Whether there has to be one.
    const REQUIRED: bool = true;
}

/// A body as a client sends it, which documents describe as an `S`.
pub(super) struct JsonBody<S> {
    bytes: Bytes,
    described: PhantomData<fn() -> S>,
}

impl<S: BodySchema> JsonBody<S> {
    /// Says whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.trim_ascii().is_empty()
    }

    /// Takes the body apart.
    ///
    /// # Errors
    /// A 400 with the reason.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        serde_json::from_slice(&self.bytes).map_err(|error| {
            Problem::bad_request("malformed_body", format!("the body is no {}: {error}", S::NAME))
        })
    }

    /// As [`Self::parse`], for bodies with a password: says where something is wrong, and not what stands there.
    ///
    /// # Errors
    /// A 400.
    pub(super) fn parse_private<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        serde_json::from_slice(&self.bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let detail = format!("the body is no {}: see line {line}, column {column}", S::NAME);
            Problem::bad_request("malformed_body", detail)
        })
    }
}

impl<S> fmt::Debug for JsonBody<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without what it holds, which may be a password.
        f.debug_struct("JsonBody").field("bytes", &self.bytes.len()).finish()
    }
}

impl<'a, S: BodySchema + 'static> ApiExtractor<'a> for JsonBody<S> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        S::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: JSON, schema: S::schema_ref() }];
        Some(MetaRequest { description: Some(S::DESCRIPTION), content, required: S::REQUIRED })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        Ok(Self { bytes: read(request, body).await?, described: PhantomData })
    }
}

/// Most bytes of such a body (512 KiB): the longest query and the longest rule fit, also with every letter escaped.
const BODY_MAX_BYTES: usize = 512 * 1024;

/// Most bytes that all of them hold together (32 MiB).
const BODIES_MAX_BYTES: usize = 32 * 1024 * 1024;

/// Reads these bodies, with memory of their own: some are of people who have not said yet who they are, and must not take the
/// place of logs.
static READER: LazyLock<BodyReader> = LazyLock::new(|| {
    BodyReader::new(BodyLimits {
        wire_max_bytes: BODY_MAX_BYTES,
        inflated_max_bytes: BODY_MAX_BYTES,
        total_time: Duration::from_secs(10),
        shared_max_bytes: BODIES_MAX_BYTES,
        ..BodyLimits::default()
    })
});

/// Returns the type of a body, without parameters; JSON if nothing is said.
pub(super) fn media_type(request: &Request) -> &str {
    let content_type = request.content_type().unwrap_or(JSON);
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Reads a body that is to be JSON.
///
/// # Errors
/// A 413, 415 or 408, or a 400 when it cannot be decompressed.
pub(super) async fn read(request: &Request, body: &mut RequestBody) -> poem::Result<Bytes> {
    let media_type = media_type(request);
    if !CONTENT_TYPES.iter().any(|known| known.eq_ignore_ascii_case(media_type)) {
        let given = format_args!("cannot read a body of type {media_type:?}");
        return Err(Problem::unsupported_media_type(given, JSON).into());
    }
    let body = READER.read_request(request, body).await?;
    // serde would take a list for an object, by the order of its members.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::bad_request("malformed_body", "the body is a list: expected an object").into());
    }
    Ok(body)
}
