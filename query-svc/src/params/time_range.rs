//! The parameters that say when a log happened and when it arrived.
//!
//! The time it happened has four styles of names, of as many systems. They mean the same, but not quite: some ends are
//! inside, some are not, some count from now. So a request uses one of them; two would narrow each other in ways that
//! nobody means.

use domain::relative_time::read_distance;
use domain::{TimeRange, Timestamp};
use sentinel_http::Problem;

use super::Query;
use super::time::{read_time, seconds_before};

/// The end of a time range that a parameter sets.
#[derive(Clone, Copy)]
enum End {
    /// From this time on.
    Start,
    /// Before this time.
    Before,
    /// Up to and including this time.
    Until,
    /// From so long before the end on, or before now where there is none: a number and a unit.
    Length,
    /// From so many days before now on.
    Days,
}

/// Parameters that belong together.
struct Style {
    /// Their names, as a detail has them.
    names: &'static str,
    parameters: &'static [(&'static str, End)],
}

/// The styles of naming the time it happened.
const HAPPENED: [Style; 4] = [
    Style {
        names: "from + to (or before)",
        parameters: &[("from", End::Start), ("to", End::Before), (BEFORE, End::Before)],
    },
    Style {
        names: "timestamp_start + timestamp_end",
        parameters: &[("timestamp_start", End::Start), ("timestamp_end", End::Until)],
    },
    Style {
        names: "start_time (or time_range) + end_time",
        // A length counts from the end, which is read before it.
        parameters: &[("start_time", End::Start), ("end_time", End::Until), ("time_range", End::Length)],
    },
    Style { names: "days", parameters: &[("days", End::Days)] },
];

/// The names of the time it arrived.
const RECEIVED: Style = Style {
    names: "received_at_start + received_at_end",
    parameters: &[("received_at_start", End::Start), ("received_at_end", End::Until)],
};

/// The parameter that only deletes know.
const BEFORE: &str = "before";

const SECONDS_PER_DAY: i64 = 86_400;

/// When a log has to have happened, and arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Times {
    pub(super) happened: TimeRange,
    pub(super) received: TimeRange,
}

/// Takes the times out of a query. `now` is what relative ones count from; `with_before` says whether `before` is
/// known here.
///
/// # Errors
/// A 400 that names the parameter; also when two styles are mixed.
pub(super) fn read_times(query: &mut Query, now: Timestamp, with_before: bool) -> Result<Times, Problem> {
    let mut times = Times::default();
    // A parameter of the style that is used, and the style.
    let mut used: Option<(&str, &Style)> = None;
    for style in &HAPPENED {
        let Some(first) = read_style(query, style, now, with_before, &mut times.happened)? else { continue };
        if let Some((other, other_style)) = used {
            let detail = format!(
                "{other} ({}) and {first} ({}) are two ways to say when it happened: use one of them",
                other_style.names, style.names
            );
            return Err(Problem::bad_request("mixed_times", detail));
        }
        used = Some((first, style));
    }
    read_style(query, &RECEIVED, now, with_before, &mut times.received)?;
    Ok(times)
}

/// Takes the parameters of a style; returns the first that there is.
fn read_style(
    query: &mut Query,
    style: &Style,
    now: Timestamp,
    with_before: bool,
    narrowed: &mut TimeRange,
) -> Result<Option<&'static str>, Problem> {
    let mut range = TimeRange::default();
    let mut first = None;
    let mut until = now;
    for &(name, end) in style.parameters {
        if name == BEFORE && !with_before {
            continue;
        }
        let Some(text) = query.take_one(name)? else { continue };
        if matches!(end, End::Length) && range.from.is_some() {
            let detail = "time_range and start_time both say where the time starts: give one of them";
            return Err(Problem::bad_request("mixed_times", detail));
        }
        first = first.or(Some(name));
        match end {
            End::Start => range.start_at(read_time(name, &text, now)?.as_micros()),
            End::Before => range.end_before(read_time(name, &text, now)?.as_micros()),
            End::Until => {
                until = read_time(name, &text, now)?;
                range.end_before(until.as_micros().saturating_add(1));
            }
            End::Length => range.start_at(before(name, until, read_length(name, &text)?)?),
            End::Days => range.start_at(before(name, now, read_days(name, &text)?)?),
        }
        if let (Some(from), Some(to)) = (range.from, range.to)
            && from > to
        {
            return Err(Problem::invalid_parameter(name, "the range ends before it starts"));
        }
    }
    narrowed.narrow(&range);
    Ok(first)
}

/// Reads the length of time that a parameter names; returns seconds.
///
/// # Errors
/// A 400 that names the parameter.
pub fn read_length(name: &str, text: &str) -> Result<i64, Problem> {
    let seconds = read_distance(text).filter(|seconds| *seconds > 0);
    let reason = "expected a length of time of at least 1s, such as 5m (s, m, h, d or w)";
    seconds.ok_or_else(|| Problem::invalid_parameter(name, reason))
}

/// Reads a number of days; returns seconds.
fn read_days(name: &str, text: &str) -> Result<i64, Problem> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let days = text.parse().ok().filter(|days: &u32| is_number && *days > 0);
    let days =
        days.ok_or_else(|| Problem::invalid_parameter(name, "expected a number of days, at least 1"))?;
    Ok(i64::from(days) * SECONDS_PER_DAY)
}

/// Returns the time that lies so many seconds before `time`, in microseconds since the Unix epoch.
fn before(name: &str, time: Timestamp, seconds: i64) -> Result<i64, Problem> {
    let time = seconds_before(time, seconds).map_err(|error| Problem::invalid_parameter(name, error))?;
    Ok(time.as_micros())
}
