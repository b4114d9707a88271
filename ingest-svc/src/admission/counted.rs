//! What is counted: each record that comes in by a door is stored, or rejected for a reason; each delivery that is
//! refused as a whole has one, too.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use runtime::metrics::Counter;

use super::Door;

static ACCEPTED: LazyLock<Counter> = LazyLock::new(|| {
    Counter::new("sentinel_ingest_records_accepted_total", "Records that were stored, repeats included.")
});

static REJECTED: LazyLock<Counter> = LazyLock::new(|| {
    Counter::new(
        "sentinel_ingest_records_rejected_total",
        "Records that were not stored while others of their request could be, by reason.",
    )
});

static REFUSED: LazyLock<Counter> = LazyLock::new(|| {
    Counter::new(
        "sentinel_ingest_requests_refused_total",
        "Requests (for syslog: batches of messages) whose body was read and of which nothing was stored, by reason; \
         what is refused before is in sentinel_http_problems_total.",
    )
});

static DROPPED: LazyLock<Counter> = LazyLock::new(|| {
    Counter::new(
        "sentinel_ingest_records_dropped_total",
        "Records whose sender could not be told that they were not stored, by reason.",
    )
});

/// The reason of a valid record that was not stored because another one of its request was not valid.
const ATOMIC: &str = "atomic";

pub(super) fn admitted(door: Door, records: u64) {
    ACCEPTED.add(records, [("door", door.name())]);
}

pub(super) fn rejected(door: Door, by_reason: &BTreeMap<&'static str, u64>) {
    for (reason, records) in by_reason {
        REJECTED.add(*records, [("door", door.name()), ("reason", reason)]);
    }
}

pub(super) fn held_back(door: Door, records: u64) {
    if records > 0 {
        REJECTED.add(records, [("door", door.name()), ("reason", ATOMIC)]);
    }
}

pub(super) fn refused(door: Door, reason: &'static str) {
    REFUSED.add(1, [("door", door.name()), ("reason", reason)]);
}

/// Counts records that were lost in a protocol that has no way to say so.
pub fn count_dropped(door: Door, records: u64, reason: &'static str) {
    DROPPED.add(records, [("door", door.name()), ("reason", reason)]);
}
