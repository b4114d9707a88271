//! What the questions of this group have in common: a span of time that is never open, and numbers within bounds.

use domain::{Filter, Timestamp};
use sentinel_http::Problem;

use crate::params::{Query, read_filter};

/// How long before its end a span starts when the client does not say (24 h).
pub(super) const SPAN_DEFAULT_SECONDS: i64 = 24 * 3600;

const MICROS_PER_SECOND: i64 = 1_000_000;

const MICROS_PER_MINUTE: f64 = 60e6;

/// Records of a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AskedSpan {
    /// The records; those of the span only.
    pub(super) filter: Filter,
    /// The first moment that is meant.
    pub(super) from: Timestamp,
    /// The first moment that is no longer meant.
    pub(super) to: Timestamp,
}

impl AskedSpan {
    /// Takes the filter out of a query. Without an end it ends now, without a start it starts `default_seconds`
    /// before its end.
    ///
    /// # Errors
    /// A 400 that names the parameter.
    pub(super) fn read(query: &mut Query, now: Timestamp, default_seconds: i64) -> Result<Self, Problem> {
        let mut filter = read_filter(query, now, false)?;
        let to = filter.timestamp.to.unwrap_or(now.as_micros());
        let length = default_seconds.saturating_mul(MICROS_PER_SECOND);
        let from = filter.timestamp.from.unwrap_or(to.saturating_sub(length)).max(Timestamp::MIN.as_micros());
        if from > to {
            return Err(Problem::invalid_parameter("from", "the range ends before it starts"));
        }
        filter.timestamp.from = Some(from);
        filter.timestamp.to = Some(to);
        let [from, to] = [from, to].map(Timestamp::saturating_from_micros);
        Ok(Self { filter, from, to })
    }

    /// Returns how many of `total` there are in a minute; 0 where the span has no length.
    pub(super) fn per_minute(&self, total: u64) -> f64 {
        let micros = self.to.as_micros() - self.from.as_micros();
        if micros == 0 { 0.0 } else { total as f64 * MICROS_PER_MINUTE / micros as f64 }
    }
}

/// Takes a number from 1 to `max` out of a query.
///
/// # Errors
/// A 400 that names the parameter and the bound.
pub(super) fn read_number(
    query: &mut Query,
    name: &'static str,
    default: usize,
    max: usize,
) -> Result<usize, Problem> {
    let Some(text) = query.take_one(name)? else { return Ok(default) };
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_plain && (1..=max).contains(number));
    let reason = || format!("expected an integer from 1 to {max}");
    number.ok_or_else(|| Problem::invalid_parameter(name, reason()))
}

#[cfg(test)]
mod tests {
    use testkit::build::NOON_MICROS;

    use super::*;

    fn span(query: &str) -> Result<AskedSpan, Problem> {
        let mut query = Query::parse(query)?;
        let span = AskedSpan::read(&mut query, Timestamp::saturating_from_micros(NOON_MICROS), 3600)?;
        query.finish()?;
        Ok(span)
    }

    #[test]
    fn a_span_is_never_open() {
        let cases = [
            ("", -3600, 0),
            ("time_range=5m", -300, 0),
            ("days=1", -86_400, 0),
            ("from=now-7s", -7, 0),
            ("to=now-60s", -3660, -60),
            ("from=2025-04-01T11:00:00Z&to=now%2B1s", -3600, 1),
            ("from=now&to=now", 0, 0),
            ("to=1970-01-01T00:00:01Z", -NOON_MICROS / 1_000_000, 1 - NOON_MICROS / 1_000_000),
        ];
        for (query, from, to) in cases {
            let span = span(query).unwrap();
            let [from, to] = [from, to].map(|second| NOON_MICROS + second * 1_000_000);
            assert_eq!([span.from, span.to].map(Timestamp::as_micros), [from, to], "{query}");
            let range = span.filter.timestamp;
            assert_eq!((range.from, range.to), (Some(from), Some(to)), "{query}");
        }
        assert!(span("from=now%2B1h").is_err() && span("limit=1").is_err());
    }

    #[test]
    fn a_rate_is_that_of_the_whole_span() {
        assert_eq!(
            [1.5, 0.0],
            [span("time_range=2m").unwrap().per_minute(3), span("").unwrap().per_minute(0)]
        );
        assert_eq!(span("from=now&to=now").unwrap().per_minute(3).to_bits(), 0);
    }

    #[test]
    fn a_number_outside_of_its_bounds_is_an_error_that_states_them() {
        let read = |text: &str| read_number(&mut Query::parse(text).unwrap(), "top", 10, 100);
        assert_eq!([read("").unwrap(), read("top=1").unwrap(), read("top=100").unwrap()], [10, 1, 100]);
        for wrong in ["0", "101", "-1", "%2B5", "1.0", "", "x", "99999999999999999999"] {
            let problem = read(&format!("top={wrong}")).expect_err(wrong);
            assert_eq!(problem.detail(), "parameter top: expected an integer from 1 to 100", "{wrong}");
        }
    }
}
