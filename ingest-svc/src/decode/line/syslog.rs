//! Lines as syslog writes them: RFC 5424, and the many forms of RFC 3164. What `syslog_loose` makes of them is used as
//! far as it is sure; the message is cut out of the line itself, so that no byte of it is lost.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, Utc};
use domain::{Severity, Timestamp};
use syslog_loose::{
    IncompleteDate, Message, ProcId, Protocol, SyslogSeverity, Variant, parse_message_with_year_exact_tz,
};

use super::Line;
use super::members::Members;

/// What a message of RFC 5424 in UTF-8 begins with, if it says so.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads a line of a file. Only one with a time is one of syslog's; its message is the whole line unless it is of RFC 5424.
pub(super) fn parse(line: &str, received_at: Timestamp) -> Option<Line<'_>> {
    let parsed = parse_message(line, received_at)?;
    parsed.timestamp?;
    Some(Line { message: Cow::Borrowed(line), ..parsed })
}

/// Reads a message as it comes over the network; the message is what follows the header.
pub(in crate::decode) fn parse_message(sent: &str, received_at: Timestamp) -> Option<Line<'_>> {
    let year = |date: IncompleteDate| year_of(date, received_at);
    let found = parse_message_with_year_exact_tz(sent, year, Some(Utc), Variant::Either).ok()?;
    let mut attributes = Members::default();
    if let Some(facility) = found.facility {
        attributes.push_text("syslog.facility", facility.as_str());
    }
    match &found.procid {
        Some(ProcId::PID(id)) => attributes.push_number_or_text("syslog.procid", &id.to_string()),
        Some(ProcId::Name(name)) => attributes.push_text("syslog.procid", name),
        None => {}
    }
    if let Some(id) = found.msgid {
        attributes.push_text("syslog.msgid", id);
    }
    if matches!(found.protocol, Protocol::RFC5424(_)) {
        for element in &found.structured_data {
            for (name, value) in element.params() {
                if attributes.is_full() {
                    break;
                }
                attributes.push_text(&format!("{}.{name}", element.id), &value);
            }
        }
    }
    let timestamp = found.timestamp.and_then(|time| Timestamp::from_micros(time.timestamp_micros()).ok());
    Some(Line {
        timestamp,
        severity: found.severity.map(severity_of),
        service: found.appname.map(Cow::Borrowed),
        host: Cow::Borrowed(found.hostname.unwrap_or_default()),
        message: Cow::Borrowed(message_in(sent, &found)),
        attributes,
        ..Line::default()
    })
}

/// Returns the message as it stands in `sent`: what was parsed has spaces trimmed and, in RFC 3164, what looks like
/// structured data taken away.
fn message_in<'a>(sent: &'a str, found: &Message<&'a str>) -> &'a str {
    let offset_of = |part: &str| part.as_ptr() as usize - sent.as_ptr() as usize;
    let mut start = offset_of(found.msg);
    if found.protocol == Protocol::RFC3164
        && let Some(element) = found.structured_data.first()
    {
        start = offset_of(element.id).saturating_sub("[".len());
    }
    let before = sent[..start].trim_end_matches(' ');
    let message = &sent[before.len()..];
    let message = message.strip_prefix(' ').unwrap_or(message);
    message.strip_prefix(BYTE_ORDER_MARK).unwrap_or(message)
}

/// RFC 3164 has no year: it is the one in which the time lies nearest before the arrival, or at most a day after it.
fn year_of((month, day, ..): IncompleteDate, received_at: Timestamp) -> i32 {
    let tomorrow = DateTime::<Utc>::from_timestamp_micros(received_at.as_micros()).unwrap_or_default()
        + chrono::Duration::days(1);
    let is_ahead = (month, day) > (tomorrow.month(), tomorrow.day());
    tomorrow.year() - i32::from(is_ahead)
}

/// Returns OpenTelemetry's severity of one of syslog's (appendix B of its data model).
fn severity_of(severity: SyslogSeverity) -> Severity {
    let number = match severity {
        SyslogSeverity::SEV_EMERG => 21,
        SyslogSeverity::SEV_ALERT => 19,
        SyslogSeverity::SEV_CRIT => 18,
        SyslogSeverity::SEV_ERR => 17,
        SyslogSeverity::SEV_WARNING => 13,
        SyslogSeverity::SEV_NOTICE => 10,
        SyslogSeverity::SEV_INFO => 9,
        SyslogSeverity::SEV_DEBUG => 5,
    };
    Severity::from_number(number).unwrap_or(Severity::DEFAULT)
}
