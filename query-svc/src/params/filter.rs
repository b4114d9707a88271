//! The parameters that select records.

use std::collections::BTreeSet;

use domain::{Condition, Filter, Severity, SeveritySet, Timestamp, query};
use sentinel_http::Problem;

use super::Query;
use super::time::{is_relative, read_time};

/// The end of a time range that a parameter sets.
#[derive(Clone, Copy)]
enum End {
    /// From this time on.
    Start,
    /// Before this time.
    Before,
    /// Up to and including this time.
    Until,
}

/// Which time a parameter is about.
#[derive(Clone, Copy)]
enum Time {
    Happened,
    Received,
}

/// The parameters that set an end of a time range.
const TIME_PARAMETERS: [(&str, Time, End); 7] = [
    ("from", Time::Happened, End::Start),
    ("to", Time::Happened, End::Before),
    ("before", Time::Happened, End::Before),
    ("timestamp_start", Time::Happened, End::Start),
    ("timestamp_end", Time::Happened, End::Until),
    ("received_at_start", Time::Received, End::Start),
    ("received_at_end", Time::Received, End::Until),
];

/// Takes the filter out of a query. `now` is what relative times count from; `with_before` says whether
/// `before` is known here.
///
/// # Errors
/// A 400 that names the parameter.
pub fn read_filter(query: &mut Query, now: Timestamp, with_before: bool) -> Result<Filter, Problem> {
    let mut filter = read_timeless_filter(query)?;
    for (name, time, end) in TIME_PARAMETERS {
        if name == "before" && !with_before {
            continue;
        }
        let Some(text) = query.take_one(name)? else { continue };
        let micros = read_time(name, &text, now)?.as_micros();
        let range = match time {
            Time::Happened => &mut filter.timestamp,
            Time::Received => &mut filter.received_at,
        };
        match end {
            End::Start => range.start_at(micros),
            End::Before => range.end_before(micros),
            End::Until => range.end_before(micros.saturating_add(1)),
        }
        if let (Some(from), Some(to)) = (range.from, range.to)
            && from > to
        {
            return Err(Problem::invalid_parameter(name, "the range ends before it starts"));
        }
    }
    Ok(filter)
}

/// Reads the text of a query string that selects records at any time: what a retention rule is about.
///
/// # Errors
/// A 400 that names the parameter; times are none that is known.
pub fn parse_timeless_filter(text: &str) -> Result<Filter, Problem> {
    let mut query = Query::parse(text)?;
    let filter = read_timeless_filter(&mut query)?;
    query.finish()?;
    Ok(filter)
}

/// Takes the parameters out of a query that select records by anything but a time.
fn read_timeless_filter(query: &mut Query) -> Result<Filter, Problem> {
    let (services, severities) = (read_services(query)?, read_severities(query)?);
    let mut filter = Filter { services, severities, ..Filter::default() };
    filter.narrow(read_condition(query)?);
    Ok(filter)
}

/// Returns the absolute time that the parameter `name` stands for, if its value counts from `now`: in the address
/// of a further page it would count from another now, and the pages would not be of one question.
#[must_use]
pub fn fixed_time(name: &str, value: &str, now: Timestamp) -> Option<Timestamp> {
    let is_time = TIME_PARAMETERS.iter().any(|(known, _, _)| *known == name);
    if !is_time || !is_relative(value) {
        return None;
    }
    read_time(name, value, now).ok()
}

/// Reads the text of the search box, by either of its names.
fn read_condition(query: &mut Query) -> Result<Condition, Problem> {
    let (name, text) = match (query.take_one("q")?, query.take_one("query")?) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid_parameter("query", "is the same as q: give one of them"));
        }
        (Some(text), None) => ("q", text),
        (None, Some(text)) => ("query", text),
        (None, None) => return Ok(Condition::EVERYTHING),
    };
    query::parse(&text).map_err(|error| Problem::invalid_parameter(name, error))
}

fn read_services(query: &mut Query) -> Result<Option<BTreeSet<String>>, Problem> {
    let services: BTreeSet<String> = query.take_list("service").into_iter().collect();
    if services.contains("") {
        return Err(Problem::invalid_parameter("service", "a service's name is never empty"));
    }
    Ok(if services.is_empty() { None } else { Some(services) })
}

fn read_severities(query: &mut Query) -> Result<SeveritySet, Problem> {
    let mut set = SeveritySet::ALL;
    for name in ["severity", "level"] {
        let named = query.take_list(name);
        let bands = named.iter().try_fold(SeveritySet::NONE, |bands, text| {
            read_severity(name, text).map(|severity| bands.union(SeveritySet::band_of(severity)))
        })?;
        if !named.is_empty() {
            set = set.intersection(bands);
        }
    }
    if let Some(text) = query.take_one("min_severity")? {
        set = set.intersection(SeveritySet::at_least(read_severity("min_severity", &text)?));
    }
    Ok(set)
}

fn read_severity(name: &str, text: &str) -> Result<Severity, Problem> {
    Severity::parse(text).map_err(|error| Problem::invalid_parameter(name, error))
}
