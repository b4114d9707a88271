//! JSON bodies of requests, read within limits.

use bytes::Bytes;
use poem::{Request, RequestBody};
use sentinel_http::{BodyReader, Problem};

/// The types of bodies that are read as JSON: its own, and what `curl -d` says of any body.
const CONTENT_TYPES: [&str; 2] = [JSON, "application/x-www-form-urlencoded"];

/// The type of JSON bodies, as documents call it.
pub(super) const JSON: &str = "application/json";

/// Reads a body that is to be JSON.
///
/// # Errors
/// A 413, 415 or 408, or a 400 when it cannot be decompressed.
pub(super) async fn read(request: &Request, body: &mut RequestBody) -> poem::Result<Bytes> {
    let content_type = request.content_type().unwrap_or(JSON);
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !CONTENT_TYPES.iter().any(|known| known.eq_ignore_ascii_case(media_type)) {
        let given = format_args!("cannot read a body of type {content_type:?}");
        return Err(Problem::unsupported_media_type(given, JSON).into());
    }
    let reader =
        request.data::<BodyReader>().ok_or_else(|| Problem::internal("no BodyReader in the data"))?;
    let body = reader.read_request(request, body).await?;
    // serde would take a list for an object, by the order of its members.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::bad_request("malformed_body", "the body is a list: expected an object").into());
    }
    Ok(body)
}
