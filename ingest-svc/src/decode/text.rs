//! Text bodies: one record per line.
//!
//! A line `2025-10-23 14:32:15 INFO [payment-service] Payment completed` (any spelling of the time that has
//! a date, and any of the level) is taken apart. Any other line is a message as it stands; nothing of it is
//! guessed, so it needs a key that is bound to a service.

use domain::{ServiceName, Severity, Timestamp};

use super::builder::BatchBuilder;
use super::error::DecodeError;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) timestamp: Option<Timestamp>,
    pub(super) severity: Option<Severity>,
    pub(super) service: Option<&'a str>,
    pub(super) message: &'a str,
}

/// Decodes a body of content type `text/plain`. Blank lines are skipped.
pub(super) fn decode_lines(body: &str, builder: &mut BatchBuilder<'_, '_>) -> Result<(), DecodeError> {
    for line in body.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            continue;
        }
        builder.start_record()?;
        let parsed = parse_line(line);
        builder.end_with_line(&parsed.unwrap_or(Line {
            timestamp: None,
            severity: None,
            service: None,
            message: line,
        }));
    }
    Ok(())
}

fn parse_line(line: &str) -> Option<Line<'_>> {
    let (time, rest) = split_time(line)?;
    let timestamp = Timestamp::parse(time).ok()?;
    let (level, rest) = rest.trim_start_matches(' ').split_once(' ')?;
    let severity = Severity::parse(level).ok()?;
    let (service, message) = rest.trim_start_matches(' ').strip_prefix('[')?.split_once(']')?;
    ServiceName::check(service).ok()?;
    Some(Line {
        timestamp: Some(timestamp),
        severity: Some(severity),
        service: Some(service),
        message: message.strip_prefix(' ').unwrap_or(message),
    })
}

/// Splits a line behind its time: a date, `T` or a space, a time of day, and perhaps an offset as a word of
/// its own.
fn split_time(line: &str) -> Option<(&str, &str)> {
    const DATE_BYTES: usize = "2025-10-23".len();

    if line.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let space_from = |from: usize| line.get(from..)?.find(' ').map(|at| from + at);
    let mut end = space_from(DATE_BYTES + 1)?;
    if line[end + 1..].starts_with(['+', '-']) {
        end = space_from(end + 1)?;
    }
    Some((&line[..end], &line[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Option<(String, &str, &str, &str)> {
        let line = parse_line(line)?;
        Some((line.timestamp?.to_string(), line.severity?.level_text(), line.service?, line.message))
    }

    #[test]
    fn lines_with_time_level_and_service_are_taken_apart() {
        let noon = "2025-10-23T12:00:00Z";
        let expected = [
            ("2025-10-23 12:00:00 INFO [pay] done", (noon, "INFO", "pay", "done")),
            ("2025-10-23T12:00:00 warning [pay] done", (noon, "WARN", "pay", "done")),
            ("2025-10-23T12:00:00.000Z ERR [a b] x [y] z", (noon, "ERROR", "a b", "x [y] z")),
            ("2025-10-23 14:00:00 +02:00 17 [pay] done", (noon, "ERROR", "pay", "done")),
            ("2025-10-23T14:00:00+02:00  INFO   [pay]  two ", (noon, "INFO", "pay", " two ")),
            ("2025-10-23 12:00 FATAL [pay]", (noon, "FATAL", "pay", "")),
            ("2025-10-23 12:00:00 INFO [pay]done", (noon, "INFO", "pay", "done")),
        ];
        for (line, (time, level, service, message)) in expected {
            assert_eq!(parts(line), Some((time.to_owned(), level, service, message)), "{line}");
        }
    }

    #[test]
    fn any_other_line_is_left_whole() {
        for line in [
            "started",
            "2025-10-23 12:00:00 INFO started",
            "2025-10-23 12:00:00 LOUD [pay] x",
            "2025-13-23 12:00:00 INFO [pay] x",
            "2025-10-23 INFO [pay] x",
            "2025-10-23 12:00:00 INFO [] x",
            "2025-10-23 12:00:00 INFO [pay x",
            "2025-10-23 12:00:00",
            "2025-10-23",
            "1743508800 INFO [pay] x",
            "  2025-10-23 12:00:00 INFO [pay] x",
            "äää-äää-äää äää äää",
        ] {
            assert_eq!(parts(line), None, "{line}");
        }
    }
}
