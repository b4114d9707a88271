//! Times in a query string: absolute in any accepted spelling, or relative to now.

use domain::timestamp::TimestampError;
use domain::{Timestamp, relative_time};
use sentinel_http::Problem;

/// Reads the time that a parameter names.
pub(super) fn read_time(name: &str, text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    relative_time::parse(text, now).map_err(|error| {
        let lost_plus = text.contains(' ') && !text.trim().is_empty();
        let hint = if lost_plus { " (a + in a URL has to be written %2B)" } else { "" };
        Problem::invalid_parameter(name, format!("{error}{hint}"))
    })
}

/// Returns the time that lies so many seconds before `time`. Never one outside of what can be stored: a filter
/// with such an end would select everything without a word.
pub(super) fn seconds_before(time: Timestamp, seconds: i64) -> Result<Timestamp, TimestampError> {
    let micros = seconds.checked_mul(1_000_000).and_then(|micros| time.as_micros().checked_sub(micros));
    micros.ok_or(TimestampError::OutOfRange).and_then(Timestamp::from_micros)
}
