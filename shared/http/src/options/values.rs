//! How the values of options are written: times as `10s`, `5m` or `1h`, sizes as `8MiB` or `512B`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use domain::{ByteSize, MaxAge};

/// A time, in whole seconds; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(u64);

/// A size, in bytes; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(usize);

impl Seconds {
    /// Makes a time of so many seconds.
    #[must_use]
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Returns it.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time =
            MaxAge::parse(text).map_err(|_| "expected a number and s, m or h, such as 30s".to_owned())?;
        Ok(Self(time.as_seconds()))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

impl Bytes {
    /// Makes a size of so many bytes.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Returns it.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = ByteSize::parse(text).ok().and_then(|size| usize::try_from(size.as_bytes()).ok());
        size.map(Self).ok_or_else(|| "expected a number and B, KiB, MiB or GiB, such as 8MiB".to_owned())
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(usize, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let fitting = UNITS.into_iter().find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        let (unit, name) = fitting.unwrap_or((1, "B"));
        write!(f, "{}{name}", self.0 / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_written_as_they_are_read() {
        for text in ["1s", "90s", "3600s"] {
            assert_eq!(text.parse::<Seconds>().map(|time| time.to_string()).as_deref(), Ok(text));
        }
        for text in ["1B", "1000B", "16KiB", "8MiB", "3GiB"] {
            assert_eq!(text.parse::<Bytes>().map(|size| size.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("5m".parse::<Seconds>().map(Seconds::duration), Ok(Duration::from_secs(300)));
        assert_eq!("1MB".parse::<Bytes>().map(Bytes::get), Ok(1_000_000));
        assert_eq!("1000".parse::<Bytes>().map(Bytes::get), Ok(1000));
    }

    #[test]
    fn what_is_nothing_or_cannot_be_read_is_refused() {
        for text in ["", "0s", "10", "s", "-1s", "1.5s"] {
            assert!(text.parse::<Seconds>().is_err(), "{text:?}");
        }
        for text in ["", "0B", "MiB", "-1B", "1.5MiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text:?}");
        }
    }
}
