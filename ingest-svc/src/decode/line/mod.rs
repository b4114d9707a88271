//! Lines of text: what a person or a program wrote into a file, taken apart as far as its shape is well known.
//!
//! * `timed` a time, a level, perhaps a service, and the rest; Apache's error log
//! * `syslog` the shapes of RFC 5424 and RFC 3164, `access` the common and the combined access log
//! * `pairs` logfmt, `object` JSON in a line
//! * `members` the attributes that are found on the way
//!
//! Nothing is guessed beyond the shape, and nothing is lost: the message is the line as it was sent, or where the shape
//! has a message of its own, that, and the whole line is the attribute `log.record.original`, as OpenTelemetry names it
//! (unless it is too long for one: then the message is the line after all). Colour codes are stripped. A line of no known shape, or with parts beyond the limits, is a message as it stands.

mod access;
mod members;
mod object;
mod pairs;
pub(super) mod syslog;
mod timed;

use std::borrow::Cow;

use domain::limits::{IDENTIFIER_MAX_BYTES, RecordLimits};
use domain::{ServiceName, Severity, Timestamp};

pub(super) use members::Members;
pub(super) use object::read_members;

use super::builder::BatchBuilder;
use super::error::{DecodeError, Fault};
use super::fields;

/// The attribute with the whole line, where the message is something else.
const ORIGINAL: &str = "log.record.original";

/// What begins a colour code.
const ESCAPE: u8 = 0x1b;

/// What a line says.
#[derive(Debug, Default)]
pub(super) struct Line<'a> {
    pub(super) timestamp: Option<Timestamp>,
    pub(super) severity: Option<Severity>,
    pub(super) service: Option<Cow<'a, str>>,
    /// Whether the service is the program's by the line's format, and not just what its sender is called there.
    pub(super) names_service: bool,
    pub(super) host: Cow<'a, str>,
    pub(super) trace_id: Cow<'a, str>,
    pub(super) span_id: Cow<'a, str>,
    pub(super) message: Cow<'a, str>,
    pub(super) attributes: Members,
}

impl<'a> Line<'a> {
    /// Makes a line that is a message and nothing else.
    pub(super) fn of_message(message: impl Into<Cow<'a, str>>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    pub(super) fn is_within(&self, limits: &RecordLimits) -> bool {
        let identifiers = [&self.host, &self.trace_id, &self.span_id];
        identifiers.iter().all(|text| text.len() <= IDENTIFIER_MAX_BYTES)
            && self.service.as_ref().is_none_or(|service| ServiceName::check(service).is_ok())
            && self.attributes.are_within(limits)
    }
}

/// Decodes a body of content type `text/plain`. Blank lines are skipped.
pub(super) fn decode_lines(body: &str, builder: &mut BatchBuilder<'_, '_>) -> Result<(), DecodeError> {
    for line in body.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            continue;
        }
        builder.start_record()?;
        match check_length(line, builder.limits()) {
            Ok(()) => builder.end_with_line(&parse(line, builder.received_at(), builder.limits())),
            Err(fault) => builder.end_with_fault(fault),
        }
    }
    Ok(())
}

/// Refuses a line of which nothing could be stored, before anything is made of it: longer than a message may be, and than
/// the attribute that keeps a line whose message is only a part.
pub(super) fn check_length(line: &str, limits: &RecordLimits) -> Result<(), Fault> {
    if line.len() <= limits.attribute_value_bytes {
        return Ok(());
    }
    fields::bounded_message(line, limits.message_bytes).map(|_| ())
}

/// Takes a line apart, which came in at `received_at`: years that it leaves out follow from that.
pub(super) fn parse<'a>(sent: &'a str, received_at: Timestamp, limits: &RecordLimits) -> Line<'a> {
    let plain = if memchr::memchr(ESCAPE, sent.as_bytes()).is_some() {
        Cow::Owned(without_colours(sent))
    } else {
        Cow::Borrowed(sent)
    };
    let mut line = match &plain {
        Cow::Borrowed(text) => shaped(text, received_at),
        Cow::Owned(text) => shaped(text, received_at).map(Line::into_owned),
    }
    .unwrap_or_else(|| Line::of_message(plain));
    if line.message != sent && !line.attributes.push_text_within(ORIGINAL, sent, limits) {
        line.message = Cow::Borrowed(sent);
    }
    if line.is_within(limits) { line } else { Line::of_message(sent) }
}

/// Takes escape sequences away. What strips them takes all control characters; tabs stay, for they are between words.
fn without_colours(sent: &str) -> String {
    sent.split('\t').map(strip_ansi_escapes::strip_str).collect::<Vec<_>>().join("\t")
}

/// Tries the shapes that a line may have by its first character.
fn shaped(line: &str, received_at: Timestamp) -> Option<Line<'_>> {
    let first = *line.as_bytes().first()?;
    let by_beginning = match first {
        b'{' => object::parse(line),
        b'<' => syslog::parse(line, received_at),
        b'[' => timed::parse_apache(line),
        b'0'..=b'9' => timed::parse(line).or_else(|| access::parse(line)),
        b'A'..=b'Z' => syslog::parse(line, received_at),
        _ => None,
    };
    let found = by_beginning.or_else(|| access::parse(line)).or_else(|| pairs::parse(line));
    match found {
        None => object::find_in(line),
        Some(mut found) => {
            if found.attributes.is_empty()
                && let Some(object) = object::find_in(line)
            {
                found.attributes = object.attributes;
            }
            Some(found)
        }
    }
}

impl Line<'_> {
    fn into_owned<'b>(self) -> Line<'b> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Line {
            timestamp: self.timestamp,
            severity: self.severity,
            service: self.service.map(owned),
            names_service: self.names_service,
            host: owned(self.host),
            trace_id: owned(self.trace_id),
            span_id: owned(self.span_id),
            message: owned(self.message),
            attributes: self.attributes,
        }
    }
}

#[cfg(test)]
mod tests;
