//! What the shim wrote down, in the order in which it happened.

use std::ops::Range;
use std::path::Path;

/// Bytes of a record's header: kind and file (4 each), place and length (8 each).
const HEADER_BYTES: usize = 24;

/// A trace of a process.
pub(crate) struct Trace {
    bytes: Vec<u8>,
    pub(crate) events: Vec<Event>,
}

/// Something that happened. A file goes by a number; one that is made anew under an old name has a new number.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Bytes of the trace were written at a place of a file.
    Write { file: u32, at: usize, bytes: Range<usize> },
    /// A file was made so long.
    Length { file: u32, length: usize },
    /// All that was written to a file is on the disk.
    Sync { file: u32 },
    /// A name now stands for a file; for one that was there before the trace began, if it is old.
    Create { file: u32, name: String, is_old: bool },
    /// A name stands for nothing any more.
    Unlink { name: String },
    /// All names are on the disk.
    DirectorySync,
    /// The world was told this line.
    Told(String),
    /// The fault struck, in this file.
    Fault { file: u32 },
}

impl Trace {
    /// Reads a trace; one that was never begun is empty.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_default();
        let mut events = Vec::new();
        let mut next = 0;
        while next < bytes.len() {
            let number = |from: usize, length: usize| {
                let mut number = [0; 8];
                number[..length].copy_from_slice(&bytes[next + from..next + from + length]);
                u64::from_le_bytes(number)
            };
            let (kind, file) = (number(0, 4) as u8, number(4, 4) as u32);
            let (at, length) = (number(8, 8) as usize, number(16, 8) as usize);
            let payload = next + HEADER_BYTES..next + HEADER_BYTES + length;
            next = payload.end;
            let text =
                || String::from_utf8(bytes[payload.clone()].to_vec()).expect("names and lines are text");
            events.push(match kind {
                b'W' => Event::Write { file, at, bytes: payload },
                b'T' => Event::Length { file, length: at },
                b'S' => Event::Sync { file },
                b'C' => Event::Create { file, name: text(), is_old: at == 1 },
                b'U' => Event::Unlink { name: text() },
                b'D' => Event::DirectorySync,
                b'A' => Event::Told(text().trim_end().to_owned()),
                b'F' => Event::Fault { file },
                other => panic!("no kind of record: {other}"),
            });
        }
        Self { bytes, events }
    }

    pub(crate) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }
}
