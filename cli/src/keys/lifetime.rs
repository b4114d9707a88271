//! How long a key lives, as people write it: `90d`, `12h`.

use std::str::FromStr;

use domain::Timestamp;
use thiserror::Error;

/// A key's life, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime(i64);

/// A text that is no lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a number of minutes, hours, days or weeks, such as 90d, 12h or 30m")]
pub(crate) struct InvalidLifetime;

impl Lifetime {
    /// Returns when a key that is made at `now` stops working.
    #[must_use]
    pub(crate) fn end(self, now: Timestamp) -> Timestamp {
        Timestamp::saturating_from_micros(now.as_micros().saturating_add(self.0))
    }
}

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, InvalidLifetime> {
        let (number, seconds) = [("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)]
            .into_iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
            .ok_or(InvalidLifetime)?;
        let number: u32 = number.parse().map_err(|_| InvalidLifetime)?;
        if number == 0 {
            return Err(InvalidLifetime);
        }
        Ok(Self(i64::from(number) * seconds * 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_have_a_number_and_a_unit() {
        assert_eq!("90d".parse(), Ok(Lifetime(90 * 86_400 * 1_000_000)));
        assert_eq!("30m".parse(), Ok(Lifetime(30 * 60 * 1_000_000)));
        for text in ["", "d", "0d", "-1d", "90", "1.5h", "90 d", "99999999999w"] {
            assert_eq!(text.parse::<Lifetime>(), Err(InvalidLifetime), "{text}");
        }
    }
}
