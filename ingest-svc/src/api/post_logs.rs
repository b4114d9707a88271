//! `POST /logs`

use domain::Principal;
use domain::limits::IDEMPOTENCY_KEY_MAX_BYTES;
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{KeyQuotas, Problem, RecordError};

use super::IngestApi;
use super::logs_body::LogsBody;
use crate::admission::{Admitted, Delivery, Door, Sender};
use crate::decode::{Context, RejectedRecord, decode};

/// The header that makes a repeat harmless.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// What a client asks for beside its logs.
#[derive(Debug, Default)]
pub(super) struct Options {
    atomic: bool,
    pub(super) idempotency_key: Option<String>,
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
    let Options { atomic, idempotency_key } = options;
    let LogsBody { format, bytes, wire_bytes } = body;
    let delivery =
        Delivery { door: Door::Logs, body: bytes, wire_bytes, atomic, idempotency_key, format: format as u8 };
    let sender = Sender { principal: key, quotas: KeyQuotas::of(request) };
    let decode = move |body: &[u8], context: &Context<'_>| Ok((decode(body, format, context)?, ()));
    let (admitted, ()) = api.admission.admit(sender, delivery, decode).await?;
    if admitted.rejected > 0 && admitted.appended.is_none() {
        return Err(refusal(admitted, atomic).into());
    }
    Ok(answer(admitted))
}

fn answer(admitted: Admitted) -> StoredAnswer {
    let Admitted { accepted, rejected, errors, appended, outcomes: _ } = admitted;
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

/// The problem of a request of which nothing is stored because of its records.
fn refusal(admitted: Admitted, atomic: bool) -> Problem {
    let rejected = admitted.rejected;
    let detail = match admitted.errors.first() {
        Some(first) if rejected == 1 => first.detail.clone(),
        _ => format!("{rejected} records are not valid"),
    };
    let suffix = if atomic { "; nothing was stored, as atomic=true asks for" } else { "" };
    let errors = admitted.errors.into_iter().map(record_error).collect();
    Problem::bad_request("invalid_records", format!("{detail}{suffix}")).with_errors(errors)
}

fn record_error(rejected: RejectedRecord) -> RecordError {
    let RejectedRecord { index, field, code, detail } = rejected;
    RecordError { index, field, code, detail }
}
