//! What is added to the counts, or taken off them.

use std::collections::{BTreeMap, HashMap};

use domain::{RecordBatch, Severity, Timestamp};

use super::minutes::minute_of;
use crate::block::Head;

/// A service and a severity: what is counted together.
pub(crate) type Series = (String, Severity);

/// Records, counted per service and severity, and per minute of these.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    totals: BTreeMap<Series, (u64, Timestamp)>,
    minutes: BTreeMap<i64, BTreeMap<Series, u64>>,
}

/// Counts by the codes of one block, before they get names.
type CodedCounts = HashMap<(i64, u32, Severity), (u64, Timestamp)>;

impl Tally {
    /// Counts the records of a batch.
    pub(crate) fn of(batch: &RecordBatch) -> Self {
        let mut counts = CodedCounts::new();
        let codes = batch.service_codes().iter().zip(batch.severities()).zip(batch.timestamps());
        codes.for_each(|((code, severity), timestamp)| count(&mut counts, *code, *severity, *timestamp));
        let mut tally = Self::default();
        tally.add_named(batch.service_names(), counts);
        tally
    }

    /// Adds some rows of a block whose services have these names.
    pub(crate) fn add_rows(&mut self, services: &[String], head: &Head, rows: impl Iterator<Item = usize>) {
        let mut counts = CodedCounts::new();
        for row in rows {
            count(&mut counts, head.service_codes[row], head.severities[row], head.timestamps[row]);
        }
        self.add_named(services, counts);
    }

    /// Adds what another one counts.
    pub(crate) fn add(&mut self, other: Self) {
        for (minute, counts) in other.minutes {
            let minute = self.minutes.entry(minute).or_default();
            counts.into_iter().for_each(|(series, count)| *minute.entry(series).or_default() += count);
        }
        for (series, (count, last)) in other.totals {
            let total = self.totals.entry(series).or_insert((0, Timestamp::MIN));
            total.0 += count;
            total.1 = total.1.max(last);
        }
    }

    /// Returns how many records are counted.
    pub(crate) fn total(&self) -> u64 {
        self.totals.values().map(|(count, _)| count).sum()
    }

    pub(super) fn total_of(&self, series: &Series) -> Option<&(u64, Timestamp)> {
        self.totals.get(series)
    }

    /// Returns the counts per minute.
    pub(crate) fn minutes(&self) -> &BTreeMap<i64, BTreeMap<Series, u64>> {
        &self.minutes
    }

    /// Returns the names of all services that are counted.
    pub(super) fn services(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.totals.keys().map(|(service, _)| service.as_str()).collect();
        names.dedup();
        names
    }

    /// Writes the totals as a JSON array of [service, severity, count, last timestamp], for one statement.
    pub(super) fn totals_json(&self) -> String {
        let rows = self.totals.iter().map(|((service, severity), (count, last))| {
            serde_json::json!([service, severity.number(), count, last.as_micros()])
        });
        serde_json::Value::Array(rows.collect()).to_string()
    }

    fn add_named(&mut self, services: &[String], counts: CodedCounts) {
        for ((minute, code, severity), (count, last)) in counts {
            let series = (services[code as usize].clone(), severity);
            *self.minutes.entry(minute).or_default().entry(series.clone()).or_default() += count;
            let total = self.totals.entry(series).or_insert((0, Timestamp::MIN));
            total.0 += count;
            total.1 = total.1.max(last);
        }
    }
}

fn count(counts: &mut CodedCounts, code: u32, severity: Severity, timestamp: Timestamp) {
    let key = (minute_of(timestamp), code, severity);
    let cell = counts.entry(key).or_insert((0, Timestamp::MIN));
    cell.0 += 1;
    cell.1 = cell.1.max(timestamp);
}
