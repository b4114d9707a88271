//! JSON in a line: a line that is one object, as programs write them for machines, and one with an object at its end.

use std::borrow::Cow;
use std::fmt;

use domain::{Severity, Timestamp};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Line;
use super::members::Members;

/// The names under which programs write what a record has a place for, the more usual first.
const TIMES: &[&str] = &["timestamp", "@timestamp", "time", "ts"];
const LEVELS: &[&str] = &["severity", "level", "lvl", "log.level", "loglevel", "levelname"];
const MESSAGES: &[&str] = &["message", "msg", "log"];
const SERVICES: &[&str] = &["service", "service.name"];
const HOSTS: &[&str] = &["host", "host.name", "hostname"];
const TRACES: &[&str] = &["trace_id", "trace.id", "traceId"];
const SPANS: &[&str] = &["span_id", "span.id", "spanId"];

/// An object whose members are attributes, as our own records have it.
const ATTRIBUTES: &str = "attributes";

/// Fields by the names that programs give them: each goes to its place if it is the first one and can be read, and to
/// the attributes otherwise.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    line: Line<'a>,
    has_message: bool,
}

/// Reads a line that is one JSON object.
pub(super) fn parse(line: &str) -> Option<Line<'_>> {
    Some(read(line.trim_end())?.into_line(line))
}

/// Finds an object at the end of a line, whose members become attributes; the message is the line.
pub(super) fn find_in(line: &str) -> Option<Line<'_>> {
    let trimmed = line.trim_end();
    if !trimmed.ends_with('}') {
        return None;
    }
    let start = trimmed.find('{').filter(|start| *start > 0)?;
    let members = read_members(&trimmed[start..])?;
    let mut attributes = Members::default();
    for (name, value) in members {
        attributes.push_raw(&name, value);
    }
    Some(Line { attributes, ..Line::of_message(line) })
}

/// Returns the members of a text that is one JSON object, as they were sent.
pub(in crate::decode) fn read_members(text: &str) -> Option<Vec<(String, &RawValue)>> {
    let mut json = serde_json::Deserializer::from_str(text);
    let Visited(members) = json.deserialize_map(Visited::default()).ok()?;
    json.end().ok()?;
    Some(members)
}

fn read(text: &str) -> Option<Fields<'_>> {
    let members = read_members(text)?;
    let mut fields = Fields::default();
    for (name, value) in members {
        match serde_json::from_str::<Cow<'_, str>>(value.get()) {
            Ok(_) => fields.take_text(&name, text_of(value)),
            Err(_) => fields.take_value(&name, value),
        }
    }
    Some(fields)
}

fn text_of(value: &RawValue) -> Cow<'_, str> {
    let raw = value.get();
    let inner = &raw[1..raw.len() - 1];
    if inner.contains('\\') {
        return serde_json::from_str::<String>(raw).map_or(Cow::Borrowed(inner), Cow::Owned);
    }
    Cow::Borrowed(inner)
}

impl<'a> Fields<'a> {
    /// Takes a field whose value has no type: one that reads as a number is a number.
    pub(super) fn take_word(&mut self, name: &str, word: Cow<'a, str>) {
        if let Some(word) = self.take(name, word) {
            self.line.attributes.push_number_or_text(name, &word);
        }
    }

    /// Takes a field whose value is a text.
    fn take_text(&mut self, name: &str, text: Cow<'a, str>) {
        if let Some(text) = self.take(name, text) {
            self.line.attributes.push_text(name, &text);
        }
    }

    /// Puts a field at its place; returns it if it has none.
    fn take(&mut self, name: &str, text: Cow<'a, str>) -> Option<Cow<'a, str>> {
        let line = &mut self.line;
        let is = |names: &[&str]| names.contains(&name);
        if is(MESSAGES) && !self.has_message {
            (line.message, self.has_message) = (text, true);
        } else if is(TIMES)
            && line.timestamp.is_none()
            && let Ok(time) = Timestamp::parse(&text)
        {
            line.timestamp = Some(time);
        } else if is(LEVELS)
            && line.severity.is_none()
            && let Ok(severity) = Severity::parse(&text)
        {
            line.severity = Some(severity);
        } else if is(SERVICES) && line.service.is_none() {
            line.service = Some(text);
        } else if is(HOSTS) && line.host.is_empty() {
            line.host = text;
        } else if is(TRACES) && line.trace_id.is_empty() {
            line.trace_id = text;
        } else if is(SPANS) && line.span_id.is_empty() {
            line.span_id = text;
        } else {
            return Some(text);
        }
        None
    }

    /// Takes a field with any other value.
    fn take_value(&mut self, name: &str, value: &RawValue) {
        let line = &mut self.line;
        if TIMES.contains(&name)
            && line.timestamp.is_none()
            && let Ok(time) = Timestamp::parse_epoch(value.get())
        {
            line.timestamp = Some(time);
        } else if LEVELS.contains(&name)
            && line.severity.is_none()
            && let Some(severity) = severity_number(value.get())
        {
            line.severity = Some(severity);
        } else if name == ATTRIBUTES
            && let Some(members) = read_members(value.get())
        {
            members.into_iter().for_each(|(name, value)| line.attributes.push_raw(&name, value));
        } else {
            line.attributes.push_raw(name, value);
        }
    }

    /// Returns what the line says: its own message, or the whole line.
    pub(super) fn into_line(mut self, line: &'a str) -> Line<'a> {
        if !self.has_message {
            self.line.message = Cow::Borrowed(line);
        }
        self.line
    }
}

/// Reads a level as a number: OpenTelemetry's 1 to 24, or that of bunyan and pino, 10 to 60 in tens.
fn severity_number(text: &str) -> Option<Severity> {
    let name = match text {
        "10" => "TRACE",
        "20" => "DEBUG",
        "30" => "INFO",
        "40" => "WARN",
        "50" => "ERROR",
        "60" => "FATAL",
        number => number,
    };
    Severity::parse(name).ok()
}

/// The members of an object, as they were sent.
#[derive(Default)]
struct Visited<'de>(Vec<(String, &'de RawValue)>);

impl<'de> Visitor<'de> for Visited<'de> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<Self, M::Error> {
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            self.0.push((name, value));
        }
        Ok(self)
    }
}
