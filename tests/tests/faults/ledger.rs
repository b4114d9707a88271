//! What the process under test told the world, and what has to be stored because of it.
//!
//! Lines: `? sender first count service` an append begins; `+ sender first count service id` it is acknowledged;
//! `! sender first error` it is refused; `~ service` a delete of a service's records begins; `- service` it is
//! acknowledged; `= word` a step of the process's life.

use std::collections::{BTreeMap, BTreeSet};

use domain::LogRecord;

use crate::load::message_of;
use crate::trace::{Event, Trace};

/// A record's sender, and its place in what that sender sends.
pub(crate) type Origin = (u64, u64);

/// Everything that was told, each with the place of its event in the trace.
#[derive(Default)]
pub(crate) struct Ledger {
    records: BTreeMap<Origin, Entry>,
    deletions: BTreeMap<String, Deletion>,
    pub(crate) refusals: Vec<(usize, String)>,
    /// The steps of the process's life.
    pub(crate) steps: Vec<(usize, String)>,
}

struct Entry {
    begun: usize,
    acknowledged: Option<(usize, i64)>,
    service: String,
    message: String,
}

struct Deletion {
    begun: usize,
    acknowledged: Option<usize>,
}

/// Where what is stored and what was told differ. The default is what a test wants to see: nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    /// Acknowledged, never asked to be deleted, and not there.
    pub(crate) lost: Vec<Origin>,
    /// Stored more than once.
    pub(crate) doubled: Vec<Origin>,
    /// Deleted, that was acknowledged, and there again.
    pub(crate) undead: Vec<Origin>,
    /// Never sent like this, or not under the id that was acknowledged.
    pub(crate) strange: Vec<String>,
}

impl Ledger {
    pub(crate) fn of(trace: &Trace, seed: u64) -> Self {
        let mut ledger = Self::default();
        for (place, event) in trace.events.iter().enumerate() {
            if let Event::Told(line) = event {
                ledger.take(place, line, seed);
            }
        }
        ledger
    }

    /// Adds what an earlier process was told before a place of its own trace: all of it is older than this trace.
    pub(crate) fn with_earlier(mut self, earlier: &Self, before: usize) -> Self {
        for (origin, entry) in earlier.records.iter().filter(|(_, entry)| entry.begun < before) {
            let acknowledged = entry.acknowledged.filter(|(place, _)| *place < before).map(|(_, id)| (0, id));
            let (service, message) = (entry.service.clone(), entry.message.clone());
            self.records.insert(*origin, Entry { begun: 0, acknowledged, service, message });
        }
        for (service, deletion) in earlier.deletions.iter().filter(|(_, deletion)| deletion.begun < before) {
            let acknowledged = deletion.acknowledged.filter(|place| *place < before).map(|_| 0);
            self.deletions.insert(service.clone(), Deletion { begun: 0, acknowledged });
        }
        self
    }

    fn take(&mut self, place: usize, line: &str, seed: u64) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| word.parse::<u64>().unwrap_or_else(|_| panic!("no number: {line}"));
        match words[..] {
            ["?", sender, first, count, service] => {
                for sequence in number(first)..number(first) + number(count) {
                    let origin = (number(sender), sequence);
                    let (service, message) = (service.to_owned(), message_of(seed, origin));
                    let entry = Entry { begun: place, acknowledged: None, service, message };
                    // A repeat of a refused append begins again; the first beginning counts.
                    self.records.entry(origin).or_insert(entry);
                }
            }
            ["+", sender, first, count, _, id] => {
                for (offset, sequence) in (0_i64..).zip(number(first)..number(first) + number(count)) {
                    let entry = self.records.get_mut(&(number(sender), sequence)).expect("it was begun");
                    let id = number(id).cast_signed() + offset;
                    let earlier = entry.acknowledged.get_or_insert((place, id));
                    assert_eq!(earlier.1, id, "a repeat is answered with other ids: {line}");
                }
            }
            ["~", service] => {
                self.deletions.insert(service.to_owned(), Deletion { begun: place, acknowledged: None });
            }
            ["-", service] => {
                self.deletions.get_mut(service).expect("it was begun").acknowledged = Some(place);
            }
            ["!", ..] => self.refusals.push((place, line.to_owned())),
            ["=", step] => self.steps.push((place, step.to_owned())),
            _ => panic!("no line of a process under test: {line}"),
        }
    }

    /// Returns the ids that were acknowledged before a place of the trace.
    pub(crate) fn acknowledged_before(&self, place: usize) -> usize {
        self.records.values().filter(|entry| entry.is_acknowledged_before(place)).count()
    }

    /// Returns the records whose append began after a place of the trace, and whether they were acknowledged.
    pub(crate) fn begun_after(&self, place: usize) -> Vec<(Origin, bool)> {
        let late = self.records.iter().filter(|(_, entry)| entry.begun > place);
        late.map(|(origin, entry)| (*origin, entry.acknowledged.is_some())).collect()
    }

    /// Says whether the process took this step, and when.
    pub(crate) fn step(&self, name: &str) -> Option<usize> {
        self.steps.iter().find(|(_, step)| step == name).map(|(place, _)| *place)
    }

    /// Compares what is stored with what was told before a place of the trace.
    pub(crate) fn compare(&self, stored: &[LogRecord], before: usize) -> Differences {
        let mut differences = Differences::default();
        let mut found = BTreeSet::new();
        for record in stored {
            let Some((origin, entry)) = self.entry_of(record).filter(|(_, entry)| entry.begun < before)
            else {
                differences
                    .strange
                    .push(format!("{} of {}: {:.40}", record.id, record.service, record.message));
                continue;
            };
            if !found.insert(origin) {
                differences.doubled.push(origin);
            }
            if entry.acknowledged.is_some_and(|(_, id)| id != record.id) {
                differences.strange.push(format!("{origin:?} has the id {}", record.id));
            }
            let deleted = self.deletions.get(&entry.service).and_then(|deletion| deletion.acknowledged);
            if deleted.is_some_and(|place| place < before) {
                differences.undead.push(origin);
            }
        }
        for (origin, entry) in &self.records {
            let deletion = self.deletions.get(&entry.service);
            let may_be_gone = deletion.is_some_and(|deletion| deletion.begun < before);
            if entry.is_acknowledged_before(before) && !may_be_gone && !found.contains(origin) {
                differences.lost.push(*origin);
            }
        }
        differences
    }

    /// Returns who sent a record, if it is as it was sent.
    fn entry_of(&self, record: &LogRecord) -> Option<(Origin, &Entry)> {
        let mut words = record.message.split(' ');
        let origin = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let entry = self.records.get(&origin)?;
        (entry.service == record.service && entry.message == record.message).then_some((origin, entry))
    }
}

impl Entry {
    fn is_acknowledged_before(&self, place: usize) -> bool {
        self.acknowledged.is_some_and(|(when, _)| when < place)
    }
}
