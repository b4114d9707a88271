//! `POST /logs`

use std::time::Duration;

use domain::limits::IDEMPOTENCY_KEY_MAX_BYTES;
use domain::{Principal, ServiceName};
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{KeyQuotas, Problem, RecordError};
use sha2::{Digest, Sha256};
use store::{Append, Appended, Idempotency};
use tokio::time::timeout;

use super::IngestApi;
use super::logs_body::LogsBody;
use crate::decode::{Context, DecodeError, Decoded, RejectedRecord, decode};

/// Bodies from this size on are decoded on a thread that may block, so that other requests go on meanwhile.
const DECODED_INLINE_BELOW_BYTES: usize = 256 * 1024;

/// The header that makes a repeat harmless.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// When to come back after records that were not stored in time.
const RETRY_SOON_SECONDS: u32 = 1;

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
    /// Collects them. The framework leaves out a header that is no text, and takes the first of several: such
    /// a request is refused, because it would be stored without the protection that it asks for.
    pub(super) fn of(
        atomic: Option<bool>,
        idempotency_key: Option<String>,
        request: &Request,
    ) -> Result<Self, Problem> {
        let sent = request.headers().get_all(IDEMPOTENCY_KEY).iter().count();
        if sent != usize::from(idempotency_key.is_some()) {
            return Err(invalid_idempotency_key());
        }
        if idempotency_key.as_ref().is_some_and(|key| !is_idempotency_key(key)) {
            return Err(invalid_idempotency_key());
        }
        Ok(Self { atomic: atomic.unwrap_or(false), idempotency_key })
    }
}

fn is_idempotency_key(text: &str) -> bool {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    (1..=IDEMPOTENCY_KEY_MAX_BYTES).contains(&text.len()) && is_visible
}

fn invalid_idempotency_key() -> Problem {
    let detail = format!(
        "{IDEMPOTENCY_KEY} has to be 1 to {IDEMPOTENCY_KEY_MAX_BYTES} visible ASCII characters, and is given once"
    );
    Problem::bad_request("invalid_idempotency_key", detail)
}

pub(super) async fn handle(
    api: &IngestApi,
    key: &Principal,
    options: Options,
    request: &Request,
    body: LogsBody,
) -> Result<StoredAnswer> {
    let (atomic, wire_bytes) = (options.atomic, body.wire_bytes);
    // Charged for what was sent, also when nothing of it can be stored: it was work.
    let charge = |records| KeyQuotas::charge_sent_by(request, &key.caller, records, wire_bytes);
    let Understood { decoded, idempotency } = match understand(api, key.service.clone(), options, body).await
    {
        Ok(understood) => understood,
        Err(problem) => {
            charge(0)?;
            return Err(problem.into());
        }
    };
    charge(decoded.batch.len().saturating_add(usize::try_from(decoded.rejected).unwrap_or(usize::MAX)))?;
    if decoded.rejected > 0 && (atomic || decoded.batch.is_empty()) {
        return Err(refusal(decoded, atomic).into());
    }
    let Decoded { batch, rejected, errors } = decoded;
    let accepted = batch.len() as u64;
    if batch.is_empty() {
        return Ok(answer(0, None, rejected, errors));
    }
    let append = Append { tenant: key.tenant.clone(), batch, idempotency };
    // The store goes on with it by itself, whether it is waited for or not.
    let appended = timeout(api.timeout, api.store.append(append)).await.map_err(|_| too_slow(api.timeout))?;
    let appended = appended.map_err(Problem::from)?;
    Ok(answer(accepted, Some(appended), rejected, errors))
}

/// A request whose body was read: what there is to store, and what makes a repeat harmless.
struct Understood {
    decoded: Decoded,
    idempotency: Option<Idempotency>,
}

/// Does all that takes longer the larger the body is.
async fn understand(
    api: &IngestApi,
    bound_service: Option<ServiceName>,
    options: Options,
    body: LogsBody,
) -> Result<Understood, Problem> {
    let (received_at, limits) = (api.clock.now(), api.limits);
    let is_small = body.bytes.len() < DECODED_INLINE_BELOW_BYTES;
    let understand_all = move || {
        let Options { atomic, idempotency_key } = options;
        let bound_service = bound_service.as_ref();
        let idempotency = idempotency_key
            .map(|key| Idempotency { key, request_digest: request_digest(&body, atomic, bound_service) });
        let context = Context { received_at, bound_service, limits: &limits };
        let decoded = decode(&body.bytes, body.format, &context)?;
        Ok(Understood { decoded, idempotency })
    };
    let understood = if is_small {
        understand_all()
    } else {
        tokio::task::spawn_blocking(understand_all).await.map_err(Problem::internal)?
    };
    understood.map_err(undecodable)
}

/// The problem of records that the store has taken, and not stored in time.
fn too_slow(limit: Duration) -> Problem {
    let detail = format!(
        "the logs were not stored within {} s, and may be later or not; repeat the request with the same {IDEMPOTENCY_KEY}",
        limit.as_secs()
    );
    Problem::unavailable("outcome_unknown", detail, RETRY_SOON_SECONDS)
}

/// Returns the digest of everything that decides what a request stores: the body, how it is read, and the service
/// that the key fills in.
fn request_digest(body: &LogsBody, atomic: bool, bound_service: Option<&ServiceName>) -> [u8; 32] {
    // No service has an empty name.
    let service = bound_service.map_or("", ServiceName::as_str);
    let mut digest = Sha256::new();
    digest.update([body.format as u8, u8::from(atomic)]);
    // With its length, so that its end is not taken for the body's beginning.
    digest.update((service.len() as u64).to_le_bytes());
    digest.update(service);
    digest.update(&body.bytes);
    digest.finalize().into()
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::decode::BodyFormat;

    fn digest(bound_service: &str, format: BodyFormat, atomic: bool, body: &'static str) -> [u8; 32] {
        let body = LogsBody { format, bytes: Bytes::from_static(body.as_bytes()), wire_bytes: body.len() };
        request_digest(&body, atomic, ServiceName::parse(bound_service).ok().as_ref())
    }

    #[test]
    fn requests_that_would_store_something_else_have_another_digest() {
        let digests = [
            digest("", BodyFormat::Json, false, "[]"),
            digest("auth", BodyFormat::Json, false, "[]"),
            digest("pay", BodyFormat::Json, false, "[]"),
            digest("pa", BodyFormat::Json, false, "y[]"),
            digest("", BodyFormat::Text, false, "[]"),
            digest("", BodyFormat::Json, true, "[]"),
            digest("", BodyFormat::Json, false, "[ ]"),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest), "{index}");
        }
        assert_eq!(digest("pay", BodyFormat::Json, true, "[]"), digest("pay", BodyFormat::Json, true, "[]"));
    }
}
