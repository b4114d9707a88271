//! A group: the requests that are stored in one transaction, sorted by tenant.

use std::collections::{BTreeMap, HashMap};
use std::mem;

use domain::{RecordBatch, Tenant};
use store::{Appended, Idempotency, StoreError};

use super::keyed::{KeptRecordKeys, KeyedRows, KnownKeys, Place, all_known, keys_of_new};
use super::queue::{Answer, Waiting};

/// The requests of a group.
#[derive(Debug, Default)]
pub(super) struct Group {
    tenants: BTreeMap<Tenant, TenantRequests>,
}

/// What one tenant stores in a group: the records of all its requests, one after the other.
#[derive(Debug, Default)]
pub(super) struct TenantRequests {
    batch: RecordBatch,
    placed: Vec<Placed>,
    /// The idempotency keys of `placed`, and their places in it.
    keys: HashMap<String, usize>,
    /// Repeats of a request of this same group, and that request's place in `placed`.
    repeats: Vec<(usize, Waiting)>,
    /// Which rows of the batch have keys of their own.
    keyed_rows: KeyedRows,
}

/// A request and where its records lie in the tenant's batch.
#[derive(Debug)]
struct Placed {
    waiting: Waiting,
    received_micros: i64,
    first_row: usize,
    records: usize,
    /// Where each of its records is, if they have keys of their own; else empty.
    places: Vec<Place>,
}

/// An idempotency key to keep, with the records that it named.
pub(super) struct KeptKey<'a> {
    pub(super) idempotency: &'a Idempotency,
    pub(super) answered_at: i64,
    pub(super) appended: Appended,
}

impl Group {
    /// Adds a request. One that repeats another of the group will get its answer; one that uses another's
    /// key for something else is refused.
    pub(super) fn add(&mut self, mut waiting: Waiting) {
        let requests = self.tenants.entry(waiting.append.tenant.clone()).or_default();
        if let Some(idempotency) = &waiting.append.idempotency {
            if let Some(place) = requests.keys.get(&idempotency.key) {
                let first = &requests.placed[*place].waiting.append.idempotency;
                if first.as_ref() == Some(idempotency) {
                    requests.repeats.push((*place, waiting));
                } else {
                    waiting.answer(Err(StoreError::IdempotencyConflict));
                }
                return;
            }
            requests.keys.insert(idempotency.key.clone(), requests.placed.len());
        }
        let received_micros = waiting.received_micros();
        let batch = mem::take(&mut waiting.append.batch);
        let (first_row, records) = (requests.batch.len(), batch.len());
        requests.push_all(batch);
        requests.placed.push(Placed { waiting, received_micros, first_row, records, places: Vec::new() });
    }

    /// Adds a request whose records have keys: those of which neither the store nor the group knows the keys. A request
    /// of which the store knows every key is answered at once.
    pub(super) fn add_keyed(&mut self, mut waiting: Waiting, known: &KnownKeys) {
        if let Some(outcomes) = all_known(waiting.keys(), waiting.append.batch.len(), known) {
            return waiting.answer(Ok(Answer::Each(outcomes)));
        }
        let requests = self.tenants.entry(waiting.append.tenant.clone()).or_default();
        let received_micros = waiting.received_micros();
        let batch = mem::take(&mut waiting.append.batch);
        let first_row = requests.batch.len();
        let places = requests.keyed_rows.places_of(waiting.keys(), batch.len(), first_row, known);
        let records = places.iter().filter(|place| place.is_new()).count();
        if records == batch.len() {
            requests.push_all(batch);
        } else {
            let new = places.iter().zip(batch.iter()).filter(|(place, _)| place.is_new());
            new.for_each(|(_, record)| requests.batch.push(&record));
        }
        requests.placed.push(Placed { waiting, received_micros, first_row, records, places });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tenants.is_empty()
    }

    /// Takes the records out, one batch per tenant, in the order of [`Self::tenants`].
    pub(super) fn take_batches(&mut self) -> Vec<RecordBatch> {
        self.tenants.values_mut().map(|requests| mem::take(&mut requests.batch)).collect()
    }

    pub(super) fn tenants(&self) -> impl Iterator<Item = (&Tenant, &TenantRequests)> {
        self.tenants.iter()
    }

    /// Answers every request; `first_ids` are the tenants' first ids.
    pub(super) fn acknowledge(self, first_ids: &[i64]) {
        for (requests, first_id) in self.tenants.into_values().zip(first_ids) {
            let appended: Vec<Appended> = requests.placed.iter().map(|p| p.appended(*first_id)).collect();
            for (place, repeat) in requests.repeats {
                repeat.answer(Ok(Answer::AllNew(appended[place])));
            }
            for (placed, appended) in requests.placed.into_iter().zip(appended) {
                let answer = placed.answer(*first_id, appended);
                placed.waiting.answer(Ok(answer));
            }
        }
    }

    /// Answers every request with what `error` means for it.
    pub(super) fn refuse(self, error: &StoreError) {
        for requests in self.tenants.into_values() {
            let repeats = requests.repeats.into_iter().map(|(_, repeat)| repeat);
            for waiting in requests.placed.into_iter().map(|placed| placed.waiting).chain(repeats) {
                waiting.answer(Err(for_one_request(error)));
            }
        }
    }
}

impl TenantRequests {
    fn push_all(&mut self, batch: RecordBatch) {
        if self.batch.is_empty() {
            self.batch = batch;
        } else {
            self.batch.extend_from(&batch);
        }
    }

    /// Returns the keys to keep; `first_id` is the tenant's first id.
    pub(super) fn kept_keys(&self, first_id: i64) -> Vec<KeptKey<'_>> {
        let kept = self.placed.iter().filter_map(|placed| {
            let idempotency = placed.waiting.append.idempotency.as_ref()?;
            let (answered_at, appended) = (placed.received_micros, placed.appended(first_id));
            Some(KeptKey { idempotency, answered_at, appended })
        });
        kept.collect()
    }

    /// Returns the records' own keys to keep, request by request; `first_id` is the tenant's first id.
    pub(super) fn kept_record_keys(&self, first_id: i64) -> impl Iterator<Item = KeptRecordKeys> {
        let keyed = self.placed.iter().filter(|placed| !placed.places.is_empty());
        keyed.map(move |placed| KeptRecordKeys {
            kept_at: placed.received_micros,
            keys: keys_of_new(placed.waiting.keys(), &placed.places, first_id),
        })
    }
}

impl Placed {
    fn appended(&self, tenant_first_id: i64) -> Appended {
        let first_id = tenant_first_id + self.first_row as i64;
        Appended { first_id, last_id: first_id + self.records as i64 - 1 }
    }

    fn answer(&self, tenant_first_id: i64, appended: Appended) -> Answer {
        if self.places.iter().all(Place::is_new) {
            return Answer::AllNew(appended);
        }
        Answer::Each(self.places.iter().map(|place| place.outcome(tenant_first_id)).collect())
    }
}

/// Returns an error for one request of a group that failed as a whole.
pub(super) fn for_one_request(error: &StoreError) -> StoreError {
    match error {
        StoreError::Busy { waiting_records } => StoreError::Busy { waiting_records: *waiting_records },
        StoreError::Full(cause) => StoreError::Full(cause.to_string().into()),
        StoreError::Unavailable(cause) => StoreError::Unavailable(cause.to_string().into()),
        other => StoreError::Unknown(other.to_string().into()),
    }
}
