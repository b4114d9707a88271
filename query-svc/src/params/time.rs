//! Times in a query: absolute in any accepted spelling, or relative to now.

use domain::Timestamp;
use domain::timestamp::TimestampError;
use sentinel_http::Problem;

/// How a time begins that counts from now.
const NOW: &str = "now";

/// Reads `now`, `now-90s`, `now-1h` (s m h d w), or an absolute time.
pub(super) fn read_time(name: &str, text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    if let Some(distance) = text.strip_prefix(NOW) {
        let seconds = read_seconds(distance).ok_or_else(|| {
            let reason = "expected now, or a distance such as now-15m (s, m, h, d or w)";
            Problem::invalid_parameter(name, reason)
        })?;
        return shifted(now, seconds).map_err(|error| Problem::invalid_parameter(name, error));
    }
    Timestamp::parse(text).map_err(|error| {
        let lost_plus = text.contains(' ') && !text.trim().is_empty();
        let hint = if lost_plus { " (a + in a URL has to be written %2B)" } else { "" };
        Problem::invalid_parameter(name, format!("{error}{hint}"))
    })
}

/// Says whether a text is a time that counts from now.
pub(super) fn is_relative(text: &str) -> bool {
    text.starts_with(NOW)
}

/// Returns the time that lies so many seconds after `time`. Never one outside of what can be stored: a filter
/// with such an end would select everything, or nothing, without a word.
fn shifted(time: Timestamp, seconds: i64) -> Result<Timestamp, TimestampError> {
    let micros = seconds.checked_mul(1_000_000).and_then(|micros| time.as_micros().checked_add(micros));
    micros.ok_or(TimestampError::OutOfRange).and_then(Timestamp::from_micros)
}

/// Reads what follows `now`: nothing, or a sign, a number and a unit.
fn read_seconds(distance: &str) -> Option<i64> {
    if distance.is_empty() {
        return Some(0);
    }
    let (sign, rest) = match distance.split_at_checked(1)? {
        ("-", rest) => (-1, rest),
        ("+", rest) => (1, rest),
        _ => return None,
    };
    read_distance(rest)?.checked_mul(sign)
}

/// Reads a number and a unit (s m h d w), such as `5m`; returns seconds.
pub(super) fn read_distance(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds_per_unit: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = number.parse::<u32>().ok()?.into();
    number.checked_mul(seconds_per_unit)
}
