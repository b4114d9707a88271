//! Records with keys of their own: which of a request's are new, and who gets which id.

use std::collections::HashMap;

use store::{RecordKey, RecordOutcome};

/// Keys that the store knows, and the ids of their records.
pub(super) type KnownKeys = HashMap<RecordKey, i64>;

/// Where a record of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is new, and in this row of the tenant's batch.
    New(usize),
    /// A record of the group with the same key is in this row of the tenant's batch.
    SameAs(usize),
    /// A record with the same key is stored under this id.
    Known(i64),
}

/// The rows of a tenant's batch whose records have keys.
#[derive(Debug, Default)]
pub(super) struct KeyedRows(HashMap<RecordKey, usize>);

/// Keys of records to keep, of one request.
pub(super) struct KeptRecordKeys {
    pub(super) kept_at: i64,
    /// With the ids of the records.
    pub(super) keys: Vec<(RecordKey, i64)>,
}

/// Returns the outcomes of a request of which the store knows every key; `None`: it does not.
pub(super) fn all_known(
    keys: &[Option<RecordKey>],
    records: usize,
    known: &KnownKeys,
) -> Option<Vec<RecordOutcome>> {
    let id = |row: usize| known.get(keys.get(row)?.as_ref()?).copied();
    (0..records).map(|row| id(row).map(RecordOutcome::Repeat)).collect()
}

/// Returns the keys of a request's new records, with their ids; `first_id` is the tenant's first id.
pub(super) fn keys_of_new(
    keys: &[Option<RecordKey>],
    places: &[Place],
    first_id: i64,
) -> Vec<(RecordKey, i64)> {
    let kept = keys.iter().zip(places).filter_map(|(key, place)| match place {
        Place::New(row) => Some(((*key)?, first_id + *row as i64)),
        Place::SameAs(_) | Place::Known(_) => None,
    });
    kept.collect()
}

// === impl KeyedRows ===

impl KeyedRows {
    /// Returns the places of a request's records, of which the first new one gets the row `first_row`.
    pub(super) fn places_of(
        &mut self,
        keys: &[Option<RecordKey>],
        records: usize,
        first_row: usize,
        known: &KnownKeys,
    ) -> Vec<Place> {
        let mut next_row = first_row;
        let mut place_of = |record: usize| {
            let key = keys.get(record).copied().flatten();
            if let Some(id) = key.and_then(|key| known.get(&key)) {
                return Place::Known(*id);
            }
            if let Some(row) = key.and_then(|key| self.0.get(&key)) {
                return Place::SameAs(*row);
            }
            let row = next_row;
            next_row += 1;
            if let Some(key) = key {
                self.0.insert(key, row);
            }
            Place::New(row)
        };
        (0..records).map(&mut place_of).collect()
    }
}

// === impl Place ===

impl Place {
    pub(super) fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }

    /// Returns what became of the record; `first_id` is the tenant's first id.
    pub(super) fn outcome(&self, first_id: i64) -> RecordOutcome {
        match *self {
            Self::New(row) => RecordOutcome::Stored(first_id + row as i64),
            Self::SameAs(row) => RecordOutcome::Repeat(first_id + row as i64),
            Self::Known(id) => RecordOutcome::Repeat(id),
        }
    }
}
