//! `POST /logs`

use bytes::Bytes;
use domain::limits::IDEMPOTENCY_KEY_MAX_BYTES;
use domain::{Principal, Timestamp};
use poem::Result;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{Problem, RecordError};
use sha2::{Digest, Sha256};
use store::{Append, Appended, Idempotency};

use super::IngestApi;
use super::logs_body::LogsBody;
use crate::decode::{BodyFormat, Context, DecodeError, Decoded, RejectedRecord, decode};

/// Bodies from this size on are decoded on a thread that may block, so that other requests go on meanwhile.
const DECODED_INLINE_BELOW_BYTES: usize = 256 * 1024;

/// What a client asks for beside its logs.
#[derive(Debug, Default)]
pub(super) struct Options {
    atomic: bool,
    idempotency_key: Option<String>,
}

/// The answer to a request that was stored.
#[derive(ApiResponse)]
pub(super) enum StoredAnswer {
    /// The valid logs are on disk and visible to every query.
    #[oai(status = 201)]
    Stored(Json<Stored>),
}

/// What became of the logs of a request.
#[derive(Object)]
#[oai(rename = "Stored", read_only_all)]
pub(super) struct Stored {
    /// The same for people.
    message: String,
    /// How many logs were stored.
    accepted: u64,
    /// How many logs were not valid.
    rejected: u64,
    /// The first stored log's id; the ids of a request are consecutive.
    #[oai(skip_serializing_if_is_none)]
    first_id: Option<i64>,
    /// The last stored log's id.
    #[oai(skip_serializing_if_is_none)]
    last_id: Option<i64>,
    /// What is wrong with the logs that were not valid: the first twenty.
    #[oai(skip_serializing_if_is_none)]
    errors: Option<Vec<RecordError>>,
}

impl Options {
    pub(super) fn of(atomic: Option<bool>, idempotency_key: Option<String>) -> Self {
        Self { atomic: atomic.unwrap_or(false), idempotency_key }
    }

    /// Returns what makes a repeat of this request harmless, if the client asked for it.
    fn idempotency(self, format: BodyFormat, body: &[u8]) -> Result<Option<Idempotency>, Problem> {
        let Some(key) = self.idempotency_key else { return Ok(None) };
        let is_valid = !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_MAX_BYTES;
        if !is_valid || !key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            let detail = format!(
                "Idempotency-Key has to be 1 to {IDEMPOTENCY_KEY_MAX_BYTES} visible ASCII characters"
            );
            return Err(Problem::bad_request("invalid_idempotency_key", detail));
        }
        let mut digest = Sha256::new();
        digest.update([format as u8, u8::from(self.atomic)]);
        digest.update(body);
        Ok(Some(Idempotency { key, request_digest: digest.finalize().into() }))
    }
}

pub(super) async fn handle(
    api: &IngestApi,
    key: &Principal,
    options: Options,
    body: LogsBody,
) -> Result<StoredAnswer> {
    let LogsBody { format, bytes } = body;
    let atomic = options.atomic;
    let idempotency = options.idempotency(format, &bytes)?;
    let decoded = decode_body(key.clone(), format, bytes, api.clock.now()).await?;
    if decoded.rejected > 0 && (atomic || decoded.batch.is_empty()) {
        return Err(refusal(decoded, atomic).into());
    }
    let Decoded { batch, rejected, errors } = decoded;
    let accepted = batch.len() as u64;
    if batch.is_empty() {
        return Ok(answer(0, None, rejected, errors));
    }
    let append = Append { tenant: key.tenant.clone(), batch, idempotency };
    let appended = api.store.append(append).await.map_err(Problem::from)?;
    Ok(answer(accepted, Some(appended), rejected, errors))
}

async fn decode_body(
    key: Principal,
    format: BodyFormat,
    bytes: Bytes,
    received_at: Timestamp,
) -> Result<Decoded, Problem> {
    let is_small = bytes.len() < DECODED_INLINE_BELOW_BYTES;
    let decode_all = move || {
        let context = Context { received_at, bound_service: key.service.as_ref() };
        decode(&bytes, format, &context)
    };
    let decoded = if is_small {
        decode_all()
    } else {
        tokio::task::spawn_blocking(decode_all).await.map_err(Problem::internal)?
    };
    decoded.map_err(undecodable)
}

fn answer(
    accepted: u64,
    appended: Option<Appended>,
    rejected: u64,
    errors: Vec<RejectedRecord>,
) -> StoredAnswer {
    let errors: Vec<RecordError> = errors.into_iter().map(record_error).collect();
    StoredAnswer::Stored(Json(Stored {
        message: "Log(s) saved successfully".to_owned(),
        accepted,
        rejected,
        first_id: appended.map(|ids| ids.first_id),
        last_id: appended.map(|ids| ids.last_id),
        errors: if errors.is_empty() { None } else { Some(errors) },
    }))
}

/// The problem of a body that cannot be taken apart into records.
fn undecodable(error: DecodeError) -> Problem {
    let detail = error.to_string();
    match error {
        DecodeError::TooManyRecords { .. } => Problem::bad_request("too_many_records", detail),
        DecodeError::Malformed { index: None, .. } => Problem::bad_request("malformed_body", detail),
        DecodeError::Malformed { index: Some(index), field, .. } => {
            let error = RecordError { index, field, code: "malformed", detail: detail.clone() };
            Problem::bad_request("malformed_body", detail).with_errors(vec![error])
        }
    }
}

/// The problem of a request of which nothing is stored because of its records.
fn refusal(decoded: Decoded, atomic: bool) -> Problem {
    let rejected = decoded.rejected;
    let detail = match decoded.errors.first() {
        Some(first) if rejected == 1 => first.detail.clone(),
        _ => format!("{rejected} records are not valid"),
    };
    let suffix = if atomic { "; nothing was stored, as atomic=true asks for" } else { "" };
    let errors = decoded.errors.into_iter().map(record_error).collect();
    Problem::bad_request("invalid_records", format!("{detail}{suffix}")).with_errors(errors)
}

fn record_error(rejected: RejectedRecord) -> RecordError {
    let RejectedRecord { index, field, code, detail } = rejected;
    RecordError { index, field, code, detail }
}
