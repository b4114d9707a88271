//! The entry: a whole body in, a batch and its refused records out.

use std::collections::BTreeMap;

use domain::limits::RecordLimits;
use domain::{RecordBatch, ServiceName, Timestamp};
use store::RecordKey;

use super::builder::BatchBuilder;
use super::error::{DecodeError, RejectedRecord};
use super::{BodyFormat, json, line, ndjson};

/// What a decoder knows about the request beside its body.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// When the request arrived; also the time of records that name none.
    pub received_at: Timestamp,
    /// The one service that the sender's key may send logs of, if it is bound to one; also the service of
    /// records that name none.
    pub bound_service: Option<&'a ServiceName>,
    /// What a request and its records may hold.
    pub limits: &'a RecordLimits,
}

/// The records of a body.
#[derive(Debug, Clone, Default)]
pub struct Decoded {
    /// The records that keep the rules, in the order in which they were sent.
    pub batch: RecordBatch,
    /// How many records were refused.
    pub rejected: u64,
    /// The first refused records, at most [`domain::limits::RECORD_ERRORS_SHOWN`].
    pub errors: Vec<RejectedRecord>,
    /// How many records were refused for which of [`super::codes`].
    pub rejected_by: BTreeMap<&'static str, u64>,
    /// The keys of the records in `batch`, if their sender names each; else empty.
    pub record_keys: Vec<Option<RecordKey>>,
}

/// Decodes a body. A byte order mark at its start is skipped.
///
/// # Errors
/// [`DecodeError`] when no record can be made out, or there are too many; then none of the body counts.
pub fn decode(body: &[u8], format: BodyFormat, context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let body = std::str::from_utf8(body).map_err(|error| {
        let offset = error.valid_up_to();
        DecodeError::malformed(format!("the body has to be UTF-8: the byte at offset {offset} is not"))
    })?;
    let body = body.strip_prefix('\u{feff}').unwrap_or(body);
    let mut builder = BatchBuilder::new(context);
    match format {
        BodyFormat::Json => json::decode_document(body, &mut builder)?,
        BodyFormat::NdJson => ndjson::decode_lines(body, &mut builder)?,
        BodyFormat::Text => line::decode_lines(body, &mut builder)?,
    }
    builder.finish()
}
