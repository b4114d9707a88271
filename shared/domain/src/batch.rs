//! Records in columns: the form in which logs travel from a decoder to a store, and in which a store's
//! block is decoded. One allocation per column instead of several per record.

use std::collections::HashMap;
use std::ops::Range;

use crate::{Severity, Timestamp};

/// One record, borrowed from wherever its texts lie. An empty `trace_id`, `span_id` or `host` is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// When it happened, as its sender says.
    pub timestamp: Timestamp,
    /// When it arrived here.
    pub received_at: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// Which service it comes from.
    pub service: &'a str,
    /// What happened.
    pub message: &'a str,
    /// The trace it belongs to; empty: none.
    pub trace_id: &'a str,
    /// The span it belongs to; empty: none.
    pub span_id: &'a str,
    /// The machine it comes from; empty: none.
    pub host: &'a str,
    /// Everything else, as the text of a JSON object; empty: no attributes.
    pub attributes: &'a str,
}

/// Texts, one after the other in one buffer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextColumn {
    text: String,
    ends: Vec<usize>,
}

/// Numbers for texts that repeat, such as service names: the n-th distinct text has the code n.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    texts: Vec<String>,
    codes: HashMap<String, u32>,
}

/// Records in columns, in the order in which they were pushed.
#[derive(Debug, Clone, Default)]
pub struct RecordBatch {
    timestamps: Vec<Timestamp>,
    received: Vec<Timestamp>,
    severities: Vec<Severity>,
    services: Dictionary,
    service_codes: Vec<u32>,
    messages: TextColumn,
    trace_ids: TextColumn,
    span_ids: TextColumn,
    hosts: TextColumn,
    attributes: TextColumn,
}

// === impl TextColumn ===

impl TextColumn {
    /// Adds a text at the end.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// Returns the text at `index`, which has to be below [`Self::len`].
    #[must_use]
    pub fn get(&self, index: usize) -> &str {
        self.joined(index..index + 1)
    }

    /// Returns the texts of `rows`, one after the other, without anything between them.
    #[must_use]
    pub fn joined(&self, rows: Range<usize>) -> &str {
        let end_before = |row: usize| row.checked_sub(1).map_or(0, |previous| self.ends[previous]);
        &self.text[end_before(rows.start)..end_before(rows.end)]
    }

    /// Returns how many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Says whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }

    fn extend_from(&mut self, other: &Self) {
        let shift = self.text.len();
        self.text.push_str(&other.text);
        self.ends.extend(other.ends.iter().map(|end| end + shift));
    }
}

// === impl Dictionary ===

impl Dictionary {
    /// Returns the code of `text`, a new one if it was not seen before.
    pub fn intern(&mut self, text: &str) -> u32 {
        if let Some(code) = self.codes.get(text) {
            return *code;
        }
        let code = u32::try_from(self.texts.len()).expect("a batch holds fewer than 2^32 records");
        self.texts.push(text.to_owned());
        self.codes.insert(text.to_owned(), code);
        code
    }

    /// Returns the distinct texts; the index is the code.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.texts
    }
}

// === impl RecordBatch ===

impl RecordBatch {
    /// Adds a record at the end.
    pub fn push(&mut self, record: &RecordRef<'_>) {
        self.timestamps.push(record.timestamp);
        self.received.push(record.received_at);
        self.severities.push(record.severity);
        let code = self.services.intern(record.service);
        self.service_codes.push(code);
        self.messages.push(record.message);
        self.trace_ids.push(record.trace_id);
        self.span_ids.push(record.span_id);
        self.hosts.push(record.host);
        self.attributes.push(record.attributes);
    }

    /// Adds all records of `other` at the end.
    pub fn extend_from(&mut self, other: &Self) {
        let codes: Vec<u32> = other.services.texts.iter().map(|name| self.services.intern(name)).collect();
        self.service_codes.extend(other.service_codes.iter().map(|code| codes[*code as usize]));
        self.timestamps.extend_from_slice(&other.timestamps);
        self.received.extend_from_slice(&other.received);
        self.severities.extend_from_slice(&other.severities);
        self.messages.extend_from(&other.messages);
        self.trace_ids.extend_from(&other.trace_ids);
        self.span_ids.extend_from(&other.span_ids);
        self.hosts.extend_from(&other.hosts);
        self.attributes.extend_from(&other.attributes);
    }

    /// Returns the record at `index`, which has to be below [`Self::len`].
    #[must_use]
    pub fn get(&self, index: usize) -> RecordRef<'_> {
        RecordRef {
            timestamp: self.timestamps[index],
            received_at: self.received[index],
            severity: self.severities[index],
            service: &self.services.texts[self.service_codes[index] as usize],
            message: self.messages.get(index),
            trace_id: self.trace_ids.get(index),
            span_id: self.span_ids.get(index),
            host: self.hosts.get(index),
            attributes: self.attributes.get(index),
        }
    }

    /// Returns the records in order.
    pub fn iter(&self) -> impl Iterator<Item = RecordRef<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Returns how many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Says whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// Returns about how many bytes of memory the batch holds: what a bounded queue counts.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        const PER_RECORD: usize =
            2 * size_of::<Timestamp>() + size_of::<Severity>() + 4 + 5 * size_of::<usize>();
        let columns = [&self.messages, &self.trace_ids, &self.span_ids, &self.hosts, &self.attributes];
        self.len() * PER_RECORD + columns.iter().map(|column| column.text.len()).sum::<usize>()
    }

    /// Returns the times of happening, in order.
    #[must_use]
    pub fn timestamps(&self) -> &[Timestamp] {
        &self.timestamps
    }

    /// Returns the times of arrival, in order.
    #[must_use]
    pub fn received(&self) -> &[Timestamp] {
        &self.received
    }

    /// Returns the severities, in order.
    #[must_use]
    pub fn severities(&self) -> &[Severity] {
        &self.severities
    }

    /// Returns the messages, in order.
    #[must_use]
    pub fn messages(&self) -> &TextColumn {
        &self.messages
    }

    /// Returns the traces, in order.
    #[must_use]
    pub fn trace_ids(&self) -> &TextColumn {
        &self.trace_ids
    }

    /// Returns the spans, in order.
    #[must_use]
    pub fn span_ids(&self) -> &TextColumn {
        &self.span_ids
    }

    /// Returns the machines, in order.
    #[must_use]
    pub fn hosts(&self) -> &TextColumn {
        &self.hosts
    }

    /// Returns the attributes, in order.
    #[must_use]
    pub fn attributes(&self) -> &TextColumn {
        &self.attributes
    }

    /// Returns the distinct service names; a service code is an index into it.
    #[must_use]
    pub fn service_names(&self) -> &[String] {
        self.services.texts()
    }

    /// Returns the service codes, in order.
    #[must_use]
    pub fn service_codes(&self) -> &[u32] {
        &self.service_codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(service: &'a str, message: &'a str) -> RecordRef<'a> {
        RecordRef {
            timestamp: Timestamp::MIN,
            received_at: Timestamp::MAX,
            severity: Severity::DEFAULT,
            service,
            message,
            trace_id: "",
            span_id: "",
            host: "web-1",
            attributes: "{\"a\":1}",
        }
    }

    #[test]
    fn what_is_pushed_comes_back_in_order() {
        let mut batch = RecordBatch::default();
        batch.push(&record("auth", "first"));
        batch.push(&record("pay", ""));
        batch.push(&record("auth", "dritte Ä"));

        let messages: Vec<_> = batch.iter().map(|r| (r.service, r.message)).collect();
        assert_eq!(messages, [("auth", "first"), ("pay", ""), ("auth", "dritte Ä")]);
        assert_eq!(batch.service_names(), ["auth", "pay"]);
        assert_eq!(batch.get(2), record("auth", "dritte Ä"));
    }

    #[test]
    fn a_batch_appended_to_another_keeps_its_services() {
        let (mut left, mut right) = (RecordBatch::default(), RecordBatch::default());
        left.push(&record("auth", "1"));
        right.push(&record("pay", "2"));
        right.push(&record("auth", "3"));

        left.extend_from(&right);

        let all: Vec<_> = left.iter().map(|r| (r.service, r.message)).collect();
        assert_eq!(all, [("auth", "1"), ("pay", "2"), ("auth", "3")]);
        assert_eq!(left.len(), 3);
    }
}
