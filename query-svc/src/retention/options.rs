//! How often retention rules are applied.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use domain::{MaxAge, retention::RetentionError};

/// The option that chooses a [`RetentionInterval`].
#[derive(Debug, Clone, Copy, Args)]
pub struct RetentionOptions {
    /// How often retention rules are applied: a number and s, m, h or d; 0 switches it off
    #[arg(long, env = "SENTINEL_RETENTION_INTERVAL", value_name = "INTERVAL", default_value = "1m")]
    pub retention_interval: RetentionInterval,
}

/// How often retention rules are applied, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionInterval {
    /// Never, by this process.
    Off,
    /// Every so often.
    Every(MaxAge),
}

impl RetentionInterval {
    /// Returns the time between two rounds; `None`: there are none.
    #[must_use]
    pub fn period(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Every(length) => Some(Duration::from_secs(length.as_seconds())),
        }
    }
}

impl FromStr for RetentionInterval {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, RetentionError> {
        if text == "0" { Ok(Self::Off) } else { MaxAge::parse(text).map(Self::Every) }
    }
}

impl fmt::Display for RetentionInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("0"),
            Self::Every(length) => length.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_length_of_time_or_off() {
        assert_eq!("0".parse(), Ok(RetentionInterval::Off));
        let minute: RetentionInterval = "1m".parse().unwrap();
        assert_eq!((minute.period(), minute.to_string().as_str()), (Some(Duration::from_secs(60)), "1m"));
        for text in ["", "0s", "off", "60", "-1m", "1 m"] {
            assert!(text.parse::<RetentionInterval>().is_err(), "{text}");
        }
    }
}
