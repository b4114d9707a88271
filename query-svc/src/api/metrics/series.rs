//! The parameters of a time series: which time, cut into buckets of which length, in which groups.

use domain::limits::BUCKETS_MAX;
use domain::{Filter, Timestamp};
use sentinel_http::Problem;
use store::{Buckets, CountCell};

use super::asked::AskedSpan;
use crate::params::{Query, read_length};

/// How long a bucket is when the client does not say (5 minutes).
const INTERVAL_DEFAULT_SECONDS: i64 = 300;

/// How long before its end a series starts when the client does not say (1 h).
const RANGE_DEFAULT_SECONDS: i64 = 3600;

/// The longest bucket (one year).
const INTERVAL_MAX_SECONDS: i64 = 365 * 86_400;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// What a time series counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Series {
    /// The records that are counted: those of the series' time only.
    pub(super) filter: Filter,
    /// The buckets; the first one starts at a multiple of their length.
    pub(super) buckets: Buckets,
    /// The end of the time that is counted; the last bucket may reach beyond it.
    pub(super) to: Timestamp,
    /// What a bucket's counts are split by.
    pub(super) group_by: Option<GroupBy>,
}

/// What a bucket's counts are split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupBy {
    Service,
    /// In the spelling of `severity`.
    Severity,
    /// In the spelling of `level`.
    Level,
}

impl GroupBy {
    /// Returns the group that a cell belongs to.
    pub(super) fn group_of(self, cell: &CountCell) -> &str {
        match self {
            Self::Service => &cell.service,
            Self::Severity => cell.severity.severity_text(),
            Self::Level => cell.severity.level_text(),
        }
    }

    fn read(query: &mut Query) -> Result<Option<Self>, Problem> {
        match query.take_one("group_by")?.as_deref() {
            None => Ok(None),
            Some("service") => Ok(Some(Self::Service)),
            Some("severity") => Ok(Some(Self::Severity)),
            Some("level") => Ok(Some(Self::Level)),
            Some(_) => Err(Problem::invalid_parameter("group_by", "expected service, severity or level")),
        }
    }
}

/// Takes a time series out of a query.
///
/// # Errors
/// A 400 that names the parameter.
pub(super) fn read_series(query: &mut Query, now: Timestamp) -> Result<Series, Problem> {
    let interval = query.take_one("interval")?.map(|text| read_length("interval", &text)).transpose()?;
    let interval = interval.unwrap_or(INTERVAL_DEFAULT_SECONDS);
    if interval > INTERVAL_MAX_SECONDS {
        let reason = format!("is at most {INTERVAL_MAX_SECONDS} seconds (a year)");
        return Err(Problem::invalid_parameter("interval", reason));
    }
    let width_micros = interval * MICROS_PER_SECOND;
    let group_by = GroupBy::read(query)?;
    let AskedSpan { mut filter, from, to } = AskedSpan::read(query, now, RANGE_DEFAULT_SECONDS)?;
    let start_micros = from.as_micros() - from.as_micros().rem_euclid(width_micros);
    let count = div_ceil(to.as_micros() - start_micros, width_micros);
    let count = usize::try_from(count).ok().filter(|count| *count <= BUCKETS_MAX).ok_or_else(|| {
        let reason = format!("{count} buckets are more than the limit of {BUCKETS_MAX}: ask for longer ones");
        Problem::invalid_parameter("interval", reason)
    })?;
    filter.timestamp.from = Some(start_micros);
    Ok(Series { filter, buckets: Buckets { start_micros, width_micros, count }, to, group_by })
}

/// Divides numbers that are not negative, and rounds up.
fn div_ceil(number: i64, divisor: i64) -> i64 {
    number / divisor + i64::from(number % divisor > 0)
}
#[cfg(test)]
mod tests {
    use domain::TimeRange;

    use super::*;

    /// 2025-04-01T12:00:00Z.
    const NOON: i64 = 1_743_508_800_000_000;
    const MINUTE: i64 = 60 * MICROS_PER_SECOND;

    /// Reads a series at 90 s after noon.
    fn series(query: &str) -> Result<Series, Problem> {
        let mut query = Query::parse(query)?;
        let now = Timestamp::saturating_from_micros(NOON + 90 * MICROS_PER_SECOND);
        let series = read_series(&mut query, now)?;
        query.finish()?;
        Ok(series)
    }

    #[test]
    fn a_series_starts_at_a_multiple_of_its_interval_and_covers_the_time_asked_for() {
        let cases = [
            ("", -60 * MINUTE, 300, 13, 90),
            ("interval=1m&time_range=5m", -4 * MINUTE, 60, 6, 90),
            ("interval=30s&time_range=1m", MINUTE / 2, 30, 2, 90),
            ("interval=1m&from=2025-04-01T12:00:00Z", 0, 60, 2, 90),
            ("interval=1m&from=2025-04-01T11:59:59.9Z&to=2025-04-01T12:01:00Z", -MINUTE, 60, 2, 60),
            (
                "interval=1m&timestamp_start=2025-04-01T12:00:00Z&timestamp_end=2025-04-01T12:01:00Z",
                0,
                60,
                2,
                60,
            ),
            ("interval=30m&end_time=2025-04-01T12:00:00Z&time_range=1h", -60 * MINUTE, 1800, 3, 0),
            ("interval=12h&days=1", -24 * 60 * MINUTE, 12 * 3600, 3, 90),
            ("interval=1h&to=2025-04-01T12:00:00Z", -60 * MINUTE, 3600, 1, 0),
            ("interval=1m&from=2025-04-01T12:00:00Z&to=2025-04-01T12:00:00Z", 0, 60, 0, 0),
            ("interval=1s&from=2025-04-01T12:00:00Z&to=2025-04-01T14:46:40Z", 0, 1, 10_000, 10_000),
            ("interval=52w&from=0&to=now", -NOON, 52 * 604_800, 56, 90),
        ];
        for (query, start, seconds, count, to) in cases {
            let series = series(query).unwrap();
            let (start_micros, width_micros) = (NOON + start, seconds * MICROS_PER_SECOND);
            assert_eq!(series.buckets, Buckets { start_micros, width_micros, count }, "{query}");
            let to = if query.contains("_end") || query.contains("end_") {
                (NOON + to * 1_000_000) + 1
            } else {
                NOON + to * 1_000_000
            };
            assert_eq!(series.to.as_micros(), to, "{query}");
            let counted = TimeRange { from: Some(start_micros), to: Some(to) };
            assert_eq!(series.filter.timestamp, counted, "{query}");
        }
    }

    #[test]
    fn every_filter_narrows_a_series() {
        let series = series("service=auth&level=error&q=timeout&received_at_start=now-1d").unwrap();
        let filter = series.filter;
        assert!(
            filter.services.is_some()
                && filter.received_at.from.is_some()
                && !filter.condition.is_everything()
        );
    }

    #[test]
    fn groups_are_named_as_their_parameter_spells_them() {
        let severity = domain::Severity::parse("fatal").unwrap();
        let cell = CountCell { bucket: 0, service: "pay".to_owned(), severity, count: 1 };
        for (name, group) in [("service", "pay"), ("severity", "CRITICAL"), ("level", "FATAL")] {
            let group_by = series(&format!("group_by={name}")).unwrap().group_by.unwrap();
            assert_eq!(group_by.group_of(&cell), group);
        }
        assert_eq!(series("").unwrap().group_by, None);
    }

    #[test]
    fn a_series_that_cannot_be_read_is_an_error_that_names_the_parameter() {
        let cases = [
            ("interval=", "parameter interval"),
            ("interval=0s", "parameter interval"),
            ("interval=5", "parameter interval"),
            ("interval=-5m", "parameter interval"),
            ("interval=1.5h", "parameter interval"),
            ("interval=5M", "parameter interval"),
            ("interval=5m&interval=1m", "given more than once"),
            ("interval=53w", "at most 31536000 seconds"),
            ("interval=99999999999w", "parameter interval"),
            ("time_range=0h", "parameter time_range"),
            ("time_range=lots", "parameter time_range"),
            ("time_range=1h&from=now-2h", "two ways to say when it happened"),
            ("time_range=1h&to=now", "two ways to say when it happened"),
            ("interval=1s&time_range=10001s", "10001 buckets are more than the limit of 10000"),
            ("interval=1s&from=0", "more than the limit of 10000"),
            ("interval=1s&time_range=4294967295w", "out of range"),
            ("from=now%2B1h", "the range ends before it starts"),
            ("from=now&to=now-1h", "the range ends before it starts"),
            ("group_by=host", "parameter group_by: expected service, severity or level"),
            ("group_by=", "parameter group_by"),
            ("group_by=level&group_by=level", "given more than once"),
            ("limit=5", "unknown parameter \"limit\""),
        ];
        for (query, expected) in cases {
            let problem = series(query).expect_err(query);
            assert_eq!(problem.status().as_u16(), 400, "{query}");
            assert!(problem.detail().contains(expected), "{query}: {}", problem.detail());
        }
    }
}
