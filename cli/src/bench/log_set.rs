//! Logs to measure with, made as they are needed.

use std::borrow::Cow;
use std::fmt::Write;

use clap::ValueEnum;
use domain::Timestamp;

use super::comparison_set::ComparisonSet;
use super::loghub::Loghub;

/// When the set begins: 2025-04-01T00:00:00Z, in microseconds since the Unix epoch.
pub(super) const SET_STARTS_MICROS: u64 = 1_743_465_600_000_000;

/// The time between two logs: a day holds a million. A larger set has more days, at the same rate.
pub(super) const STEP_MICROS: u64 = 86_400;

const MICROS_PER_DAY: u64 = 86_400_000_000;

/// Which logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SetName {
    /// Made up: 8 services, numbers at random, attributes on 30 %
    Comparison,
    /// Real lines, repeated with fresh times
    Loghub,
}

/// Where logs come from.
#[derive(Debug)]
pub(crate) enum LogSet {
    Comparison,
    Loghub(Loghub),
}

/// One log, as its parts.
#[derive(Debug)]
pub(crate) struct SetLog<'set> {
    pub(crate) timestamp_micros: u64,
    pub(crate) service: &'set str,
    pub(crate) severity: Option<&'set str>,
    pub(crate) message: Cow<'set, str>,
    /// A JSON object, or nothing.
    pub(crate) attributes: String,
}

/// Which logs of a set: `count` from the `first` on. Of made-up logs each seed has others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    pub(crate) seed: u64,
    pub(crate) first: u64,
    pub(crate) count: u64,
}

/// What to search for in a set.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) service: &'static str,
    pub(crate) severity: &'static str,
    /// A word that occurs once.
    pub(crate) needle: Option<String>,
    /// A trace that has one log.
    pub(crate) trace: Option<String>,
    pub(crate) common: &'static str,
    pub(crate) substring: &'static str,
    pub(crate) phrase: &'static str,
}

impl LogSet {
    /// Returns logs.
    pub(crate) fn logs(&self, slice: Slice) -> Vec<SetLog<'_>> {
        let numbers = slice.first..slice.first + slice.count;
        match self {
            Self::Comparison => {
                let mut set = ComparisonSet::new(slice.seed);
                numbers.map(|n| set.log(n)).collect()
            }
            Self::Loghub(loghub) => numbers.map(|n| loghub.log(n)).collect(),
        }
    }

    /// Returns logs as a JSON array.
    pub(crate) fn json(&self, slice: Slice) -> String {
        let mut json = String::from("[");
        let mut day = Day::default();
        for log in self.logs(slice) {
            let separator = if json.len() == 1 { "" } else { "," };
            let message = serde_json::Value::from(log.message.as_ref());
            let _ = write!(json, "{separator}{{\"timestamp\":\"");
            day.write(&mut json, log.timestamp_micros);
            let _ = write!(json, "\",\"service\":\"{}\",\"message\":{message}", log.service);
            if let Some(severity) = log.severity {
                let _ = write!(json, ",\"severity\":\"{severity}\"");
            }
            if !log.attributes.is_empty() {
                let _ = write!(json, ",\"attributes\":{}", log.attributes);
            }
            json.push('}');
        }
        json.push(']');
        json
    }

    /// Returns what to search for; the needle is in the middle of `slice`.
    pub(crate) fn words(&self, slice: Slice) -> Words {
        match self {
            Self::Comparison => Words {
                service: "payment-service",
                severity: "ERROR",
                needle: self.logs(slice).get(slice.count as usize / 2).and_then(order_number),
                trace: self.logs(slice).iter().find_map(trace),
                common: "completed",
                substring: "verflow",
                phrase: "stack overflow",
            },
            Self::Loghub(_) => Words {
                service: "Apache",
                severity: "ERROR",
                needle: None,
                trace: None,
                common: "authentication",
                substring: "entication",
                phrase: "authentication failure",
            },
        }
    }
}

/// The text of a day, kept from one log to the next.
#[derive(Debug, Default)]
struct Day {
    number: u64,
    text: String,
}

impl Day {
    fn write(&mut self, json: &mut String, micros: u64) {
        if self.text.is_empty() || self.number != micros / MICROS_PER_DAY {
            self.number = micros / MICROS_PER_DAY;
            let midnight = (self.number * MICROS_PER_DAY).cast_signed();
            self.text = Timestamp::saturating_from_micros(midnight).to_string();
            self.text.truncate("2025-04-01".len());
        }
        let of_day = micros % MICROS_PER_DAY;
        let (seconds, micros) = (of_day / 1_000_000, of_day % 1_000_000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let _ = write!(json, "{}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z", self.text);
    }
}

fn trace(log: &SetLog<'_>) -> Option<String> {
    let attributes: serde_json::Value = serde_json::from_str(&log.attributes).ok()?;
    Some(attributes["trace_id"].as_str()?.to_owned())
}

fn order_number(log: &SetLog<'_>) -> Option<String> {
    log.message.split(' ').find_map(|word| word.strip_prefix("ord-")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(first: u64, count: u64) -> Slice {
        Slice { seed: 7, first, count }
    }

    #[test]
    fn a_slice_is_the_same_every_time_and_its_json_is_what_its_logs_are() {
        let (logs, json) = (LogSet::Comparison.logs(slice(500, 50)), LogSet::Comparison.json(slice(500, 50)));
        let json: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(json.len(), 50);
        for (log, json) in logs.iter().zip(json) {
            let time = Timestamp::parse(json["timestamp"].as_str().unwrap()).unwrap();
            assert_eq!(time.as_micros().unsigned_abs(), log.timestamp_micros);
            assert_eq!(
                (json["message"].as_str(), json["service"].as_str()),
                (Some(&*log.message), Some(log.service))
            );
        }
    }

    #[test]
    fn a_set_of_fifty_million_goes_on_into_further_days_at_the_same_rate() {
        let json = LogSet::Comparison.json(slice(49_999_999, 1));
        assert!(json.contains("\"2025-05-20T23:59:5"), "{json}");
    }

    #[test]
    fn the_needle_is_a_word_of_the_slice() {
        let needle = LogSet::Comparison.words(slice(1000, 1000)).needle.unwrap();
        assert_eq!(LogSet::Comparison.json(slice(1000, 1000)).matches(&needle).count(), 1);
    }
}
