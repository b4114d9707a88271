//! Times as questions name them: absolute in any accepted spelling, or counted from now (`now-1h`).

use thiserror::Error;

use crate::Timestamp;
use crate::timestamp::TimestampError;

/// How a time begins that counts from now.
const NOW: &str = "now";

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidTime {
    /// It begins with `now`, and goes on as no distance does.
    #[error("expected now, or a distance such as now-15m (s, m, h, d or w)")]
    Distance,
    /// It is no absolute time, or one that cannot be stored.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
}

/// Reads `now`, `now-90s`, `now-1h` (s m h d w), or an absolute time.
///
/// # Errors
/// [`InvalidTime`]. Also for a time outside of what can be stored: a filter with such an end would select everything,
/// or nothing, without a word.
pub fn parse(text: &str, now: Timestamp) -> Result<Timestamp, InvalidTime> {
    let Some(distance) = text.strip_prefix(NOW) else {
        return Ok(Timestamp::parse(text)?);
    };
    let seconds = read_signed(distance).ok_or(InvalidTime::Distance)?;
    let micros = seconds.checked_mul(1_000_000).and_then(|micros| now.as_micros().checked_add(micros));
    Ok(Timestamp::from_micros(micros.ok_or(TimestampError::OutOfRange)?)?)
}

/// Reads a number and a unit (s m h d w), such as `5m`; returns seconds.
#[must_use]
pub fn read_distance(text: &str) -> Option<i64> {
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

/// Reads what follows `now`: nothing, or a sign, a number and a unit.
fn read_signed(distance: &str) -> Option<i64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_now_in_every_unit() {
        let now = Timestamp::parse("2025-04-01T12:00:00Z").unwrap();
        for (text, expected) in [
            ("now", "2025-04-01T12:00:00Z"),
            ("now-90s", "2025-04-01T11:58:30Z"),
            ("now+5m", "2025-04-01T12:05:00Z"),
            ("now-1h", "2025-04-01T11:00:00Z"),
            ("now-1d", "2025-03-31T12:00:00Z"),
            ("now-2w", "2025-03-18T12:00:00Z"),
            ("2025-04-01 14:00+02:00", "2025-04-01T12:00:00Z"),
        ] {
            assert_eq!(parse(text, now).map(|time| time.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_distance_and_what_lies_beyond_every_time_is_an_error() {
        let now = Timestamp::parse("2025-04-01T12:00:00Z").unwrap();
        for text in [
            "now-", "now-1", "now-h", "now1h", "now--1h", "now-1y", "now -1h", "now-1.5h", "nowadays",
            "now-5µ",
        ] {
            assert_eq!(parse(text, now), Err(InvalidTime::Distance), "{text}");
        }
        let out_of_range = Err(InvalidTime::Timestamp(TimestampError::OutOfRange));
        assert_eq!(parse("now-100000w", now), out_of_range);
        assert_eq!(parse("now+4000000000w", now), out_of_range);
        assert_eq!(parse("yesterday", now), Err(InvalidTime::Timestamp(TimestampError::Unreadable)));
    }
}
