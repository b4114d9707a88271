//! Which records are meant: the one filter that search, counts and deletes share.
//!
//! A filter is a conjunction. Absent parts select everything. [`Filter::matches`] is its meaning; an engine
//! may find the records in any other way, but has to find the same ones.

use std::collections::BTreeSet;

use crate::text;
use crate::{RecordRef, SeveritySet, TextMatch, Timestamp};

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
    /// What its message holds: all of these.
    pub texts: Vec<TextMatch>,
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
            texts: Vec::new(),
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

    /// Says whether `message` holds everything that is looked for.
    #[must_use]
    pub fn selects_message(&self, message: &str) -> bool {
        if self.texts.is_empty() {
            return true;
        }
        let folded = text::fold(message);
        self.texts.iter().all(|text| text.matches_folded(&folded))
    }

    /// Says whether the filter selects `record`.
    #[must_use]
    pub fn matches(&self, record: &RecordRef<'_>) -> bool {
        self.severities.contains(record.severity)
            && self.timestamp.contains(record.timestamp)
            && self.received_at.contains(record.received_at)
            && self.selects_service(record.service)
            && self.selects_message(record.message)
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
        assert!(everything.matches(&record) && everything.is_everything());

        let narrowed = [
            Filter { services: Some(BTreeSet::from(["pay".into()])), ..Filter::default() },
            Filter { services: Some(BTreeSet::new()), ..Filter::default() },
            Filter { severities: SeveritySet::NONE, ..Filter::default() },
            Filter { timestamp: range(Some(16), None), ..Filter::default() },
            Filter { received_at: range(None, Some(16)), ..Filter::default() },
            Filter {
                texts: ["failed", "pay"].iter().filter_map(|word| TextMatch::phrase(word)).collect(),
                ..Filter::default()
            },
        ];
        for filter in narrowed {
            assert!(!filter.matches(&record) && !filter.is_everything(), "{filter:?}");
        }
    }
}
