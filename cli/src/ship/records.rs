//! Bytes of a file to records: lines, lines that belong together, and Docker's lines within lines.
//!
//! What comes out is a pure function of the bytes and of how they are read, and it ends where a record ends. So the bytes up
//! to that end, read again, give the same records again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::continuation::Trace;
use super::docker::DockerLine;

/// Most lines of one record; what goes on beyond them is a record of its own.
const RECORD_MAX_LINES: usize = 500;

/// Most bytes of a record of several lines: 256 KiB, what a message may have, without 4 KiB.
pub(crate) const RECORD_MAX_BYTES: usize = 252 * 1024;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// Whether its lines are Docker's.
    pub(crate) is_docker: bool,
    /// Whether lines that belong together are one record.
    pub(crate) is_multiline: bool,
}

/// What becomes of what may go on behind the bytes that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// It waits.
    Waits,
    /// A record is taken as it is; a line without its end waits.
    Records,
    /// Everything is taken as it is.
    All,
}

/// A record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Its lines without their ends, joined by `\n`.
    pub(crate) text: Cow<'a, [u8]>,
    /// Docker's stream.
    pub(crate) stream: Option<Cow<'a, str>>,
    /// Docker's time.
    pub(crate) time: Option<Cow<'a, str>>,
    /// Where its first line begins and its last one ends, in the bytes.
    first: usize,
    end: usize,
}

/// Records, and how many bytes they were read from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken<'a> {
    pub(crate) records: Vec<Record<'a>>,
    pub(crate) end: usize,
}

/// Takes at most so many records from the beginning of some bytes.
pub(crate) fn take(bytes: &[u8], reading: Reading, most: usize, ending: Ending) -> Taken<'_> {
    let mut taker = Taker { reading, most, groups: Vec::new(), open: Vec::new() };
    let mut at = 0;
    while let Some(length) = length_of_line(&bytes[at..], ending) {
        if !taker.take_line(at, &bytes[at..at + length]) {
            break;
        }
        at += length;
    }
    taker.finish(at, ending)
}

/// Returns the length of the first line with its end; `None` when there is none yet.
fn length_of_line(bytes: &[u8], ending: Ending) -> Option<usize> {
    let end = memchr::memchr(b'\n', bytes).map(|end| end + 1);
    end.or_else(|| (ending == Ending::All && !bytes.is_empty()).then_some(bytes.len()))
}

/// Returns a line without its end, `\n` or `\r\n`.
pub(crate) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

struct Taker<'a> {
    reading: Reading,
    most: usize,
    groups: Vec<Group<'a>>,
    /// For each stream the group that its next line may belong to.
    open: Vec<usize>,
}

/// A record under way.
struct Group<'a> {
    record: Record<'a>,
    trace: Trace,
    lines: usize,
    /// Blank lines behind it, which belong to it if it goes on.
    blank: usize,
    /// Whether its last line has not ended: Docker cuts long ones.
    is_partial: bool,
}

/// A line, and what Docker says of it.
struct Line<'a> {
    text: Cow<'a, [u8]>,
    stream: Option<Cow<'a, str>>,
    time: Option<Cow<'a, str>>,
    is_partial: bool,
}

// === impl Line ===

impl<'a> Line<'a> {
    fn read(line: &'a [u8], reading: Reading) -> Self {
        if reading.is_docker
            && let Ok(DockerLine { log, stream, time }) = serde_json::from_slice(line)
        {
            let is_partial = !log.ends_with('\n');
            let text = match log {
                Cow::Borrowed(text) => Cow::Borrowed(without_end(text.as_bytes())),
                Cow::Owned(text) => Cow::Owned(without_end(text.as_bytes()).to_owned()),
            };
            let time = (!time.is_empty()).then_some(time);
            return Self { text, stream: Some(stream), time, is_partial };
        }
        Self { text: Cow::Borrowed(without_end(line)), stream: None, time: None, is_partial: false }
    }

    fn is_blank(&self) -> bool {
        self.text.trim_ascii().is_empty()
    }
}

// === impl Taker ===

impl<'a> Taker<'a> {
    /// Takes a line that begins at `at`; `false`: there are enough records without it.
    fn take_line(&mut self, at: usize, bytes: &'a [u8]) -> bool {
        let line = Line::read(bytes, self.reading);
        let end = at + bytes.len();
        let open = self.open.iter().position(|&index| self.groups[index].record.stream == line.stream);
        if let Some(place) = open {
            let group = &mut self.groups[self.open[place]];
            if group.goes_on_with(&line, self.reading.is_multiline) {
                group.record.end = end;
                return true;
            }
            if line.is_blank() {
                group.blank += 1;
                return true;
            }
            self.open.swap_remove(place);
        }
        if line.is_blank() && !line.is_partial {
            return true;
        }
        if self.groups.len() >= self.most {
            return false;
        }
        self.open.push(self.groups.len());
        let trace = Trace::of(&line.text);
        let Line { text, stream, time, is_partial } = line;
        let record = Record { text, stream, time, first: at, end };
        self.groups.push(Group { record, trace, lines: 1, blank: 0, is_partial });
        true
    }

    /// Leaves out what waits, and whatever lies between the lines of what waits.
    fn finish(self, read: usize, ending: Ending) -> Taken<'a> {
        let mut end = read;
        if ending == Ending::Waits {
            let waiting = self.open.iter().map(|&index| &self.groups[index]);
            let waiting = waiting.filter(|group| group.may_go_on(self.reading.is_multiline));
            end = waiting.map(|group| group.record.first).min().unwrap_or(end);
        }
        loop {
            let cut = self.groups.iter().map(|group| &group.record);
            let cut = cut.filter(|record| record.first < end && record.end > end);
            match cut.map(|record| record.first).min() {
                Some(first) => end = first,
                None => break,
            }
        }
        let records = self.groups.into_iter().map(|group| group.record);
        Taken { records: records.filter(|record| record.end <= end).collect(), end }
    }
}

// === impl Group ===

impl<'a> Group<'a> {
    /// Takes a line in, if it belongs here.
    fn goes_on_with(&mut self, line: &Line<'a>, is_multiline: bool) -> bool {
        let longer = self.record.text.len() + self.blank + 1 + line.text.len();
        if longer > RECORD_MAX_BYTES || self.lines >= RECORD_MAX_LINES {
            return false;
        }
        if !self.is_partial {
            if !is_multiline || line.is_blank() || !self.trace.takes(&line.text) {
                return false;
            }
            let text = self.record.text.to_mut();
            text.extend(std::iter::repeat_n(b'\n', self.blank + 1));
            self.lines += self.blank + 1;
        }
        self.record.text.to_mut().extend_from_slice(&line.text);
        self.blank = 0;
        self.is_partial = line.is_partial;
        true
    }

    fn may_go_on(&self, is_multiline: bool) -> bool {
        self.is_partial || (is_multiline && self.lines < RECORD_MAX_LINES)
    }
}

#[cfg(test)]
mod tests;
