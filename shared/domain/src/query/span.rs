//! Comparisons and ranges: `field:>a` and `field:[a TO b]`.
//!
//! One in which nothing can lie is an error: its ends are the wrong way round, or there is nothing between them.

use std::ops::Bound;

use super::clauses::{read_id, read_severity};
use super::error::Fault;
use crate::condition::{AttributeTest, Clause, Interval, Number, TextTest};
use crate::text::fold;
use crate::{SeveritySet, TimeRange, Timestamp};

/// An end of a range, as it is written.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) position: usize,
    pub(super) text: String,
}

/// A comparison or a range, as it is written.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) position: usize,
    pub(super) lower: Bound<Value>,
    pub(super) upper: Bound<Value>,
}

// === impl Span ===

impl Span {
    /// Reads both ends. An error where nothing can lie between them.
    fn read<T: Ord>(&self, read: impl Fn(&Value) -> Result<T, Fault>) -> Result<Interval<T>, Fault> {
        let read = |bound: &Bound<Value>| {
            Ok(match bound {
                Bound::Included(value) => Bound::Included(read(value)?),
                Bound::Excluded(value) => Bound::Excluded(read(value)?),
                Bound::Unbounded => Bound::Unbounded,
            })
        };
        let interval = Interval { lower: read(&self.lower)?, upper: read(&self.upper)? };
        let is_empty = match (&interval.lower, &interval.upper) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
            (
                Bound::Included(lower) | Bound::Excluded(lower),
                Bound::Included(upper) | Bound::Excluded(upper),
            ) => lower >= upper,
        };
        if is_empty { Err(self.nothing_inside()) } else { Ok(interval) }
    }

    fn nothing_inside(&self) -> Fault {
        Fault::new(self.position, "nothing can lie in this range")
    }

    /// Returns the values of both ends that are given.
    fn values(&self) -> impl Iterator<Item = &Value> {
        [&self.lower, &self.upper].into_iter().filter_map(|bound| match bound {
            Bound::Included(value) | Bound::Excluded(value) => Some(value),
            Bound::Unbounded => None,
        })
    }

    /// Says whether both ends are open.
    fn is_open(&self) -> bool {
        self.values().next().is_none()
    }
}

fn read_folded(value: &Value) -> Result<String, Fault> {
    Ok(fold(&value.text).into_owned())
}

pub(super) fn text_span(span: &Span) -> Result<TextTest, Fault> {
    Ok(if span.is_open() { TextTest::Exists } else { TextTest::Within(span.read(read_folded)?) })
}

pub(super) fn attribute_span(span: &Span) -> Result<AttributeTest, Fault> {
    if span.is_open() {
        return Ok(AttributeTest::Exists);
    }
    if span.values().any(|value| Number::parse(&value.text).is_none()) {
        return text_span(span).map(AttributeTest::Text);
    }
    let read =
        |value: &Value| Ok(Number::parse(&value.text).expect("every end has just been read as a number"));
    span.read(read).map(AttributeTest::Number)
}

pub(super) fn severities_in(span: &Span) -> Result<SeveritySet, Fault> {
    let from = match &span.lower {
        Bound::Included(value) => SeveritySet::at_least(read_severity(value)?),
        Bound::Excluded(value) => {
            let severity = read_severity(value)?;
            SeveritySet::at_least(severity).difference(SeveritySet::band_of(severity))
        }
        Bound::Unbounded => SeveritySet::ALL,
    };
    let beyond = match &span.upper {
        Bound::Included(value) => {
            let severity = read_severity(value)?;
            SeveritySet::at_least(severity).difference(SeveritySet::band_of(severity))
        }
        Bound::Excluded(value) => SeveritySet::at_least(read_severity(value)?),
        Bound::Unbounded => SeveritySet::NONE,
    };
    let set = from.difference(beyond);
    if set == SeveritySet::NONE { Err(span.nothing_inside()) } else { Ok(set) }
}

pub(super) fn ids_in(span: &Span) -> Result<Clause, Fault> {
    let ids = span.read(read_id)?;
    let first = match ids.lower {
        Bound::Included(id) => Some(id),
        Bound::Excluded(id) => id.checked_add(1),
        Bound::Unbounded => Some(i64::MIN),
    };
    let last = match ids.upper {
        Bound::Included(id) => Some(id),
        Bound::Excluded(id) => id.checked_sub(1),
        Bound::Unbounded => Some(i64::MAX),
    };
    match (first, last) {
        (Some(first), Some(last)) if first <= last => Ok(Clause::Id(first..=last)),
        _ => Err(span.nothing_inside()),
    }
}

pub(super) fn times_in(
    span: &Span,
    read: impl Fn(&Value) -> Result<Timestamp, Fault>,
) -> Result<TimeRange, Fault> {
    let range = time_range(&span.read(read)?);
    let from = range.from.unwrap_or(Timestamp::MIN.as_micros());
    let is_empty = from > Timestamp::MAX.as_micros() || range.to.is_some_and(|to| to <= from);
    if is_empty { Err(span.nothing_inside()) } else { Ok(range) }
}

/// Returns the span in whole microseconds. An end behind every time that there is, is open.
pub(super) fn time_range(interval: &Interval<Timestamp>) -> TimeRange {
    let from = match interval.lower {
        Bound::Included(time) => Some(time.as_micros()),
        Bound::Excluded(time) => Some(time.as_micros() + 1),
        Bound::Unbounded => None,
    };
    let to = match interval.upper {
        Bound::Included(Timestamp::MAX) | Bound::Unbounded => None,
        Bound::Included(time) => Some(time.as_micros() + 1),
        Bound::Excluded(time) => Some(time.as_micros()),
    };
    TimeRange { from, to }
}
