//! A time, a level, perhaps a service in brackets, and the rest.

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono::NaiveDateTime;
use domain::{ServiceName, Severity, Timestamp};
use regex::Regex;

use super::Line;

/// How many words behind the time are looked at for a level.
const WORDS_BEFORE_LEVEL: usize = 4;

/// Reads `2025-10-23 14:32:15 INFO [payment-service] Payment completed`, whose message is what follows the service; or
/// a time and a level with anything around it, which is a message as a whole.
pub(super) fn parse(line: &str) -> Option<Line<'_>> {
    let (time, rest) = split_time(line)?;
    let timestamp = read_time(time)?;
    Some(with_service(timestamp, rest).unwrap_or_else(|| Line {
        timestamp: Some(timestamp),
        severity: level_in(rest),
        ..Line::of_message(line)
    }))
}

fn with_service(timestamp: Timestamp, rest: &str) -> Option<Line<'_>> {
    let (level, rest) = rest.trim_start_matches(' ').split_once(' ')?;
    let severity = Severity::parse(level).ok()?;
    let (service, message) = rest.trim_start_matches(' ').strip_prefix('[')?.split_once(']')?;
    ServiceName::check(service).ok()?;
    Some(Line {
        timestamp: Some(timestamp),
        severity: Some(severity),
        service: Some(Cow::Borrowed(service)),
        names_service: true,
        ..Line::of_message(message.strip_prefix(' ').unwrap_or(message))
    })
}

/// Finds a level among the first words, whatever brackets and dashes are around it.
fn level_in(rest: &str) -> Option<Severity> {
    let words = rest.split([' ', '\t', '|']).filter(|word| !word.is_empty()).take(WORDS_BEFORE_LEVEL);
    let bare = words.map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()));
    bare.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()))
        .find_map(|word| Severity::parse(word).ok())
}

/// Splits a line behind its time: a date, `T` or a space, a time of day, and perhaps an offset as a word of its own.
fn split_time(line: &str) -> Option<(&str, &str)> {
    const DATE_BYTES: usize = "2025-10-23".len();

    if !matches!(line.as_bytes().get(4), Some(b'-' | b'/')) {
        return None;
    }
    let space_from = |from: usize| line.get(from..)?.find([' ', '\t']).map(|at| from + at);
    let mut end = space_from(DATE_BYTES + 1)?;
    if line[end + 1..].starts_with(['+', '-']) && line.as_bytes().get(end + 2).is_some_and(u8::is_ascii_digit)
    {
        end = space_from(end + 1)?;
    }
    Some((&line[..end], &line[end + 1..]))
}

/// Reads a time as programs write it in front of their lines: with `,` before the fraction, `/` in the date.
fn read_time(time: &str) -> Option<Timestamp> {
    if let Ok(timestamp) = Timestamp::parse(time) {
        return Some(timestamp);
    }
    let usual = time.trim_end_matches([',', ':']).replace(',', ".").replace('/', "-");
    Timestamp::parse(&usual).ok()
}

/// Reads `[Sun Dec 04 04:47:44.123 2005] [core:error] [pid 1] text`, as Apache's error log has it.
pub(super) fn parse_apache(line: &str) -> Option<Line<'_>> {
    static SHAPE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2} \d{1,2} \d{2}:\d{2}:\d{2}(?:\.\d{1,9})? \d{4})\] \[(?:[^\]:]*:)?([a-z]+)\d?\]")
            .expect("the shape is a regular expression")
    });
    let found = SHAPE.captures(line)?;
    let time = NaiveDateTime::parse_from_str(&found[1], "%b %d %H:%M:%S%.f %Y").ok()?;
    let timestamp = Timestamp::from_micros(time.and_utc().timestamp_micros()).ok()?;
    Some(Line {
        timestamp: Some(timestamp),
        severity: Severity::parse(&found[2]).ok(),
        ..Line::of_message(line)
    })
}
