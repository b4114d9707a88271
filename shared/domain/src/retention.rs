//! How long logs are kept: rules by age of arrival and by size, and how ages and sizes are written.
//!
//! Age is counted from when a record *arrived*, by the server's clock, never from the timestamp that its sender
//! wrote: a sender whose clock is wrong loses nothing.

use std::fmt;

use thiserror::Error;

use crate::limits::{RETENTION_FILTER_MAX_BYTES, RETENTION_MAX_AGE_SECONDS, RETENTION_NAME_MAX_BYTES};
use crate::{Tenant, Timestamp};

/// The units of ages, from the largest on: the letter, and how many seconds it is.
const AGE_UNITS: [(&str, u64); 5] = [("w", 7 * 86_400), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

/// The units of sizes, in the order in which one is chosen to write a size: the name, and how many bytes it is.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("B", 1),
];

/// An age, in whole seconds; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaxAge(u64);

/// A size, in bytes; at least one, and no more than SQL's integers hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// What a rule keeps, of the records that its filter selects; at least one of both bounds is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Keep {
    max_age: Option<MaxAge>,
    max_bytes: Option<ByteSize>,
}

/// A rule to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRetentionRule {
    /// What its owner calls it.
    pub name: String,
    /// Whose logs it is about.
    pub tenant: Tenant,
    /// Which of them, as the text of a query string; empty: all.
    pub filter: String,
    /// How long, or how many, of them are kept.
    pub keep: Keep,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A rule as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// Unique; never given twice.
    pub id: i64,
    /// What it says.
    pub rule: NewRetentionRule,
}

/// Why something is no part of a retention rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RetentionError {
    /// Not an age.
    #[error("expected an age: a whole number and s, m, h, d or w, such as 30d")]
    Age,
    /// An age out of bounds.
    #[error("an age is at least 1 second and at most {RETENTION_MAX_AGE_SECONDS} seconds (100 years)")]
    AgeOutOfRange,
    /// Not a size.
    #[error("expected a size: a whole number and B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 50GiB")]
    Size,
    /// A size out of bounds.
    #[error("a size is at least 1 byte and at most {} bytes", i64::MAX)]
    SizeOutOfRange,
    /// A rule that would keep everything.
    #[error("a rule needs max_age, max_bytes, or both")]
    Unbounded,
    /// Not a name.
    #[error("a rule's name is 1 to {RETENTION_NAME_MAX_BYTES} bytes without control characters")]
    Name,
    /// A filter that is too long.
    #[error("a rule's filter has at most {RETENTION_FILTER_MAX_BYTES} bytes")]
    FilterTooLong,
}

// === impl MaxAge ===

impl MaxAge {
    /// Reads an age such as `30d` (s m h d w).
    ///
    /// # Errors
    /// [`RetentionError`].
    pub fn parse(text: &str) -> Result<Self, RetentionError> {
        let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or(RetentionError::Age)?;
        let (number, unit) = text.split_at(unit);
        let known = AGE_UNITS.iter().find(|(name, _)| *name == unit);
        let (_, unit_seconds) = known.filter(|_| !number.is_empty()).ok_or(RetentionError::Age)?;
        let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*unit_seconds));
        Self::from_seconds(seconds.ok_or(RetentionError::AgeOutOfRange)?)
    }

    /// Makes an age of so many seconds.
    ///
    /// # Errors
    /// [`RetentionError::AgeOutOfRange`].
    pub fn from_seconds(seconds: u64) -> Result<Self, RetentionError> {
        if (1..=RETENTION_MAX_AGE_SECONDS).contains(&seconds) {
            return Ok(Self(seconds));
        }
        Err(RetentionError::AgeOutOfRange)
    }

    /// Returns the age in seconds.
    #[must_use]
    pub fn as_seconds(self) -> u64 {
        self.0
    }

    /// Returns the time that lies so long after `now`; the latest there is if it lies beyond.
    #[must_use]
    pub fn after(self, now: Timestamp) -> Timestamp {
        Timestamp::saturating_from_micros(now.as_micros() + self.0.cast_signed() * 1_000_000)
    }

    /// Returns the time that lies so long before `now`, in microseconds since the Unix epoch.
    #[must_use]
    pub fn before(self, now: Timestamp) -> i64 {
        // At most 3.2e15 microseconds, by the limit of an age.
        now.as_micros() - self.0.cast_signed() * 1_000_000
    }
}

impl fmt::Display for MaxAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_in_units(f, self.0, &AGE_UNITS)
    }
}

// === impl ByteSize ===

impl ByteSize {
    /// Reads a size such as `50GiB`, in any case; a number alone is bytes.
    ///
    /// # Errors
    /// [`RetentionError`].
    pub fn parse(text: &str) -> Result<Self, RetentionError> {
        let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit);
        let unit = unit.trim_start_matches(' ');
        let known = SIZE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let unit_bytes = if unit.is_empty() { Some(1) } else { known.map(|(_, bytes)| *bytes) };
        let unit_bytes = unit_bytes.filter(|_| !number.is_empty()).ok_or(RetentionError::Size)?;
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_bytes));
        Self::from_bytes(bytes.ok_or(RetentionError::SizeOutOfRange)?)
    }

    /// Makes a size of so many bytes.
    ///
    /// # Errors
    /// [`RetentionError::SizeOutOfRange`].
    pub fn from_bytes(bytes: u64) -> Result<Self, RetentionError> {
        if (1..=i64::MAX.cast_unsigned()).contains(&bytes) {
            return Ok(Self(bytes));
        }
        Err(RetentionError::SizeOutOfRange)
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn as_bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_in_units(f, self.0, &SIZE_UNITS)
    }
}

/// Writes a number in the first unit that it is a multiple of.
fn write_in_units(f: &mut fmt::Formatter<'_>, number: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fitting = units.iter().find(|(_, size)| number.is_multiple_of(*size));
    let (name, size) = fitting.copied().unwrap_or(("", 1));
    write!(f, "{}{name}", number / size)
}

// === impl Keep ===

impl Keep {
    /// Makes the bounds of a rule.
    ///
    /// # Errors
    /// [`RetentionError::Unbounded`] unless there is one.
    pub fn new(max_age: Option<MaxAge>, max_bytes: Option<ByteSize>) -> Result<Self, RetentionError> {
        if max_age.is_none() && max_bytes.is_none() {
            return Err(RetentionError::Unbounded);
        }
        Ok(Self { max_age, max_bytes })
    }

    /// Returns how long ago the oldest record may have arrived.
    #[must_use]
    pub fn max_age(&self) -> Option<MaxAge> {
        self.max_age
    }

    /// Returns how much the records may take, all together.
    #[must_use]
    pub fn max_bytes(&self) -> Option<ByteSize> {
        self.max_bytes
    }
}

// === impl NewRetentionRule ===

impl NewRetentionRule {
    /// Checks a name.
    ///
    /// # Errors
    /// [`RetentionError::Name`].
    pub fn check_name(name: &str) -> Result<(), RetentionError> {
        if name.trim().is_empty() || name.len() > RETENTION_NAME_MAX_BYTES || name.contains(char::is_control)
        {
            return Err(RetentionError::Name);
        }
        Ok(())
    }

    /// Checks the length of a filter; what it says is for whoever reads query strings.
    ///
    /// # Errors
    /// [`RetentionError::FilterTooLong`].
    pub fn check_filter_length(filter: &str) -> Result<(), RetentionError> {
        if filter.len() > RETENTION_FILTER_MAX_BYTES { Err(RetentionError::FilterTooLong) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_and_written_in_the_largest_unit_that_fits() {
        for (text, seconds, written) in [
            ("30d", 30 * 86_400, "30d"),
            ("1s", 1, "1s"),
            ("90s", 90, "90s"),
            ("120m", 7200, "2h"),
            ("007d", 7 * 86_400, "1w"),
            ("36500d", 36_500 * 86_400, "36500d"),
        ] {
            let age = MaxAge::parse(text).unwrap();
            assert_eq!((age.as_seconds(), age.to_string().as_str()), (seconds, written), "{text}");
            assert_eq!(MaxAge::parse(written), Ok(age));
        }
    }

    #[test]
    fn what_is_no_age_is_an_error() {
        for text in ["", "d", "30", "-1d", "+1d", "1.5d", "30 d", "30D", "1y", "1d2h", "٣d", "30days"] {
            assert_eq!(MaxAge::parse(text), Err(RetentionError::Age), "{text}");
        }
        for text in ["0s", "0d", "36501d", "99999999999999999999w", "18446744073709551615w"] {
            assert_eq!(MaxAge::parse(text), Err(RetentionError::AgeOutOfRange), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_and_written_in_a_unit_that_loses_nothing() {
        for (text, bytes, written) in [
            ("50GiB", 50 << 30, "50GiB"),
            ("1024", 1024, "1KiB"),
            ("1b", 1, "1B"),
            ("1 mb", 1_000_000, "1MB"),
            ("1500KB", 1_500_000, "1500KB"),
            ("2tib", 2 << 40, "2TiB"),
            ("9223372036854775807", i64::MAX.cast_unsigned(), "9223372036854775807B"),
        ] {
            let size = ByteSize::parse(text).unwrap();
            assert_eq!((size.as_bytes(), size.to_string().as_str()), (bytes, written), "{text}");
            assert_eq!(ByteSize::parse(written), Ok(size));
        }
    }

    #[test]
    fn what_is_no_size_is_an_error() {
        for text in ["", "GiB", "-1", "-5GiB", "1.5GiB", "50 gibs", "1e9", "5PB", "GiB5", "0x10"] {
            assert_eq!(ByteSize::parse(text), Err(RetentionError::Size), "{text}");
        }
        for text in ["0", "0GiB", "9223372036854775808", "99999999999999999999", "18446744073709551615TiB"] {
            assert_eq!(ByteSize::parse(text), Err(RetentionError::SizeOutOfRange), "{text}");
        }
    }

    #[test]
    fn a_rule_has_a_bound_and_a_plain_name() {
        assert_eq!(Keep::new(None, None), Err(RetentionError::Unbounded));
        for name in ["", "  ", "a\nb", &"x".repeat(129)] {
            assert_eq!(NewRetentionRule::check_name(name), Err(RetentionError::Name), "{name:?}");
        }
        assert!(NewRetentionRule::check_name("30 Tage für Zahlungen").is_ok());
    }

    #[test]
    fn an_age_counts_back_from_now_even_beyond_the_first_time() {
        let now = Timestamp::saturating_from_micros(5_000_000);
        assert_eq!(MaxAge::parse("2s").unwrap().before(now), 3_000_000);
        assert!(MaxAge::parse("36500d").unwrap().before(now) < 0);
    }
}
