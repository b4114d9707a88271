//! Which records are meant: the one filter that search, counts and deletes share.
//!
//! A filter is a conjunction. Absent parts select everything. [`Filter::matches`] is its meaning; an engine
//! may find the records in any other way, but has to find the same ones.

use std::collections::BTreeSet;

use crate::condition::{Clause, Condition};
use crate::{RecordRef, SeveritySet, Timestamp};

/// A span of time, from `from` inclusive to `to` exclusive, in microseconds since the Unix epoch. An end
/// that is `None` is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct TimeRange {
    /// The first microsecond inside.
    pub from: Option<i64>,
    /// The first microsecond outside again.
    pub to: Option<i64>,
}

/// Selects records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The services meant; `None`: all.
    pub services: Option<BTreeSet<String>>,
    /// The severities meant.
    pub severities: SeveritySet,
    /// When it happened.
    pub timestamp: TimeRange,
    /// When it arrived.
    pub received_at: TimeRange,
    /// What else has to be true of it.
    pub condition: Condition,
}

// === impl TimeRange ===

impl TimeRange {
    /// Says whether `time` lies inside.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        let micros = time.as_micros();
        self.from.is_none_or(|from| micros >= from) && self.to.is_none_or(|to| micros < to)
    }

    /// Says whether some time from `min` to `max`, both inclusive, may lie inside.
    #[must_use]
    pub fn overlaps(&self, min: Timestamp, max: Timestamp) -> bool {
        self.from.is_none_or(|from| max.as_micros() >= from) && self.to.is_none_or(|to| min.as_micros() < to)
    }

    /// Says whether every time from `min` to `max`, both inclusive, lies inside.
    #[must_use]
    pub fn covers(&self, min: Timestamp, max: Timestamp) -> bool {
        self.contains(min) && self.contains(max)
    }

    /// Narrows the range to start at `micros` or later.
    pub fn start_at(&mut self, micros: i64) {
        self.from = Some(self.from.map_or(micros, |from| from.max(micros)));
    }

    /// Narrows the range to end before `micros`.
    pub fn end_before(&mut self, micros: i64) {
        self.to = Some(self.to.map_or(micros, |to| to.min(micros)));
    }

    /// Narrows the range to what `other` has too.
    pub fn narrow(&mut self, other: &Self) {
        other.from.into_iter().for_each(|from| self.start_at(from));
        other.to.into_iter().for_each(|to| self.end_before(to));
    }
}

// === impl Filter ===

impl Default for Filter {
    /// Selects every record.
    fn default() -> Self {
        Self {
            services: None,
            severities: SeveritySet::ALL,
            timestamp: TimeRange::default(),
            received_at: TimeRange::default(),
            condition: Condition::EVERYTHING,
        }
    }
}

impl Filter {
    /// Says whether the filter selects every record.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Says whether `service` is meant.
    #[must_use]
    pub fn selects_service(&self, service: &str) -> bool {
        self.services.as_ref().is_none_or(|services| services.contains(service))
    }

    /// Adds a condition. What this filter has a part of its own for goes there, where an engine sees it first.
    pub fn narrow(&mut self, condition: Condition) {
        match condition {
            Condition::All(parts) => parts.into_iter().for_each(|part| self.narrow(part)),
            Condition::Is(Clause::Severity(set)) => self.severities = self.severities.intersection(set),
            Condition::Is(Clause::Timestamp(range)) => self.timestamp.narrow(&range),
            Condition::Is(Clause::ReceivedAt(range)) => self.received_at.narrow(&range),
            other => self.condition.and(other),
        }
    }

    /// Says whether the filter selects the record with this id.
    #[must_use]
    pub fn matches(&self, id: i64, record: &RecordRef<'_>) -> bool {
        self.severities.contains(record.severity)
            && self.timestamp.contains(record.timestamp)
            && self.received_at.contains(record.received_at)
            && self.selects_service(record.service)
            && self.condition.matches(id, record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    fn range(from: Option<i64>, to: Option<i64>) -> TimeRange {
        TimeRange { from, to }
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::saturating_from_micros(micros)
    }

    #[test]
    fn a_range_includes_its_start_and_excludes_its_end() {
        let hour = range(Some(10), Some(20));
        assert!(hour.contains(at(10)) && hour.contains(at(19)));
        assert!(!hour.contains(at(9)) && !hour.contains(at(20)));
        assert!(hour.overlaps(at(0), at(10)) && !hour.overlaps(at(0), at(9)));
        assert!(hour.overlaps(at(19), at(30)) && !hour.overlaps(at(20), at(30)));
        assert!(hour.covers(at(10), at(19)) && !hour.covers(at(10), at(20)));
    }

    #[test]
    fn every_part_of_a_filter_narrows_it() {
        let record = RecordRef {
            timestamp: at(15),
            received_at: at(16),
            severity: Severity::DEFAULT,
            service: "auth",
            message: "Payment failed",
            trace_id: "",
            span_id: "",
            host: "",
            attributes: "",
        };
        let everything = Filter::default();
        assert!(everything.matches(1, &record) && everything.is_everything());

        let narrowed = [
            Filter { services: Some(BTreeSet::from(["pay".into()])), ..Filter::default() },
            Filter { services: Some(BTreeSet::new()), ..Filter::default() },
            Filter { severities: SeveritySet::NONE, ..Filter::default() },
            Filter { timestamp: range(Some(16), None), ..Filter::default() },
            Filter { received_at: range(None, Some(16)), ..Filter::default() },
            Filter { condition: Condition::Is(Clause::Id(2..=9)), ..Filter::default() },
        ];
        for filter in narrowed {
            assert!(!filter.matches(1, &record) && !filter.is_everything(), "{filter:?}");
        }
    }
}
