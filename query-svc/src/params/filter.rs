//! The parameters that select records.

use std::collections::BTreeSet;

use domain::{Condition, Filter, Severity, SeveritySet, Timestamp, query};
use sentinel_http::Problem;

use super::Query;
use super::attributes::read_attributes;
use super::time_range::read_times;

/// Takes the filter out of a query. `now` is what relative times count from; `with_before` says whether
/// `before` is known here.
///
/// # Errors
/// A 400 that names the parameter.
pub fn read_filter(query: &mut Query, now: Timestamp, with_before: bool) -> Result<Filter, Problem> {
    let condition = read_text(query, now)?;
    let mut filter = read_timeless_filter(query, condition)?;
    let times = read_times(query, now, with_before)?;
    filter.timestamp.narrow(&times.happened);
    filter.received_at.narrow(&times.received);
    Ok(filter)
}

/// Reads the text of a query string that selects records at any time: what a retention rule is about.
///
/// # Errors
/// A 400 that names the parameter; times are none that is known.
pub fn parse_timeless_filter(text: &str) -> Result<Filter, Problem> {
    let mut query = Query::parse(text)?;
    // A time that is named is refused below; this one only has to be read.
    let some_time = Timestamp::saturating_from_micros(Timestamp::MAX.as_micros() / 2);
    let condition = read_text(&mut query, some_time)?;
    if condition.mentions_time() {
        return Err(Problem::invalid_parameter("q", "no time can be named here"));
    }
    let filter = read_timeless_filter(&mut query, condition)?;
    query.finish()?;
    Ok(filter)
}

/// Narrows a filter to these services and severities, as a body lists them; an empty list: all.
///
/// # Errors
/// A 400 that names the list.
pub fn narrow_by_lists(filter: &mut Filter, services: Vec<String>, levels: &[String]) -> Result<(), Problem> {
    filter.services = services_of("services", services)?;
    filter.severities = filter.severities.intersection(severities_of("levels", levels)?);
    Ok(())
}

/// Takes the parameters out of a query that select records by anything but a time and the text of
/// a search box, which is `condition`.
fn read_timeless_filter(query: &mut Query, condition: Condition) -> Result<Filter, Problem> {
    let (services, severities) = (read_services(query)?, read_severities(query)?);
    let mut filter = Filter { services, severities, ..Filter::default() };
    filter.narrow(condition);
    filter.narrow(read_attributes(query)?);
    Ok(filter)
}

/// Reads what stands in the search box, by either of its names.
fn read_text(query: &mut Query, now: Timestamp) -> Result<Condition, Problem> {
    let (name, text) = match (query.take_one("q")?, query.take_one("query")?) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid_parameter("query", "is the same as q: give one of them"));
        }
        (Some(text), None) => ("q", text),
        (None, Some(text)) => ("query", text),
        (None, None) => return Ok(Condition::EVERYTHING),
    };
    query::parse(&text, now).map_err(|error| Problem::invalid_parameter(name, error))
}

fn read_services(query: &mut Query) -> Result<Option<BTreeSet<String>>, Problem> {
    services_of("service", query.take_list("service"))
}

/// Returns the services that a list names; none: all.
fn services_of(name: &str, services: Vec<String>) -> Result<Option<BTreeSet<String>>, Problem> {
    let services: BTreeSet<String> = services.into_iter().collect();
    if services.contains("") {
        return Err(Problem::invalid_parameter(name, "a service's name is never empty"));
    }
    Ok(if services.is_empty() { None } else { Some(services) })
}

fn read_severities(query: &mut Query) -> Result<SeveritySet, Problem> {
    let mut set = SeveritySet::ALL;
    for name in ["severity", "level"] {
        set = set.intersection(severities_of(name, &query.take_list(name))?);
    }
    if let Some(text) = query.take_one("min_severity")? {
        set = set.intersection(SeveritySet::at_least(read_severity("min_severity", &text)?));
    }
    Ok(set)
}

/// Returns the severities that a list names; none: all.
fn severities_of(name: &str, named: &[String]) -> Result<SeveritySet, Problem> {
    if named.is_empty() {
        return Ok(SeveritySet::ALL);
    }
    named.iter().try_fold(SeveritySet::NONE, |bands, text| {
        read_severity(name, text).map(|severity| bands.union(SeveritySet::band_of(severity)))
    })
}

fn read_severity(name: &str, text: &str) -> Result<Severity, Problem> {
    Severity::parse(text).map_err(|error| Problem::invalid_parameter(name, error))
}
