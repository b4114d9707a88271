//! Every way to say when a log happened.

use super::*;

/// Returns the ends of the time that a query selects, in seconds after noon; a microsecond counts as a millionth.
fn ends(query: &str) -> (Option<f64>, Option<f64>) {
    let range = filter(query).unwrap().timestamp;
    let seconds = |micros: i64| (micros - NOON) as f64 / 1e6;
    (range.from.map(seconds), range.to.map(seconds))
}

#[test]
fn every_style_names_the_same_times() {
    let inclusive = 3_600.000_001;
    let cases = [
        ("from=2025-04-01T12:00:00Z&to=2025-04-01T13:00:00Z", Some(0.0), Some(3600.0)),
        ("from=2025-04-01T12:00:00Z&before=2025-04-01T13:00:00Z", Some(0.0), Some(3600.0)),
        ("to=now%2B2h&before=now%2B1h", None, Some(3600.0)),
        ("timestamp_start=2025-04-01+12:00&timestamp_end=2025-04-01+13:00", Some(0.0), Some(inclusive)),
        ("start_time=1743508800&end_time=1743512400000", Some(0.0), Some(inclusive)),
        ("start_time=now-1h", Some(-3600.0), None),
        ("time_range=1h", Some(-3600.0), None),
        ("time_range=2d", Some(-172_800.0), None),
        ("time_range=1h&end_time=2025-04-01T13:00:00Z", Some(0.0), Some(inclusive)),
        ("end_time=2025-04-01T13:00:00Z", None, Some(inclusive)),
        ("days=7", Some(-604_800.0), None),
        ("days=007", Some(-604_800.0), None),
        ("received_at_start=now&from=now-1h", Some(-3600.0), None),
    ];
    for (query, from, to) in cases {
        assert_eq!(ends(query), (from, to), "{query}");
    }
}

#[test]
fn two_styles_at_once_are_refused() {
    let cases = [
        ("from=now-1h&timestamp_end=now", "from (from + to (or before)) and timestamp_end"),
        ("days=7&to=now", "to (from + to (or before)) and days (days)"),
        ("before=now&time_range=1h", "before (from + to (or before)) and time_range"),
        ("timestamp_start=0&end_time=now", "two ways to say when it happened"),
        ("start_time=0&days=1", "use one of them"),
        ("time_range=1h&start_time=now-2h", "time_range and start_time both say where the time starts"),
    ];
    for (query, expected) in cases {
        let problem = filter(query).expect_err(query);
        assert_eq!((problem.status().as_u16(), problem.code()), (400, "mixed_times"), "{query}");
        assert!(problem.detail().contains(expected), "{query}: {}", problem.detail());
    }
}

#[test]
fn times_that_cannot_be_read_are_errors_that_name_the_parameter() {
    let cases = [
        ("time_range=0s", "parameter time_range: expected a length of time of at least 1s"),
        ("time_range=", "parameter time_range"),
        ("time_range=1", "parameter time_range"),
        ("time_range=-1h", "parameter time_range"),
        ("time_range=1y", "parameter time_range"),
        ("time_range=1.5h", "parameter time_range"),
        ("time_range=3000w", "parameter time_range: time is out of range"),
        ("time_range=1h&time_range=2h", "given more than once"),
        ("days=0", "parameter days: expected a number of days, at least 1"),
        ("days=-7", "parameter days"),
        ("days=%2B7", "parameter days"),
        ("days=7d", "parameter days"),
        ("days=1.5", "parameter days"),
        ("days=", "parameter days"),
        ("days=1e23", "parameter days"),
        ("days=99999999999", "parameter days"),
        ("days=4294967295", "parameter days: time is out of range"),
        ("start_time=soon", "parameter start_time"),
        ("end_time=2025-13-01", "parameter end_time"),
        ("start_time=now&end_time=now-1h", "parameter end_time: the range ends before it starts"),
        ("timestamp_start=now&timestamp_end=now-1h", "parameter timestamp_end: the range ends"),
        ("received_at_start=now&received_at_end=now-1h", "parameter received_at_end: the range ends"),
    ];
    for (query, expected) in cases {
        let problem = filter(query).expect_err(query);
        assert_eq!((problem.status().as_u16(), problem.code()), (400, "invalid_parameter"), "{query}");
        assert!(problem.detail().contains(expected), "{query}: {}", problem.detail());
    }
}
