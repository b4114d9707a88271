//! The formats of an export, and pages of records in one of them.

use std::io::{self, Write};

use csv::{IntoInnerError, Terminator, Writer, WriterBuilder};
use domain::LogRecord;

use super::cell::defused;
use crate::json_line::write_json_line;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CSV (RFC 4180) with these columns; the first line has their names.
    Csv(&'static [Column]),
    /// A record's JSON a line.
    Ndjson,
}

/// A column of CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The record's id.
    Id,
    /// When it happened.
    Timestamp,
    /// When it arrived.
    ReceivedAt,
    /// Which service it comes from.
    Service,
    /// How bad it is, as `severity` spells it.
    Severity,
    /// How bad it is, as `level` spells it.
    Level,
    /// What happened.
    Message,
    /// The trace it belongs to.
    TraceId,
    /// The span it belongs to.
    SpanId,
    /// The machine it comes from.
    Host,
    /// Everything else, as JSON.
    Attributes,
}

/// Every column.
pub const FULL: &[Column] = &[
    Column::Id,
    Column::Timestamp,
    Column::ReceivedAt,
    Column::Service,
    Column::Severity,
    Column::Level,
    Column::Message,
    Column::TraceId,
    Column::SpanId,
    Column::Host,
    Column::Attributes,
];

/// The columns of a report.
pub const REPORT: &[Column] = &[Column::Id, Column::Timestamp, Column::Level, Column::Message];

/// Room of the CSV writer between two times that it is emptied, in bytes.
const WRITER_BYTES: usize = 64 * 1024;

/// Bytes of a line that are likely; only to allocate once.
const LIKELY_LINE_BYTES: usize = 256;

/// Where cells are written that are not a text of the record as it is.
#[derive(Default)]
struct CellRoom(Vec<u8>);

// === impl Format ===

impl Format {
    /// Returns the end of a file's name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// Returns what comes before the first record.
    ///
    /// # Errors
    /// None in practice: it is written to memory.
    pub fn head(self) -> io::Result<Vec<u8>> {
        let Self::Csv(columns) = self else { return Ok(Vec::new()) };
        let mut writer = csv_writer(Vec::new());
        writer.write_record(columns.iter().map(|column| column.name()))?;
        into_bytes(writer)
    }

    /// Returns records in this format.
    ///
    /// # Errors
    /// When a record's attributes are no JSON.
    pub fn page(self, records: &[LogRecord]) -> io::Result<Vec<u8>> {
        let mut page = Vec::with_capacity(records.len() * LIKELY_LINE_BYTES);
        match self {
            Self::Ndjson => {
                for record in records {
                    write_json_line(record, &mut page)?;
                    page.push(b'\n');
                }
                Ok(page)
            }
            Self::Csv(columns) => {
                let (mut writer, mut room) = (csv_writer(page), CellRoom::default());
                for record in records {
                    for column in columns {
                        writer.write_field(room.cell(*column, record)?)?;
                    }
                    writer.write_record(None::<&[u8]>)?;
                }
                into_bytes(writer)
            }
        }
    }
}

fn csv_writer(into: Vec<u8>) -> Writer<Vec<u8>> {
    WriterBuilder::new().terminator(Terminator::CRLF).buffer_capacity(WRITER_BYTES).from_writer(into)
}

fn into_bytes(writer: Writer<Vec<u8>>) -> io::Result<Vec<u8>> {
    writer.into_inner().map_err(IntoInnerError::into_error)
}

// === impl Column ===

impl Column {
    /// Returns its name, as the first line has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Timestamp => "timestamp",
            Self::ReceivedAt => "received_at",
            Self::Service => "service",
            Self::Severity => "severity",
            Self::Level => "level",
            Self::Message => "message",
            Self::TraceId => "trace_id",
            Self::SpanId => "span_id",
            Self::Host => "host",
            Self::Attributes => "attributes",
        }
    }
}

// === impl CellRoom ===

impl CellRoom {
    /// Returns a cell. What a sender chose is a text, which no spreadsheet runs; what is left is ours.
    fn cell<'a>(&'a mut self, column: Column, record: &'a LogRecord) -> io::Result<&'a [u8]> {
        self.0.clear();
        let text = match column {
            Column::Id => {
                write!(self.0, "{}", record.id)?;
                return Ok(&self.0);
            }
            Column::Timestamp => {
                write!(self.0, "{}", record.timestamp)?;
                return Ok(&self.0);
            }
            Column::ReceivedAt => {
                write!(self.0, "{}", record.received_at)?;
                return Ok(&self.0);
            }
            Column::Severity => return Ok(record.severity.severity_text().as_bytes()),
            Column::Level => return Ok(record.severity.level_text().as_bytes()),
            Column::Service => &record.service,
            Column::Message => &record.message,
            Column::TraceId => &record.trace_id,
            Column::SpanId => &record.span_id,
            Column::Host => &record.host,
            Column::Attributes => &record.attributes,
        };
        Ok(defused(text, &mut self.0))
    }
}

#[cfg(test)]
mod tests {
    use testkit::RecordBuilder;
    use testkit::build::record;

    use super::*;

    fn written(format: Format, records: &[RecordBuilder]) -> String {
        let records: Vec<LogRecord> =
            records.iter().zip(1..).map(|(record, id)| LogRecord::new(id, &record.as_record_ref())).collect();
        String::from_utf8([format.head().unwrap(), format.page(&records).unwrap()].concat()).unwrap()
    }

    #[test]
    fn csv_has_a_line_of_names_and_quotes_what_has_to_be() {
        let records = [
            record("plain").severity("warn").host("web-1").span("t", "s"),
            record("a, \"b\"\r\nc").attributes(r#"{"a":1,"b":2}"#),
            record("=1+1").service("-x"),
        ];
        let expected = "id,timestamp,received_at,service,severity,level,message,trace_id,span_id,host,attributes\r\n\
            1,2025-04-01T12:00:00Z,2025-04-01T12:00:01Z,auth-service,WARNING,WARN,plain,t,s,web-1,\r\n\
            2,2025-04-01T12:00:00Z,2025-04-01T12:00:01Z,auth-service,INFO,INFO,\"a, \"\"b\"\"\r\nc\",,,,\"{\"\"a\"\":1,\"\"b\"\":2}\"\r\n\
            3,2025-04-01T12:00:00Z,2025-04-01T12:00:01Z,'-x,INFO,INFO,'=1+1,,,,\r\n";
        assert_eq!(written(Format::Csv(FULL), &records), expected);
    }

    #[test]
    fn a_report_has_four_columns() {
        let report = written(Format::Csv(REPORT), &[record("@x").severity("fatal")]);
        assert_eq!(report, "id,timestamp,level,message\r\n1,2025-04-01T12:00:00Z,FATAL,'@x\r\n");
        assert_eq!(written(Format::Csv(REPORT), &[]), "id,timestamp,level,message\r\n");
    }

    #[test]
    fn ndjson_is_a_record_a_line_as_it_is() {
        let records = [record("=1\n").attributes("{\n\"a\": 1}"), record("b")];
        let text = written(Format::Ndjson, &records);
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        assert_eq!(lines.len(), 2, "{text}");
        let first: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!((&first["message"], &first["attributes"]["a"]), (&"=1\n".into(), &1.into()));
        assert!(text.ends_with("}\n"), "{text}");
    }
}
