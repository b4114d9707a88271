//! Counts: what was acknowledged against what is stored. Pure; it sees one stored record after the other.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::report::Report;
use crate::ledger::LedgerEntry;
use crate::parcel::simulator_id;

/// What matters of a stored record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredRecord {
    /// Its id.
    pub(super) id: u64,
    /// Its attributes `simulator` and `sequence`, if it has both.
    pub(super) origin: Option<(String, u64)>,
}

/// The count so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    acked_ids: HashSet<u64>,
    /// The fake services whose requests are in the ledgers.
    simulators: HashSet<String>,
    seen_ids: HashSet<u64>,
    /// The id under which each record of a fake service was seen first.
    seen_sequences: HashMap<String, HashMap<u64, u64>>,
    report: Report,
}

impl Tally {
    /// Starts a count with what was acknowledged.
    pub(super) fn new(entries: &[LedgerEntry]) -> Self {
        let mut tally = Self::default();
        for entry in entries {
            tally.simulators.insert(simulator_id(&entry.run, &entry.service));
            for id in entry.first_id..=entry.last_id {
                tally.report.acked += 1;
                if !tally.acked_ids.insert(id) {
                    tally.report.duplicated += 1;
                    tally
                        .report
                        .add_example(|| format!("id {id} was acknowledged twice, again to {}", entry.key));
                }
            }
        }
        tally
    }

    /// Counts a stored record.
    pub(super) fn observe(&mut self, record: StoredRecord) {
        let id = record.id;
        if !self.seen_ids.insert(id) {
            self.report.duplicated += 1;
            self.report.add_example(|| format!("id {id} is listed twice"));
            return;
        }
        let is_acked = self.acked_ids.contains(&id);
        if is_acked {
            self.report.found += 1;
        }
        let Some((simulator, sequence)) = record.origin else { return };
        if !is_acked && self.simulators.contains(&simulator) {
            self.report.unacknowledged += 1;
        }
        self.check_sequence(id, simulator, sequence);
    }

    fn check_sequence(&mut self, id: u64, simulator: String, sequence: u64) {
        let example =
            |first: u64| format!("record {sequence} of {simulator} is stored as id {first} and id {id}");
        let known = self.seen_sequences.get(&simulator).and_then(|sequences| sequences.get(&sequence));
        if let Some(first) = known.copied() {
            self.report.duplicated += 1;
            self.report.add_example(|| example(first));
            return;
        }
        match self.seen_sequences.entry(simulator) {
            Entry::Occupied(mut sequences) => sequences.get_mut().insert(sequence, id),
            Entry::Vacant(place) => place.insert(HashMap::new()).insert(sequence, id),
        };
    }

    /// Ends the count: what was acknowledged and not seen is missing.
    pub(super) fn finish(mut self) -> Report {
        let mut missing: Vec<u64> = self.acked_ids.difference(&self.seen_ids).copied().collect();
        missing.sort_unstable();
        self.report.missing = missing.len() as u64;
        for id in missing {
            self.report.add_example(|| format!("id {id} was acknowledged and is not stored"));
        }
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(first_id: u64, last_id: u64) -> LedgerEntry {
        LedgerEntry {
            key: format!("key-{first_id}"),
            service: "auth-service".to_owned(),
            first_id,
            last_id,
            accepted: last_id + 1 - first_id,
            run: "web-1-ab".to_owned(),
            first_sequence: first_id,
            last_sequence: last_id,
        }
    }

    fn stored(id: u64, sequence: u64) -> StoredRecord {
        StoredRecord { id, origin: Some(("web-1-ab-auth-service".to_owned(), sequence)) }
    }

    fn report_of(entries: &[LedgerEntry], records: impl IntoIterator<Item = StoredRecord>) -> Report {
        let mut tally = Tally::new(entries);
        for record in records {
            tally.observe(record);
        }
        tally.finish()
    }

    #[test]
    fn everything_stored_once_is_clean() {
        let report = report_of(&[entry(1, 3), entry(4, 4)], (1..=4).map(|id| stored(id, id)));

        assert!(report.is_clean());
        assert_eq!((report.acked, report.found), (4, 4));
    }

    #[test]
    fn an_acknowledged_id_that_is_absent_is_missing() {
        let report = report_of(&[entry(1, 3)], [stored(1, 1), stored(3, 3)]);

        assert_eq!((report.found, report.missing, report.duplicated), (2, 1, 0));
        assert!(report.examples[0].contains("id 2"), "{:?}", report.examples);
    }

    #[test]
    fn an_id_that_is_listed_twice_is_duplicated() {
        let report = report_of(&[entry(1, 2)], [stored(1, 1), stored(2, 2), stored(2, 2)]);

        assert_eq!((report.found, report.missing, report.duplicated), (2, 0, 1));
    }

    #[test]
    fn a_record_under_two_ids_is_duplicated_even_if_one_was_acknowledged() {
        let report = report_of(&[entry(1, 2)], [stored(1, 1), stored(2, 2), stored(3, 2)]);

        assert_eq!((report.found, report.duplicated, report.unacknowledged), (2, 1, 1));
        assert!(!report.is_clean());
    }

    #[test]
    fn an_id_that_two_requests_were_given_is_duplicated() {
        let report = report_of(&[entry(1, 2), entry(2, 3)], (1..=3).map(|id| stored(id, id)));

        assert_eq!((report.acked, report.found, report.duplicated), (4, 3, 1));
    }

    #[test]
    fn a_stored_record_without_an_acknowledgement_is_only_mentioned() {
        let report = report_of(&[entry(1, 1)], [stored(1, 1), stored(2, 2)]);

        assert!(report.is_clean());
        assert_eq!(report.unacknowledged, 1);
    }

    #[test]
    fn logs_without_attributes_and_logs_of_others_are_checked_by_id_only() {
        let other = StoredRecord { id: 9, origin: Some(("elsewhere".to_owned(), 1)) };
        let report = report_of(&[entry(1, 1)], [StoredRecord { id: 1, origin: None }, other]);

        assert!(report.is_clean());
        assert_eq!((report.found, report.unacknowledged), (1, 0));
    }

    #[test]
    fn examples_are_few_however_much_is_missing() {
        let report = report_of(&[entry(1, 1_000)], []);

        assert_eq!((report.missing, report.examples.len()), (1_000, 10));
    }
}
