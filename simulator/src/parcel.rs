//! A parcel: one request, ready to be sent as often as needed, always with the same key and the same bytes.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use crate::config::{Format, Mode};
use crate::content::Draft;
use crate::generated::types::{LogsBody, NewLogRecord};
use crate::plan::PlannedBatch;

/// The records of a request look as if gathered over at most this time, however long the pause was.
const GATHERED_OVER_MAX: TimeDelta = TimeDelta::seconds(5);
/// The time of a line of text, UTC.
const TEXT_TIME: &str = "%Y-%m-%d %H:%M:%S";

/// One request to ingest-svc.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    /// The idempotency key.
    pub(crate) key: String,
    /// The number of the first record, within the run and the service.
    pub(crate) first_sequence: u64,
    /// The number of the last record.
    pub(crate) last_sequence: u64,
    /// What is posted.
    pub(crate) body: Body,
}

impl Parcel {
    /// The number of records in it.
    pub(crate) fn len(&self) -> u64 {
        self.last_sequence + 1 - self.first_sequence
    }
}

/// The body of a request.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// One record or many, as JSON.
    Json(LogsBody),
    /// Lines of text.
    Text(String),
}

/// Gives the records of one service their place, time and number, and packs them.
#[derive(Debug)]
pub(crate) struct Packer {
    service: &'static str,
    host: String,
    /// The attribute `simulator`: unique per run and service.
    simulator: String,
    mode: Mode,
    format: Format,
    next_sequence: u64,
}

impl Packer {
    /// Prepares the packing for one service of the run `run` on `host`.
    pub(crate) fn new(service: &'static str, host: &str, run: &str, mode: Mode, format: Format) -> Self {
        let simulator = simulator_id(run, service);
        Self { service, host: host.to_owned(), simulator, mode, format, next_sequence: 1 }
    }

    /// Packs a batch whose last record happens at `now`; `None` when it is empty.
    pub(crate) fn pack(&mut self, batch: PlannedBatch, now: DateTime<Utc>) -> Option<Parcel> {
        let records = i32::try_from(batch.drafts.len()).unwrap_or(i32::MAX);
        if records == 0 {
            return None;
        }
        let gathered_over = TimeDelta::from_std(batch.gathered_over).unwrap_or(TimeDelta::MAX);
        let step = gathered_over.min(GATHERED_OVER_MAX) / records;
        let first_sequence = self.next_sequence;
        let mut time = now - step * (records - 1);
        let mut stamped = Vec::with_capacity(batch.drafts.len());
        for draft in batch.drafts {
            stamped.push(self.stamp(draft, time));
            time += step;
        }
        let body = match self.format {
            Format::Json => Body::Json(self.json_body(stamped)),
            Format::Text => Body::Text(text_body(stamped)),
        };
        let last_sequence = self.next_sequence - 1;
        let key = format!("{}-{first_sequence}", self.simulator);
        Some(Parcel { key, first_sequence, last_sequence, body })
    }

    fn stamp(&mut self, draft: Draft, time: DateTime<Utc>) -> Stamped {
        let (trace_id, span_id) = draft.trace.unzip();
        let mut attributes = draft.attributes;
        attributes.insert("simulator".to_owned(), Value::from(self.simulator.as_str()));
        attributes.insert("sequence".to_owned(), Value::from(self.next_sequence));
        self.next_sequence += 1;
        let record = NewLogRecord {
            timestamp: time.to_rfc3339_opts(SecondsFormat::Micros, true),
            service: self.service.to_owned(),
            severity: draft.level.severity().to_owned(),
            message: draft.message,
            trace_id,
            span_id,
            host: Some(self.host.clone()),
            attributes,
        };
        Stamped { line_start: format!("{} {}", time.format(TEXT_TIME), draft.level.in_text()), record }
    }

    fn json_body(&self, stamped: Vec<Stamped>) -> LogsBody {
        let mut records: Vec<NewLogRecord> = stamped.into_iter().map(|stamped| stamped.record).collect();
        match (self.mode, records.len()) {
            (Mode::Single, 1) => LogsBody::One(records.remove(0)),
            _ => LogsBody::Many(records),
        }
    }
}

/// A record, and how it starts as a line of text.
struct Stamped {
    line_start: String,
    record: NewLogRecord,
}

/// The value of the attribute `simulator` for the records of one service of a run.
pub(crate) fn simulator_id(run: &str, service: &str) -> String {
    format!("{run}-{service}")
}

fn text_body(stamped: Vec<Stamped>) -> String {
    let mut text = String::new();
    for Stamped { line_start, record } in stamped {
        text.push_str(&format!("{line_start} [{}] {}\n", record.service, record.message));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeZone as _;

    use super::*;
    use crate::levels::Level;

    fn batch(messages: &[&str]) -> PlannedBatch {
        let drafts = messages
            .iter()
            .map(|message| Draft {
                level: Level::Warn,
                message: (*message).to_owned(),
                trace: None,
                attributes: serde_json::Map::new(),
            })
            .collect();
        PlannedBatch { due: Duration::ZERO, gathered_over: Duration::from_secs(2), drafts }
    }

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2025, 10, 23, 12, 0, 0).unwrap()
    }

    #[test]
    fn records_are_numbered_on_over_the_parcels_of_a_service() {
        let mut packer = Packer::new("auth-service", "web-1", "web-1-ab", Mode::Batch, Format::Json);

        packer.pack(batch(&["a", "b"]), noon()).unwrap();
        let parcel = packer.pack(batch(&["c", "d"]), noon()).unwrap();

        assert_eq!((parcel.first_sequence, parcel.last_sequence, parcel.len()), (3, 4, 2));
        assert_eq!(parcel.key, "web-1-ab-auth-service-3");
        let Body::Json(LogsBody::Many(records)) = parcel.body else { panic!("not an array") };
        assert_eq!(records[1].attributes["simulator"], "web-1-ab-auth-service");
        assert_eq!(records[1].attributes["sequence"], 4);
        assert_eq!(records[1].host.as_deref(), Some("web-1"));
        assert_eq!(records[1].timestamp, "2025-10-23T12:00:00.000000Z");
        assert_eq!(records[0].timestamp, "2025-10-23T11:59:59.000000Z");
    }

    #[test]
    fn single_mode_posts_an_object() {
        let mut packer = Packer::new("auth-service", "web-1", "web-1-ab", Mode::Single, Format::Json);

        let parcel = packer.pack(batch(&["a"]), noon()).unwrap();

        assert!(matches!(parcel.body, Body::Json(LogsBody::One(_))));
    }

    #[test]
    fn text_lines_have_time_level_service_and_message() {
        let mut packer = Packer::new("payment-service", "web-1", "web-1-ab", Mode::Batch, Format::Text);

        let parcel = packer.pack(batch(&["Payment completed", "Refund issued"]), noon()).unwrap();

        let Body::Text(text) = parcel.body else { panic!("not text") };
        let expected = "2025-10-23 11:59:59 WARN [payment-service] Payment completed\n\
                        2025-10-23 12:00:00 WARN [payment-service] Refund issued\n";
        assert_eq!(text, expected);
    }
}
