//! What one caller may use of a service.

use std::fmt;
use std::str::FromStr;

use clap::Args;

use super::values::Bytes;
use crate::quotas::KeyRates;
use crate::quotas::rate::Rate;

/// The options of quotas. Without them one sender may use the whole machine.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Quotas of a key")]
pub struct QuotaOptions {
    /// Most requests of a key per second, and twice that at once; 0: as many as come. A further one is answered 429
    #[arg(long, env = "SENTINEL_KEY_REQUESTS_PER_SECOND", value_name = "REQUESTS", default_value_t = 0)]
    pub key_requests_per_second: u64,
    /// Most records that a key may send per second, and twice that at once; 0: as many as come
    #[arg(long, env = "SENTINEL_KEY_RECORDS_PER_SECOND", value_name = "RECORDS", default_value_t = 0)]
    pub key_records_per_second: u64,
    /// Most bytes of logs, as they arrive, that a key may send per second, and twice that at once; 0: as many as come
    #[arg(
        long,
        env = "SENTINEL_KEY_BYTES_PER_SECOND",
        value_name = "SIZE",
        default_value_t = SizeOrNone::default()
    )]
    pub key_bytes_per_second: SizeOrNone,
}

/// A size in bytes, or 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SizeOrNone(u64);

impl FromStr for SizeOrNone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "0" {
            return Ok(Self(0));
        }
        let size = text.parse::<Bytes>().map_err(|error| format!("{error}, or 0 for no limit"))?;
        Ok(Self(size.get() as u64))
    }
}

impl fmt::Display for SizeOrNone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match usize::try_from(self.0) {
            Ok(bytes @ 1..) => Bytes::new(bytes).fmt(f),
            _ => f.write_str("0"),
        }
    }
}

impl From<&QuotaOptions> for KeyRates {
    fn from(options: &QuotaOptions) -> Self {
        Self {
            requests: Rate::per_second(options.key_requests_per_second),
            records: Rate::per_second(options.key_records_per_second),
            bytes: Rate::per_second(options.key_bytes_per_second.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_may_be_none() {
        for text in ["0", "1B", "10MiB"] {
            assert_eq!(text.parse::<SizeOrNone>().map(|size| size.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "0MiB", "-1", "much"] {
            assert!(text.parse::<SizeOrNone>().is_err_and(|error| error.contains("or 0")), "{text}");
        }
    }

    #[test]
    fn unless_it_is_said_nothing_is_limited() {
        assert_eq!(KeyRates::from(&QuotaOptions::default()), KeyRates::UNLIMITED);
    }
}
