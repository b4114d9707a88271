//! The parameters that ask for attributes: `attr.<name>=value`, and an older system's names for some of them.

use std::collections::{BTreeMap, BTreeSet};

use domain::condition::{AttributePath, AttributeTest};
use domain::{Clause, Condition};
use sentinel_http::Problem;

use super::Query;

/// How a parameter begins that asks for an attribute.
const PREFIX: &str = "attr.";

/// How the list of known parameters shows these.
const SHOWN: &str = "attr.<name>";

/// Attributes that may be asked for by their plain names.
const PLAIN: [&str; 4] = ["environment", "status", "category", "ticket_id"];

/// Takes what is asked of attributes out of a query: of each one that is named, one of its values.
///
/// # Errors
/// A 400 that names the parameter.
pub(super) fn read_attributes(query: &mut Query) -> Result<Condition, Problem> {
    // Sorted, so that one question has one form.
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, values) in query.take_prefixed(PREFIX, SHOWN) {
        let values = checked(values, &format!("{PREFIX}{name}"))?;
        asked.entry(name).or_default().extend(values);
    }
    for name in PLAIN {
        let values = query.take_list(name);
        if !values.is_empty() {
            asked.entry(name.to_owned()).or_default().extend(checked(values, name)?);
        }
    }
    let conditions = asked.into_iter().map(|(name, values)| one_of(&name, &values));
    conditions.collect::<Result<_, _>>().map(Condition::All)
}

/// Refuses a list with nothing between two commas. A value that is empty is one, when it stands alone.
fn checked(values: Vec<String>, name: &str) -> Result<Vec<String>, Problem> {
    if values.len() > 1 && values.iter().any(String::is_empty) {
        return Err(Problem::invalid_parameter(name, "a value in a list is never empty"));
    }
    Ok(values)
}

fn one_of(name: &str, values: &BTreeSet<String>) -> Result<Condition, Problem> {
    let path = AttributePath::new(name)
        .ok_or_else(|| Problem::invalid_parameter(PREFIX, "expected an attribute's name behind the dot"))?;
    let is = |value: &String| Condition::Is(Clause::Attribute(path.clone(), AttributeTest::equals(value)));
    let mut tests: Vec<Condition> = values.iter().map(is).collect();
    Ok(if tests.len() == 1 { tests.remove(0) } else { Condition::Any(tests) })
}
