//! The access logs of web servers: the common log format of NCSA, and the combined one.

use std::sync::LazyLock;

use chrono::DateTime;
use domain::{Severity, Timestamp};
use regex::Regex;

use super::Line;
use super::members::Members;

/// Reads `203.0.113.9 - kim [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326 "referer" "agent"`. The message is the
/// line; its parts are attributes under OpenTelemetry's names.
pub(super) fn parse(line: &str) -> Option<Line<'_>> {
    static SHAPE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r#"^(\S+) \S+ (.+?) \[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\] "#,
            r#""((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?"#,
        ))
        .expect("the shape is a regular expression")
    });
    if !line.contains("] \"") {
        return None;
    }
    let found = SHAPE.captures(line)?;
    let part = |index| found.get(index).map_or("", |part| part.as_str());
    let time = DateTime::parse_from_str(part(3), "%d/%b/%Y:%H:%M:%S %z").ok()?;
    let mut attributes = Members::default();
    let mut add = |name, value: &str| {
        if !matches!(value, "" | "-") {
            attributes.push_number_or_text(name, value);
        }
    };
    add("client.address", part(1));
    add("user.name", part(2));
    let mut request = part(4).split(' ');
    if let (Some(method), Some(target), protocol) = (request.next(), request.next(), request.next()) {
        add("http.request.method", method);
        add("url.original", target);
        add(
            "network.protocol.version",
            protocol.and_then(|text| text.split_once('/')).map_or("", |(_, version)| version),
        );
    }
    add("http.response.status_code", part(5));
    add("http.response.body.size", part(6));
    add("http.request.header.referer", part(7));
    add("user_agent.original", part(8));
    let severity = match part(5).as_bytes()[0] {
        b'5' => Severity::parse("ERROR"),
        b'4' => Severity::parse("WARN"),
        _ => Ok(Severity::DEFAULT),
    };
    Some(Line {
        timestamp: Timestamp::from_micros(time.timestamp_micros()).ok(),
        severity: severity.ok(),
        attributes,
        ..Line::of_message(line)
    })
}
