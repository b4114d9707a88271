//! The reference store: a list in memory. It does what the contract says in the most obvious way, so that
//! a disagreement between it and an engine is the engine's mistake. It keeps nothing across a restart.

use std::collections::{BTreeMap, HashMap};
use std::iter;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use domain::limits::IDEMPOTENCY_KEPT_MICROS;
use domain::{
    Filter, LogRecord, Order, Page, PageStart, Position, RecordBatch, RecordRef, Severity, Tenant, Timestamp,
};
use tokio::sync::watch;

use crate::{
    Append, Appended, Buckets, CountCell, CounterEntry, Counts, Effort, Idempotency, KeyedAppend, LogStore,
    RecordKey, RecordOutcome, Scan, ScanPage, SearchPage, StoreError,
};

/// A [`LogStore`] in memory.
#[derive(Debug, Default)]
pub struct MemoryLogStore {
    state: Mutex<State>,
    last_id: watch::Sender<i64>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    last_id: i64,
    records: Vec<(Tenant, LogRecord)>,
    answers: HashMap<(Tenant, String), FirstAnswer>,
    /// The ids of records with keys, and when each key was kept.
    record_keys: HashMap<(Tenant, RecordKey), (i64, Timestamp)>,
}

#[derive(Debug)]
struct FirstAnswer {
    request_digest: [u8; 32],
    answered_at: Timestamp,
    appended: Appended,
}

impl MemoryLogStore {
    fn lock(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed { Err(StoreError::Closed) } else { Ok(state) }
    }
}

impl State {
    fn selected(&self, tenant: &Tenant, filter: &Filter) -> impl Iterator<Item = &LogRecord> {
        let of_tenant =
            self.records.iter().filter(move |(owner, _)| owner == tenant).map(|(_, record)| record);
        of_tenant.filter(|record| filter.matches(record.id, &record.as_record_ref()))
    }

    /// Returns the first answer to this append, if it is a repeat.
    fn first_answer(&self, append: &Append, now: Timestamp) -> Result<Option<Appended>, StoreError> {
        let Some(idempotency) = &append.idempotency else { return Ok(None) };
        let Some(first) = self.answers.get(&(append.tenant.clone(), idempotency.key.clone())) else {
            return Ok(None);
        };
        if is_forgotten(first.answered_at, now) {
            return Ok(None);
        }
        if first.request_digest != idempotency.request_digest {
            return Err(StoreError::IdempotencyConflict);
        }
        Ok(Some(first.appended))
    }

    /// Stores a record and returns its id.
    fn store(&mut self, tenant: &Tenant, record: &RecordRef<'_>) -> i64 {
        self.last_id += 1;
        self.records.push((tenant.clone(), LogRecord::new(self.last_id, record)));
        self.last_id
    }

    /// Returns the id of the record with this key.
    fn id_of_key(&self, tenant: &Tenant, key: RecordKey, now: Timestamp) -> Option<i64> {
        let (id, kept_at) = self.record_keys.get(&(tenant.clone(), key))?;
        (!is_forgotten(*kept_at, now)).then_some(*id)
    }
}

fn is_forgotten(kept_at: Timestamp, now: Timestamp) -> bool {
    now.as_micros() - kept_at.as_micros() >= IDEMPOTENCY_KEPT_MICROS
}

/// Returns when a batch arrived.
fn arrival_of(batch: &RecordBatch) -> Timestamp {
    batch.received().last().copied().unwrap_or(Timestamp::MIN)
}

fn position_of(record: &LogRecord) -> Position {
    Position { timestamp: record.timestamp, id: record.id }
}

#[async_trait]
impl LogStore for MemoryLogStore {
    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let mut state = self.lock()?;
        let now = arrival_of(&append.batch);
        if let Some(appended) = state.first_answer(&append, now)? {
            return Ok(appended);
        }
        let first_id = state.last_id + 1;
        for record in append.batch.iter() {
            state.store(&append.tenant, &record);
        }
        let appended = Appended { first_id, last_id: state.last_id };
        if let Some(Idempotency { key, request_digest }) = append.idempotency {
            state
                .answers
                .insert((append.tenant, key), FirstAnswer { request_digest, answered_at: now, appended });
        }
        self.last_id.send_replace(state.last_id);
        Ok(appended)
    }

    async fn append_keyed(&self, append: KeyedAppend) -> Result<Vec<RecordOutcome>, StoreError> {
        let mut state = self.lock()?;
        let KeyedAppend { tenant, batch, keys } = append;
        let now = arrival_of(&batch);
        let mut outcomes = Vec::with_capacity(batch.len());
        for (record, key) in batch.iter().zip(keys.into_iter().chain(iter::repeat(None))) {
            let known = key.and_then(|key| state.id_of_key(&tenant, key, now));
            if let Some(id) = known {
                outcomes.push(RecordOutcome::Repeat(id));
                continue;
            }
            let id = state.store(&tenant, &record);
            if let Some(key) = key {
                state.record_keys.insert((tenant.clone(), key), (id, now));
            }
            outcomes.push(RecordOutcome::Stored(id));
        }
        self.last_id.send_replace(state.last_id);
        Ok(outcomes)
    }

    async fn search(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        _deadline: Instant,
    ) -> Result<SearchPage, StoreError> {
        let state = self.lock()?;
        let mut rows: Vec<&LogRecord> = state.selected(tenant, filter).collect();
        rows.sort_by(|a, b| page.order.compare(position_of(a), position_of(b)));

        let skipped = match page.start {
            PageStart::First => 0,
            PageStart::Offset(rows) => usize::try_from(rows).unwrap_or(usize::MAX),
            PageStart::After(last) => {
                rows.partition_point(|row| page.order.compare(position_of(row), last).is_le())
            }
        };
        let limit = page.limit as usize;
        let records: Vec<LogRecord> = rows.iter().skip(skipped).take(limit).copied().cloned().collect();
        let has_more = rows.len().saturating_sub(skipped) > limit;
        let next = records.last().filter(|_| has_more).map(position_of);
        Ok(SearchPage { records, next, complete: true, effort: Effort::default() })
    }

    async fn get(&self, tenant: &Tenant, id: i64) -> Result<Option<LogRecord>, StoreError> {
        let state = self.lock()?;
        let found = state.records.iter().find(|(owner, record)| owner == tenant && record.id == id);
        Ok(found.map(|(_, record)| record.clone()))
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        scan: &Scan,
        _deadline: Instant,
    ) -> Result<ScanPage, StoreError> {
        let state = self.lock()?;
        let mut rows: Vec<&LogRecord> = state.selected(tenant, filter).collect();
        let end = match scan.order {
            Order::Ascending => {
                rows.retain(|row| row.id > scan.after);
                state.last_id.max(scan.after)
            }
            Order::Descending => {
                rows.reverse();
                rows.retain(|row| row.id < scan.after);
                0
            }
        };
        let mut bytes = 0;
        let fitting = rows.iter().enumerate().take_while(|(place, row)| {
            bytes += row.message.len() + row.attributes.len();
            *place == 0 || bytes <= scan.max_bytes
        });
        let fitting = fitting.count().min(scan.limit);
        let is_end = rows.len() <= fitting;
        let records: Vec<LogRecord> = rows.into_iter().take(fitting).cloned().collect();
        let reached = if is_end { end } else { records.last().map_or(scan.after, |record| record.id) };
        Ok(ScanPage { records, reached, is_end })
    }

    fn watch_last_id(&self) -> watch::Receiver<i64> {
        self.last_id.subscribe()
    }

    async fn count_by(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        buckets: Option<&Buckets>,
        _deadline: Instant,
    ) -> Result<Counts, StoreError> {
        let mut counts: BTreeMap<(usize, String, Severity), u64> = BTreeMap::new();
        for record in self.lock()?.selected(tenant, filter) {
            let bucket = buckets.map_or(Some(0), |buckets| buckets.index_of(record.timestamp));
            let Some(bucket) = bucket else { continue };
            *counts.entry((bucket, record.service.clone(), record.severity)).or_default() += 1;
        }
        let cell = |((bucket, service, severity), count)| CountCell { bucket, service, severity, count };
        Ok(Counts { cells: counts.into_iter().map(cell).collect(), complete: true })
    }

    async fn counters(&self, tenant: &Tenant) -> Result<Vec<CounterEntry>, StoreError> {
        let state = self.lock()?;
        let mut counters: BTreeMap<(&str, Severity), (u64, Timestamp)> = BTreeMap::new();
        for record in state.selected(tenant, &Filter::default()) {
            let (count, last) =
                counters.entry((&record.service, record.severity)).or_insert((0, Timestamp::MIN));
            *count += 1;
            *last = record.timestamp.max(*last);
        }
        let entry = |((service, severity), (count, last_timestamp)): ((&str, Severity), (u64, Timestamp))| {
            CounterEntry { service: service.to_owned(), severity, count, last_timestamp }
        };
        Ok(counters.into_iter().map(entry).collect())
    }

    async fn arrival_that_fits(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        max_bytes: u64,
    ) -> Result<Option<Timestamp>, StoreError> {
        let state = self.lock()?;
        let mut bytes_by_arrival: BTreeMap<Timestamp, u64> = BTreeMap::new();
        for record in state.selected(tenant, filter) {
            let bytes = record.message.len() + record.attributes.len();
            *bytes_by_arrival.entry(record.received_at).or_default() += bytes as u64;
        }
        let (mut bytes, mut earliest) = (0, None);
        for (arrival, added) in bytes_by_arrival.iter().rev() {
            bytes += added;
            if bytes > max_bytes {
                let nothing_fits = Timestamp::saturating_from_micros(arrival.as_micros() + 1);
                return Ok(Some(earliest.unwrap_or(nothing_fits)));
            }
            earliest = Some(*arrival);
        }
        Ok(None)
    }

    async fn delete(&self, tenant: &Tenant, filter: &Filter, dry_run: bool) -> Result<u64, StoreError> {
        let mut state = self.lock()?;
        let selected = state.selected(tenant, filter).count() as u64;
        if !dry_run {
            state.records.retain(|(owner, record)| {
                owner != tenant || !filter.matches(record.id, &record.as_record_ref())
            });
        }
        Ok(selected)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.lock().map(drop)
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.lock()?.closed = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn new_store() -> ((), Arc<dyn LogStore>) {
        ((), Arc::new(MemoryLogStore::default()))
    }

    crate::conformance_tests!(new_store);
}
