//! Sums of counts: how many, of which level, and the share of errors.

use std::collections::BTreeMap;

use domain::{Severity, SeveritySet};
use poem_openapi::Object;
use serde::Serialize;

use super::asked::AskedSpan;

/// Counts of some logs of a span of time.
#[derive(Default, Object)]
#[oai(rename = "LogsSummary", read_only_all)]
pub(super) struct SummarySchema {
    /// How many logs.
    total: u64,
    /// How many logs there were in a minute, on average over the whole time from `from` to `to`.
    logs_per_minute: f64,
    /// The share of ERROR and FATAL, from 0 to 1; 0 where there are no logs.
    #[oai(validator(minimum(value = "0"), maximum(value = "1")))]
    error_rate: f64,
    /// How many logs of each level; levels that there are none of are not listed.
    by_level: std::collections::HashMap<String, u64>,
}

/// Counts of some logs, as an answer has them.
#[derive(Serialize)]
pub(super) struct Summary {
    total: u64,
    logs_per_minute: f64,
    error_rate: f64,
    by_level: BTreeMap<&'static str, u64>,
}

/// Counts of some logs, as they are added up.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// How many logs.
    pub(super) total: u64,
    /// How many of them are errors.
    errors: u64,
    /// How many of each level.
    pub(super) by_level: BTreeMap<&'static str, u64>,
}

/// Returns the severities that are errors.
pub(super) fn errors() -> SeveritySet {
    let error = Severity::parse("ERROR").expect("ERROR is a severity");
    SeveritySet::at_least(error)
}

impl Sums {
    pub(super) fn add(&mut self, severity: Severity, count: u64) {
        self.total += count;
        *self.by_level.entry(severity.level_text()).or_default() += count;
        if errors().contains(severity) {
            self.errors += count;
        }
    }

    pub(super) fn into_summary(self, span: &AskedSpan) -> Summary {
        let error_rate = if self.total == 0 { 0.0 } else { self.errors as f64 / self.total as f64 };
        Summary {
            total: self.total,
            logs_per_minute: span.per_minute(self.total),
            error_rate,
            by_level: self.by_level,
        }
    }
}
