//! Points in time: how the many spellings that clients send are read, and the one that is written.
//!
//! In: RFC 3339 with `T` or a space, seconds optional, no zone = UTC, a numeric offset is converted;
//! a bare date is its midnight; or a number since the Unix epoch in s, ms, us or ns, told apart by size.
//! Out: RFC 3339, UTC with `Z`, six decimals when there are microseconds.
//! Never guessed: what does not read as one of these is an error.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use serde::{Serialize, Serializer};
use thiserror::Error;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Epoch numbers below this are seconds (it is the year 5138), from here on milliseconds …
const EPOCH_SECONDS_BELOW: u64 = 100_000_000_000;
/// … below this milliseconds, from here on microseconds …
const EPOCH_MILLIS_BELOW: u64 = 1000 * EPOCH_SECONDS_BELOW;
/// … below this microseconds, from here on nanoseconds.
const EPOCH_MICROS_BELOW: u64 = 1000 * EPOCH_MILLIS_BELOW;

/// A point in time: microseconds since the Unix epoch, from 1970-01-01 up to and including 2261-12-31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Why a text or a number is no timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TimestampError {
    /// Neither RFC 3339 nor an epoch number.
    #[error("not a time: expected RFC 3339, such as 2025-04-01T12:00:00Z, or a number since the Unix epoch")]
    Unreadable,
    /// A time, but not one that can be stored.
    #[error("time is out of range: 1970-01-01 to 2261-12-31 can be stored")]
    OutOfRange,
}

impl Timestamp {
    /// The earliest time: 1970-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// The latest time: 2261-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(9_214_646_399_999_999);

    /// Makes a time from microseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`TimestampError::OutOfRange`] before [`Self::MIN`] or after [`Self::MAX`].
    pub fn from_micros(micros: i64) -> Result<Self, TimestampError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(TimestampError::OutOfRange)
        }
    }

    /// Makes a time from microseconds since the Unix epoch, moved to the nearest end of the range if it
    /// is outside of it. For times that are computed, not for times that a client sent.
    #[must_use]
    pub fn saturating_from_micros(micros: i64) -> Self {
        Self(micros.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Returns microseconds since the Unix epoch.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads any of the accepted spellings.
    ///
    /// # Errors
    /// [`TimestampError`] when it is not one of them, or outside the range.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        if let Some(time) = parse_plain_utc(text.as_bytes()) {
            return Self::from_micros(time);
        }
        let text = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Self::from_micros(time.timestamp_micros());
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(['-', ':']) {
            return Self::parse_epoch(text);
        }
        parse_lenient(text).ok_or(TimestampError::Unreadable).and_then(Self::from_micros)
    }

    /// Reads a number since the Unix epoch, as JSON spells it, for example `1743508800`, `1743508800123`
    /// or `1743508800.25`. The unit follows from the size: s below 1e11, ms below 1e14, us below 1e17,
    /// else ns. Digits below a microsecond are dropped.
    ///
    /// # Errors
    /// [`TimestampError`] when it is negative, not a plain decimal number, or outside the range.
    pub fn parse_epoch(text: &str) -> Result<Self, TimestampError> {
        if text.starts_with('-') {
            return Err(TimestampError::OutOfRange);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_number =
            !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
        if !is_number {
            return Err(TimestampError::Unreadable);
        }
        let whole: u64 = whole.parse().map_err(|_| TimestampError::OutOfRange)?;
        let (micros_per_unit, fraction_digits) = match whole {
            n if n < EPOCH_SECONDS_BELOW => (1_000_000, 6),
            n if n < EPOCH_MILLIS_BELOW => (1000, 3),
            n if n < EPOCH_MICROS_BELOW => (1, 0),
            n => return i64::try_from(n / 1000).map_or(Err(TimestampError::OutOfRange), Self::from_micros),
        };
        let fraction: String = fraction.chars().chain("000000".chars()).take(fraction_digits).collect();
        let fraction: u64 = fraction.parse().unwrap_or(0);
        let micros = whole.checked_mul(micros_per_unit).and_then(|m| m.checked_add(fraction));
        let micros = micros.and_then(|m| i64::try_from(m).ok()).ok_or(TimestampError::OutOfRange)?;
        Self::from_micros(micros)
    }
}

/// Reads the spelling that nearly every client sends, `2025-04-01T12:00:00[.fraction]Z`, without the cost
/// of the general parser. `None` means: ask the general one.
fn parse_plain_utc(text: &[u8]) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| {
        text[range]
            .iter()
            .try_fold(0_i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
    };
    let is_plain = text.len() >= 20
        && text.last() == Some(&b'Z')
        && (text[4], text[7], text[10], text[13], text[16]) == (b'-', b'-', b'T', b':', b':');
    if !is_plain {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let in_range = year >= 1970 && (1..=12).contains(&month) && (1..=28).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction_end = text.len() - 1;
    let fraction_micros = match fraction_end {
        19 => 0,
        21..=29 if text[19] == b'.' => {
            let digits = number(20..fraction_end)?;
            scale_to_micros(digits, fraction_end - 20)
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds * MICROS_PER_SECOND + fraction_micros)
}

/// Turns a fraction of a second with `width` digits into microseconds.
fn scale_to_micros(digits: i64, width: usize) -> i64 {
    const POWERS_OF_TEN: [i64; 7] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];
    if width <= 6 { digits * POWERS_OF_TEN[6 - width] } else { digits / POWERS_OF_TEN[width - 6] }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar, for years from 1970 on.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Reads the spellings that ISO 8601 and people use beside strict RFC 3339; microseconds since the epoch.
fn parse_lenient(text: &str) -> Option<i64> {
    const WITH_OFFSET: [&str; 3] =
        ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z", "%Y-%m-%d %H:%M:%S%.f %#z"];
    const WITHOUT_OFFSET: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];

    let spaced = text.replacen(['T', 't'], " ", 1);
    let plain = spaced.strip_suffix(['Z', 'z']).unwrap_or(&spaced);
    if let Some(time) = WITHOUT_OFFSET.iter().find_map(|f| NaiveDateTime::parse_from_str(plain, f).ok()) {
        return Some(time.and_utc().timestamp_micros());
    }
    if let Some(time) = WITH_OFFSET.iter().find_map(|f| DateTime::parse_from_str(&spaced, f).ok()) {
        return Some(time.timestamp_micros());
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals =
            if self.0 % MICROS_PER_SECOND == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
        let time = DateTime::from_timestamp_micros(self.0).expect("the type's range lies inside chrono's");
        f.write_str(&time.to_rfc3339_opts(decimals, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        Timestamp::parse(text).map_or_else(|e| e.to_string(), |t| t.to_string())
    }

    #[test]
    fn every_accepted_spelling_of_one_moment_reads_the_same() {
        let spellings = [
            "2025-04-01T12:00:00Z",
            "2025-04-01t12:00:00z",
            "2025-04-01 12:00:00",
            "2025-04-01T12:00:00",
            "2025-04-01T12:00",
            "2025-04-01 12:00Z",
            "2025-04-01T12:00:00.000Z",
            "2025-04-01T14:00:00+02:00",
            "2025-04-01T14:00:00+0200",
            "2025-04-01 14:00:00 +02:00",
            "2025-04-01T09:00:00-03:00",
            "1743508800",
            "1743508800000",
            "1743508800000000",
            "1743508800000000000",
            "1743508800.0",
        ];
        for spelling in spellings {
            assert_eq!(written(spelling), "2025-04-01T12:00:00Z", "{spelling}");
        }
    }

    #[test]
    fn fractions_are_kept_to_the_microsecond() {
        assert_eq!(written("2025-04-01T12:00:00.5Z"), "2025-04-01T12:00:00.500000Z");
        assert_eq!(written("2025-04-01T12:00:00.123456789Z"), "2025-04-01T12:00:00.123456Z");
        assert_eq!(written("2025-04-01 12:00:00.25"), "2025-04-01T12:00:00.250000Z");
        assert_eq!(written("1743508800.25"), "2025-04-01T12:00:00.250000Z");
        assert_eq!(written("1743508800123456789"), "2025-04-01T12:00:00.123456Z");
    }

    #[test]
    fn both_ends_of_the_range_are_accepted_and_what_lies_beyond_is_not() {
        assert_eq!(written("1970-01-01T00:00:00Z"), "1970-01-01T00:00:00Z");
        assert_eq!(written("2261-12-31T23:59:59.999999Z"), "2261-12-31T23:59:59.999999Z");
        for beyond in ["1969-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "-1"] {
            assert!(Timestamp::parse(beyond).is_err(), "{beyond}");
        }
        assert_eq!(Timestamp::parse_epoch("18446744073709551616"), Err(TimestampError::OutOfRange));
    }

    #[test]
    fn what_is_no_time_is_an_error_and_never_a_guess() {
        for text in [
            "",
            "yesterday",
            "2025-02-30T00:00:00Z",
            "2025-04-01T25:00:00Z",
            "12:00",
            "1e9",
            "2025-04-01T12:00:00 02:00",
            "1 743",
        ] {
            assert_eq!(Timestamp::parse(text), Err(TimestampError::Unreadable), "{text}");
        }
    }

    #[test]
    fn the_fast_path_agrees_with_the_general_parser_on_every_day() {
        for day in 0..106_000_i64 {
            let expected = day * 86_400 * MICROS_PER_SECOND + 43_200_000_001;
            let text = Timestamp::saturating_from_micros(expected).to_string();
            assert_eq!(Timestamp::parse(&text).map(Timestamp::as_micros), Ok(expected), "{text}");
        }
    }
}
