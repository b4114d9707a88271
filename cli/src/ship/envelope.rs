//! The lines of a request: each is a shipper's envelope around a line of a log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::parts::{Part, parts};
use super::records::Record;

/// What all records of a batch have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The machine.
    pub(crate) source: String,
    /// The file, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file_path: Option<String>,
    /// When the batch was decided, RFC 3339.
    pub(crate) shipper_timestamp: String,
    /// The service, if the shipper knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    raw_log: &'a str,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(flatten)]
    origin: &'a Origin,
    /// Docker's time.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'a str>,
    /// Docker's stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
    /// Which part of a record that was too long, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<u32>,
    /// The exact bytes of a line that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
}

/// The lines of a request, as they are written.
#[derive(Debug, Default)]
pub(crate) struct Envelopes {
    pub(crate) ndjson: Vec<u8>,
    /// How many there are.
    pub(crate) count: u64,
}

impl Envelopes {
    /// Adds a record.
    pub(crate) fn add(&mut self, record: &Record<'_>, origin: &Origin) {
        let parts = parts(&record.text);
        let first = (parts.len() > 1).then_some(1);
        let about = (record.stream.as_deref(), record.time.as_deref());
        for (part, number) in parts.iter().zip(0..) {
            self.write(part, origin, about, first.map(|first: u32| first + number));
        }
    }

    /// Adds a piece of a line of which so many parts were sent before.
    pub(crate) fn add_piece(&mut self, bytes: &[u8], origin: &Origin, sent: u32) {
        for (part, number) in parts(bytes).iter().zip(sent.saturating_add(1)..) {
            self.write(part, origin, (None, None), Some(number));
        }
    }

    fn write(
        &mut self,
        part: &Part<'_>,
        origin: &Origin,
        (stream, timestamp): (Option<&str>, Option<&str>),
        number: Option<u32>,
    ) {
        let lossy;
        let (raw_log, raw_base64) = match part {
            Part::Text(text) => (*text, None),
            Part::Bytes(bytes) => {
                lossy = String::from_utf8_lossy(bytes);
                (&*lossy, Some(STANDARD.encode(bytes)))
            }
        };
        let metadata = Metadata { origin, timestamp, stream, part: number, raw_base64 };
        serde_json::to_writer(&mut self.ndjson, &Envelope { raw_log, metadata })
            .expect("texts and numbers can be written as JSON, into memory");
        self.ndjson.push(b'\n');
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::records::{Ending, RECORD_MAX_BYTES, Reading, take};
    use super::*;

    fn origin() -> Origin {
        Origin {
            source: "web-1".to_owned(),
            file_path: Some("/var/log/a.log".to_owned()),
            shipper_timestamp: "2025-04-01T12:00:00Z".to_owned(),
            service: Some("shop".to_owned()),
        }
    }

    fn envelopes(bytes: &[u8], is_docker: bool) -> Vec<Value> {
        let reading = Reading { is_docker, is_multiline: true };
        let mut envelopes = Envelopes::default();
        for record in &take(bytes, reading, 1000, Ending::All).records {
            envelopes.add(record, &origin());
        }
        let lines = String::from_utf8(envelopes.ndjson).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn an_envelope_says_what_where_and_when() {
        let metadata = json!({"source": "web-1", "file_path": "/var/log/a.log",
            "shipper_timestamp": "2025-04-01T12:00:00Z", "service": "shop"});
        let plain = envelopes(b"a \"b\"\n", false);
        assert_eq!(plain, [json!({"raw_log": "a \"b\"", "metadata": metadata})]);

        let docker = envelopes(b"{\"log\":\"a\\n\",\"stream\":\"stderr\",\"time\":\"T\"}\n", true);
        assert_eq!(docker[0]["metadata"]["stream"], "stderr");
        assert_eq!(docker[0]["metadata"]["timestamp"], "T");
    }

    #[test]
    fn a_line_that_is_not_utf8_goes_with_its_bytes_and_a_long_one_in_numbered_parts() {
        let broken = envelopes(b"caf\xe9\n", false);
        assert_eq!(broken[0]["raw_log"], "caf\u{fffd}");
        assert_eq!(broken[0]["metadata"]["raw_base64"], STANDARD.encode(b"caf\xe9"));

        let long = envelopes(&b"x".repeat(RECORD_MAX_BYTES + 1), false);
        let parts: Vec<_> = long.iter().map(|part| &part["metadata"]["part"]).collect();
        assert_eq!(parts, [1, 2]);
    }
}
