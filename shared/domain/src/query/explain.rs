//! A condition as JSON: what a query was read as, for people and for programs that show it.
//!
//! ```text
//! {"and":[..]}   {"or":[..]}   {"not":..}                       {"and":[]} is everything
//! {"field":"message","op":"phrase","value":"connection reset"}   "part": inside of words too
//! {"field":"message","op":"wildcard","value":"time*"}            an asterisk that is meant itself is \*
//! {"field":"message","op":"regex","value":"E[0-9]{3}"}
//! {"field":"service","op":"equals","value":"auth"}               folded
//! {"field":"trace_id","op":"exists"}
//! {"field":"level","op":"in","value":["WARN","ERROR"]}
//! {"field":"timestamp","op":"range","gte":"2025-04-01T12:00:00Z","lt":"2025-04-01T13:00:00Z"}
//! {"field":"id","op":"range","gte":5,"lte":9}
//! {"field":"duration_ms","op":"range","gt":250}
//! ```
//!
//! A range has `gt` or `gte`, and `lt` or `lte`; an open end is not there. A field that no record has by itself is an
//! attribute; one that is called like another field begins with `attributes.`. A number that JSON's readers would not
//! keep is a text.

use std::ops::Bound;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::fields::{Field, name_of_text};
use crate::condition::{AttributeTest, Clause, Condition, Interval, Number, TextTest};
use crate::{TimeRange, Timestamp};

/// A condition that is written as JSON.
#[derive(Debug, Clone, Copy)]
pub struct Explained<'a>(pub &'a Condition);

/// A number, or a text where JSON's readers would not keep the number.
struct NumberJson(Number);

/// Microseconds, as a time where they are one.
struct TimeJson(i64);

impl Serialize for Explained<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Condition::All(parts) => map.serialize_entry("and", &explained(parts))?,
            Condition::Any(parts) => map.serialize_entry("or", &explained(parts))?,
            Condition::Not(part) => map.serialize_entry("not", &Explained(part))?,
            Condition::Is(clause) => write_clause(&mut map, clause)?,
        }
        map.end()
    }
}

fn explained(parts: &[Condition]) -> Vec<Explained<'_>> {
    parts.iter().map(Explained).collect()
}

fn write_clause<M: SerializeMap>(map: &mut M, clause: &Clause) -> Result<(), M::Error> {
    match clause {
        Clause::Text(field, test) => {
            map.serialize_entry("field", name_of_text(*field))?;
            write_text_test(map, test)
        }
        Clause::Severity(set) => {
            map.serialize_entry("field", "level")?;
            write_op(map, "in", &set.level_texts().collect::<Vec<_>>())
        }
        Clause::Timestamp(range) => {
            map.serialize_entry("field", "timestamp")?;
            write_time_range(map, range)
        }
        Clause::ReceivedAt(range) => {
            map.serialize_entry("field", "received_at")?;
            write_time_range(map, range)
        }
        Clause::Id(ids) => {
            map.serialize_entry("field", "id")?;
            let lower =
                if *ids.start() == i64::MIN { Bound::Unbounded } else { Bound::Included(*ids.start()) };
            let upper = if *ids.end() == i64::MAX { Bound::Unbounded } else { Bound::Included(*ids.end()) };
            if ids.start() == ids.end() {
                return write_op(map, "equals", ids.start());
            }
            write_range(map, lower, upper)
        }
        Clause::Attribute(path, test) => {
            map.serialize_entry("field", &Field::name_of(path))?;
            write_attribute_test(map, test)
        }
    }
}

fn write_text_test<M: SerializeMap>(map: &mut M, test: &TextTest) -> Result<(), M::Error> {
    match test {
        TextTest::Holds(text) if text.is_whole_words() => write_op(map, "phrase", text.needle()),
        TextTest::Holds(text) => write_op(map, "part", text.needle()),
        TextTest::Equals(text) => write_op(map, "equals", text),
        TextTest::Like(wildcard) => {
            let is_special = |char| matches!(char, '*' | '\\');
            write_op(map, "wildcard", &wildcard_text(wildcard.parts(), is_special))
        }
        TextTest::Matches(pattern) => write_op(map, "regex", pattern.as_str()),
        TextTest::Within(Interval { lower, upper }) => write_range(map, lower.as_ref(), upper.as_ref()),
        TextTest::Exists => map.serialize_entry("op", "exists"),
    }
}

fn write_attribute_test<M: SerializeMap>(map: &mut M, test: &AttributeTest) -> Result<(), M::Error> {
    match test {
        AttributeTest::Equals { text, .. } => write_op(map, "equals", text),
        AttributeTest::Number(Interval { lower, upper }) => {
            write_range(map, lower.map(NumberJson), upper.map(NumberJson))
        }
        AttributeTest::Text(test) => write_text_test(map, test),
        AttributeTest::Exists => map.serialize_entry("op", "exists"),
    }
}

fn write_time_range<M: SerializeMap>(map: &mut M, range: &TimeRange) -> Result<(), M::Error> {
    let lower = range.from.map_or(Bound::Unbounded, |from| Bound::Included(TimeJson(from)));
    let upper = range.to.map_or(Bound::Unbounded, |to| Bound::Excluded(TimeJson(to)));
    write_range(map, lower, upper)
}

fn write_op<M: SerializeMap>(
    map: &mut M,
    op: &str,
    value: &(impl Serialize + ?Sized),
) -> Result<(), M::Error> {
    map.serialize_entry("op", op)?;
    map.serialize_entry("value", value)
}

fn write_range<M: SerializeMap, T: Serialize>(
    map: &mut M,
    lower: Bound<T>,
    upper: Bound<T>,
) -> Result<(), M::Error> {
    map.serialize_entry("op", "range")?;
    match lower {
        Bound::Included(lower) => map.serialize_entry("gte", &lower)?,
        Bound::Excluded(lower) => map.serialize_entry("gt", &lower)?,
        Bound::Unbounded => {}
    }
    match upper {
        Bound::Included(upper) => map.serialize_entry("lte", &upper),
        Bound::Excluded(upper) => map.serialize_entry("lt", &upper),
        Bound::Unbounded => Ok(()),
    }
}

impl Serialize for NumberJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Number::Integer(integer) => match i64::try_from(integer) {
                Ok(small) => serializer.serialize_i64(small),
                Err(_) => serializer.collect_str(&integer),
            },
            Number::Float(float) if float.is_finite() => serializer.serialize_f64(float),
            Number::Float(float) => serializer.collect_str(&float),
        }
    }
}

impl Serialize for TimeJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Timestamp::from_micros(self.0) {
            Ok(time) => time.serialize(serializer),
            Err(_) => serializer.serialize_i64(self.0),
        }
    }
}

/// Returns what stands between asterisks, with the asterisks, and with a backslash before what is special.
pub(super) fn wildcard_text(parts: &[String], is_special: impl Fn(char) -> bool + Copy) -> String {
    parts.iter().map(|part| escaped(part, is_special)).collect::<Vec<_>>().join("*")
}

/// Returns a text with a backslash before what is special in it.
pub(super) fn escaped(text: &str, is_special: impl Fn(char) -> bool) -> String {
    let mut written = String::with_capacity(text.len());
    for char in text.chars() {
        if is_special(char) {
            written.push('\\');
        }
        written.push(char);
    }
    written
}
