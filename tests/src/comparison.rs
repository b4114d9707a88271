//! What was acknowledged against what is stored.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::senders::{Diary, service_of};

/// A record of a sender: who sent it, and its place in what that sender sends.
pub type Origin = (u64, u64);

/// Where acknowledged and stored records differ. The default is what a test wants to see: nowhere.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Acknowledged under an id that is not stored.
    pub lost: Vec<(i64, Origin)>,
    /// Stored, but not as that id was acknowledged, or not acknowledged at all.
    pub unexpected: Vec<(i64, Origin)>,
    /// Ids that several acknowledgements name.
    pub ids_acknowledged_twice: Vec<i64>,
    /// Ids that are listed more than once.
    pub ids_twice: Vec<i64>,
    /// Records that are stored under more than one id.
    pub records_twice: Vec<Origin>,
}

impl Comparison {
    /// Compares what senders were told, all of it, with all logs that are stored.
    ///
    /// # Panics
    /// When a log is not one of a sender's.
    #[must_use]
    pub fn of(diary: &Diary, logs: &[Value]) -> Self {
        let mut comparison = Self::default();
        let mut acknowledged = BTreeMap::new();
        for receipt in &diary.receipts {
            let ids = receipt.first_id..;
            for (id, place) in ids.zip(0..receipt.records) {
                let origin = (receipt.sender, receipt.first_sequence + place);
                if acknowledged.insert(id, origin).is_some() {
                    comparison.ids_acknowledged_twice.push(id);
                }
            }
        }
        let mut ids = BTreeSet::new();
        let mut origins = BTreeSet::new();
        for log in logs {
            let (id, origin) = (log["id"].as_i64().expect("a log has an id"), origin_of(log));
            if !ids.insert(id) {
                comparison.ids_twice.push(id);
            }
            if !origins.insert(origin) {
                comparison.records_twice.push(origin);
            }
            if acknowledged.get(&id) != Some(&origin) {
                comparison.unexpected.push((id, origin));
            }
        }
        comparison.lost = acknowledged.into_iter().filter(|(id, _)| !ids.contains(id)).collect();
        comparison
    }
}

fn origin_of(log: &Value) -> Origin {
    let number = |name: &str| {
        log["attributes"][name].as_u64().unwrap_or_else(|| panic!("not a log of a sender: {log}"))
    };
    let origin = (number("sender"), number("sequence"));
    assert_eq!(log["service"], service_of(origin.0), "the service fits the sender: {log}");
    origin
}
