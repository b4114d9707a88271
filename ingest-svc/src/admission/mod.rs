//! The one way in, whatever door the records come through: the sender is charged, the body decoded and validated, a
//! repeat recognised, the valid records stored together, and everything counted by what became of it.
//!
//! * `counted` the counters
//!
//! A door is a thin adapter: it reads a body in its protocol's form and answers in it. Not here: HTTP, formats.

mod counted;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::limits::RecordLimits;
use domain::{Clock, Principal, ServiceName};
use sentinel_http::{KeyQuotas, Problem, RecordError};
use sha2::{Digest, Sha256};
use store::{Append, Appended, Idempotency, KeyedAppend, LogStore, RecordOutcome, StoreError};
use tokio::time::timeout;

pub use counted::count_dropped;

use crate::decode::{Context, DecodeError, Decoded, RejectedRecord};

/// Bodies from this size on are decoded on a thread that may block, so that other requests go on meanwhile.
const DECODED_INLINE_BELOW_BYTES: usize = 256 * 1024;

/// When to come back after records that were not stored in time.
const RETRY_SOON_SECONDS: u32 = 1;

/// Lets records in.
#[derive(Clone)]
pub struct Admission {
    /// Where logs are kept.
    pub store: Arc<dyn LogStore>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// What a request and its records may hold.
    pub limits: RecordLimits,
    /// How long a request waits until its logs are stored.
    pub timeout: Duration,
}

/// The protocol that records come in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `POST /logs`
    Logs,
    /// OTLP/HTTP
    Otlp,
    /// Loki's push API
    Loki,
    /// Elasticsearch's bulk API
    Elasticsearch,
    /// syslog
    Syslog,
}

/// Who sends, and what it may send.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// Who it is.
    pub principal: &'a Principal,
    /// What counts what it sends; `None`: nothing does.
    pub quotas: Option<&'a Arc<KeyQuotas>>,
}

/// A body as it arrived.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// How it came in.
    pub door: Door,
    /// The body, without its encoding.
    pub body: Bytes,
    /// How many bytes arrived, before anything was inflated.
    pub wire_bytes: usize,
    /// Whether one record that is not valid keeps all others from being stored.
    pub atomic: bool,
    /// What makes a repeat harmless.
    pub idempotency_key: Option<String>,
    /// How the body is read, if the door knows several ways: the same bytes read in another way are another request.
    pub format: u8,
}

/// What became of a delivery.
#[derive(Debug, Clone, Default)]
pub struct Admitted {
    /// How many records were stored.
    pub accepted: u64,
    /// How many records were not valid. With [`Delivery::atomic`] nothing was stored if there are any.
    pub rejected: u64,
    /// What is wrong with those that were not valid: the first ones.
    pub errors: Vec<RejectedRecord>,
    /// The ids of what was stored, if anything was and its records had no keys of their own.
    pub appended: Option<Appended>,
    /// What became of each valid record, if they had keys of their own: [`Decoded::record_keys`].
    pub outcomes: Vec<RecordOutcome>,
}

/// A delivery that was decoded: what there is to store, and what makes a repeat harmless.
struct Understood<N> {
    decoded: Decoded,
    notes: N,
    idempotency: Option<Idempotency>,
}

impl Door {
    /// Returns its name, as metrics have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Otlp => "otlp",
            Self::Loki => "loki",
            Self::Elasticsearch => "elasticsearch",
            Self::Syslog => "syslog",
        }
    }
}

impl Admission {
    /// Decodes a delivery with `decode`, which may leave notes for the door, and stores its valid records. When it
    /// returns, they are on disk and visible to every query.
    ///
    /// # Errors
    /// A [`Problem`], and nothing was stored; or 503 `outcome_unknown`, and it may have been.
    pub async fn admit<N: Send + 'static>(
        &self,
        sender: Sender<'_>,
        delivery: Delivery,
        decode: impl FnOnce(&[u8], &Context<'_>) -> Result<(Decoded, N), DecodeError> + Send + 'static,
    ) -> Result<(Admitted, N), Problem> {
        let door = delivery.door;
        let admitted = self.decode_and_store(sender, delivery, decode).await;
        match &admitted {
            Ok((admitted, _)) => counted::admitted(door, admitted.accepted),
            Err(problem) => counted::refused(door, problem.code()),
        }
        admitted
    }

    async fn decode_and_store<N: Send + 'static>(
        &self,
        sender: Sender<'_>,
        delivery: Delivery,
        decode: impl FnOnce(&[u8], &Context<'_>) -> Result<(Decoded, N), DecodeError> + Send + 'static,
    ) -> Result<(Admitted, N), Problem> {
        let Delivery { door, wire_bytes, atomic, .. } = delivery;
        // Charged for what was sent, also when nothing of it can be stored: it was work.
        let charge = |records| sender.charge(records, wire_bytes);
        let understood = match self.understand(sender.principal.service.clone(), delivery, decode).await {
            Ok(understood) => understood,
            Err(problem) => {
                charge(0)?;
                return Err(problem);
            }
        };
        let Understood { decoded, notes, idempotency } = understood;
        let Decoded { batch, rejected, errors, rejected_by, record_keys } = decoded;
        charge(batch.len().saturating_add(usize::try_from(rejected).unwrap_or(usize::MAX)))?;
        let is_nothing = batch.is_empty() || (atomic && rejected > 0);
        if is_nothing {
            counted::rejected(door, &rejected_by);
            counted::held_back(door, batch.len() as u64);
            return Ok((Admitted { rejected, errors, ..Admitted::default() }, notes));
        }
        let accepted = batch.len() as u64;
        let admitted = Admitted { accepted, rejected, errors, ..Admitted::default() };
        let tenant = sender.principal.tenant.clone();
        // The store goes on with it by itself, whether it is waited for or not.
        let admitted = if record_keys.is_empty() {
            let append = Append { tenant, batch, idempotency };
            let appended = self.in_time(self.store.append(append)).await?;
            Admitted { appended: Some(appended), ..admitted }
        } else {
            let append = KeyedAppend { tenant, batch, keys: record_keys };
            let outcomes = self.in_time(self.store.append_keyed(append)).await?;
            Admitted { outcomes, ..admitted }
        };
        // Only now: one that is tried again counts once.
        counted::rejected(door, &rejected_by);
        Ok((admitted, notes))
    }

    /// Waits for the store, as long as a request may.
    async fn in_time<T>(&self, stored: impl Future<Output = Result<T, StoreError>>) -> Result<T, Problem> {
        let stored = timeout(self.timeout, stored).await.map_err(|_| too_slow(self.timeout))?;
        stored.map_err(Problem::from)
    }

    /// Does all that takes longer the larger the body is.
    async fn understand<N: Send + 'static>(
        &self,
        bound_service: Option<ServiceName>,
        delivery: Delivery,
        decode: impl FnOnce(&[u8], &Context<'_>) -> Result<(Decoded, N), DecodeError> + Send + 'static,
    ) -> Result<Understood<N>, Problem> {
        let (received_at, limits) = (self.clock.now(), self.limits);
        let is_small = delivery.body.len() < DECODED_INLINE_BELOW_BYTES;
        let understand_all = move || {
            let bound_service = bound_service.as_ref();
            let request_digest = delivery.idempotency_key.as_ref().map(|_| delivery.digest(bound_service));
            let idempotency = delivery.idempotency_key.zip(request_digest);
            let idempotency = idempotency.map(|(key, request_digest)| Idempotency { key, request_digest });
            let context = Context { received_at, bound_service, limits: &limits };
            let (decoded, notes) = decode(&delivery.body, &context)?;
            Ok(Understood { decoded, notes, idempotency })
        };
        let understood = if is_small {
            understand_all()
        } else {
            tokio::task::spawn_blocking(understand_all).await.map_err(Problem::internal)?
        };
        understood.map_err(undecodable)
    }
}

impl Sender<'_> {
    fn charge(self, records: usize, bytes: usize) -> Result<(), Problem> {
        self.quotas
            .map_or(Ok(()), |quotas| quotas.charge_sent(&self.principal.caller, records as u64, bytes as u64))
    }
}

impl Delivery {
    /// Returns the digest of everything that decides what it stores: the body, how it is read, and the service that
    /// the key fills in.
    fn digest(&self, bound_service: Option<&ServiceName>) -> [u8; 32] {
        // No service has an empty name.
        let service = bound_service.map_or("", ServiceName::as_str);
        let mut digest = Sha256::new();
        digest.update([self.door as u8, self.format, u8::from(self.atomic)]);
        // With its length, so that its end is not taken for the body's beginning.
        digest.update((service.len() as u64).to_le_bytes());
        digest.update(service);
        digest.update(&self.body);
        digest.finalize().into()
    }
}

/// The problem of records that the store has taken, and not stored in time.
fn too_slow(limit: Duration) -> Problem {
    let detail = format!(
        "the logs were not stored within {} s, and may be later or not; repeat the request with the same Idempotency-Key",
        limit.as_secs()
    );
    Problem::unavailable("outcome_unknown", detail, RETRY_SOON_SECONDS)
}

/// The problem of a body that cannot be taken apart into records.
fn undecodable(error: DecodeError) -> Problem {
    let detail = error.to_string();
    match error {
        DecodeError::TooManyRecords { .. } => Problem::bad_request("too_many_records", detail),
        DecodeError::TooLarge { .. } => Problem::payload_too_large("decoded_too_large", detail),
        DecodeError::Malformed { index: None, .. } => Problem::bad_request("malformed_body", detail),
        DecodeError::Malformed { index: Some(index), field, .. } => {
            let error = RecordError { index, field, code: "malformed", detail: detail.clone() };
            Problem::bad_request("malformed_body", detail).with_errors(vec![error])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bound_service: &str, door: Door, format: u8, atomic: bool, body: &'static str) -> [u8; 32] {
        let delivery = Delivery {
            door,
            body: Bytes::from_static(body.as_bytes()),
            wire_bytes: body.len(),
            atomic,
            idempotency_key: None,
            format,
        };
        delivery.digest(ServiceName::parse(bound_service).ok().as_ref())
    }

    #[test]
    fn deliveries_that_would_store_something_else_have_another_digest() {
        let digests = [
            digest("", Door::Logs, 0, false, "[]"),
            digest("auth", Door::Logs, 0, false, "[]"),
            digest("pay", Door::Logs, 0, false, "[]"),
            digest("pa", Door::Logs, 0, false, "y[]"),
            digest("", Door::Otlp, 0, false, "[]"),
            digest("", Door::Logs, 1, false, "[]"),
            digest("", Door::Logs, 0, true, "[]"),
            digest("", Door::Logs, 0, false, "[ ]"),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest), "{index}");
        }
        let again = || digest("pay", Door::Logs, 0, true, "[]");
        assert_eq!(again(), again());
    }
}
