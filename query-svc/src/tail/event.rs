//! How events look on the wire: the fields of server-sent events, each on a line of its own, and an empty line behind.
//!
//! Every event has an id: everything up to it was sent, or was said to be missed. A client that comes back with it in
//! `Last-Event-ID` goes on exactly there.

use std::io::{self, Write};

use bytes::Bytes;
use domain::LogRecord;

use crate::json_line::write_json_line;

/// Returns what a tail says first: that a client whose connection breaks comes back after a second, and where it then goes
/// on if no event has come before.
#[must_use]
pub fn opening(position: i64) -> Bytes {
    format!("retry: 1000\nid: {position}\n\n").into()
}

/// What a tail says that has nothing to say: a comment, which clients pass over.
pub const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

/// Records that were left out because the client was too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// How many of the selected records.
    pub missed: u64,
    /// They have ids from this one on …
    pub from_id: i64,
    /// … up to and including this one.
    pub to_id: i64,
}

/// Writes a record.
///
/// # Errors
/// When it has no JSON.
pub fn write_log(record: &LogRecord, into: &mut Vec<u8>) -> io::Result<()> {
    write!(into, "id: {}\nevent: log\ndata: ", record.id)?;
    write_json_line(record, into)?;
    into.extend_from_slice(b"\n\n");
    Ok(())
}

impl Gap {
    /// Returns the event that says so.
    #[must_use]
    pub fn to_event(self) -> Bytes {
        let Self { missed, from_id, to_id } = self;
        let data = format!(r#"{{"missed":{missed},"from_id":{from_id},"to_id":{to_id}}}"#);
        format!("id: {to_id}\nevent: gap\ndata: {data}\n\n").into()
    }
}

#[cfg(test)]
mod tests {
    use testkit::build::record;

    use super::*;

    #[test]
    fn a_record_is_an_event_with_its_id_and_one_line_of_data() {
        let record =
            LogRecord::new(7, &record("a\n\nid: 9\r\n\r\nb").attributes("{\n\"a\":1}").as_record_ref());
        let mut event = Vec::new();

        write_log(&record, &mut event).unwrap();

        let event = String::from_utf8(event).unwrap();
        assert!(event.starts_with("id: 7\nevent: log\ndata: {\"id\":7,"), "{event}");
        assert!(event.ends_with("}\n\n") && event.lines().count() == 4 && !event.contains('\r'), "{event}");
    }

    #[test]
    fn a_gap_is_an_event_whose_id_is_its_end() {
        let event = Gap { missed: 3, from_id: 5, to_id: 9 }.to_event();
        assert_eq!(event, "id: 9\nevent: gap\ndata: {\"missed\":3,\"from_id\":5,\"to_id\":9}\n\n");
    }
}
