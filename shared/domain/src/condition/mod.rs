//! What a query asks of a record: a tree of clauses, and its one meaning.
//!
//! * [`Condition`] the tree, [`Clause`] its leaves, [`Verdict`] what is known of either
//! * `text_test` tests on texts, `wildcard` and `pattern` two of them, `class_chars` what it costs to read the latter
//! * `attribute` tests on attributes: paths into JSON, numbers that compare as numbers; `values` reads what is there
//!
//! [`Condition::matches`] is the meaning. An engine may decide in any other way, but has to decide the same; what it
//! knows of some records together (their services, their times, which tokens they hold) it puts into
//! [`Condition::verdict`].

mod attribute;
mod class_chars;
mod number;
mod pattern;
mod text_test;
mod values;
mod wildcard;

use std::ops::RangeInclusive;

use crate::{RecordRef, SeveritySet, TimeRange};

pub use attribute::{AttributePath, AttributeTest};
pub use number::{Interval, Number};
pub use pattern::{InvalidPattern, Pattern};
pub use text_test::TextTest;
pub use values::{AttributeValue, for_each_value, values_at};
pub use wildcard::{Extent, Wildcard};

/// What has to be true of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of these; of none: always true.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// This clause.
    Is(Clause),
}

/// A test of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    /// A field that is a text. Of a record without that field, the attribute of its name: see
    /// [`TextField::attribute`].
    Text(TextField, TextTest),
    /// One of these severities.
    Severity(SeveritySet),
    /// It happened within this span.
    Timestamp(TimeRange),
    /// It arrived within this span.
    ReceivedAt(TimeRange),
    /// Its id is one of these.
    Id(RangeInclusive<i64>),
    /// An attribute, wherever it lies in the record's JSON.
    Attribute(AttributePath, AttributeTest),
}

/// A field of every record that is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextField {
    /// What happened.
    Message,
    /// Which service it comes from.
    Service,
    /// The trace it belongs to.
    TraceId,
    /// The span it belongs to.
    SpanId,
    /// The machine it comes from.
    Host,
}

/// What is known of a condition, of one record or of several at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is false of each of them.
    No,
    /// It is true of each of them.
    Yes,
    /// It may be either.
    Unknown,
}

// === impl Condition ===

impl Default for Condition {
    fn default() -> Self {
        Self::EVERYTHING
    }
}

impl Condition {
    /// True of every record.
    pub const EVERYTHING: Self = Self::All(Vec::new());

    /// Says whether it is true of every record, as its form alone tells.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::All(parts) if parts.iter().all(Self::is_everything))
    }

    /// Says whether it is true of this record.
    #[must_use]
    pub fn matches(&self, id: i64, record: &RecordRef<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(id, record)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(id, record)),
            Self::Not(part) => !part.matches(id, record),
            Self::Is(clause) => clause.matches(id, record),
        }
    }

    /// Says what is known of it, where `of` says it of clauses: of each with its place, in the order of
    /// [`Self::for_each_clause`].
    pub fn verdict(&self, of: &mut impl FnMut(usize, &Clause) -> Verdict) -> Verdict {
        self.verdict_from(&mut 0, of)
    }

    fn verdict_from(&self, place: &mut usize, of: &mut impl FnMut(usize, &Clause) -> Verdict) -> Verdict {
        match self {
            Self::All(parts) => {
                parts.iter().fold(Verdict::Yes, |known, part| known.and(part.verdict_from(place, of)))
            }
            Self::Any(parts) => {
                parts.iter().fold(Verdict::No, |known, part| known.or(part.verdict_from(place, of)))
            }
            Self::Not(part) => part.verdict_from(place, of).negated(),
            Self::Is(clause) => {
                *place += 1;
                of(*place - 1, clause)
            }
        }
    }

    /// Visits every clause, from left to right.
    pub fn for_each_clause<'a>(&'a self, visit: &mut impl FnMut(&'a Clause)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.for_each_clause(visit)),
            Self::Not(part) => part.for_each_clause(visit),
            Self::Is(clause) => visit(clause),
        }
    }

    /// Says whether it names a time, of either kind.
    #[must_use]
    pub fn mentions_time(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::mentions_time),
            Self::Not(part) => part.mentions_time(),
            Self::Is(clause) => matches!(clause, Clause::Timestamp(_) | Clause::ReceivedAt(_)),
        }
    }

    /// Adds another condition: both have to be true.
    pub fn and(&mut self, other: Self) {
        let mut parts = match std::mem::take(self) {
            Self::All(parts) => parts,
            single => vec![single],
        };
        match other {
            Self::All(others) => parts.extend(others),
            single => parts.push(single),
        }
        *self = if parts.len() == 1 { parts.remove(0) } else { Self::All(parts) };
    }
}

// === impl Clause ===

impl Clause {
    /// Says whether it is true of this record.
    #[must_use]
    pub fn matches(&self, id: i64, record: &RecordRef<'_>) -> bool {
        match self {
            Self::Text(field, test) => match (field.of(record), field.attribute()) {
                ("", Some(name)) => AttributeTest::Text(test.clone()).matches(&name, record.attributes),
                (text, _) => test.matches(text),
            },
            Self::Severity(set) => set.contains(record.severity),
            Self::Timestamp(range) => range.contains(record.timestamp),
            Self::ReceivedAt(range) => range.contains(record.received_at),
            Self::Id(ids) => ids.contains(&id),
            Self::Attribute(path, test) => test.matches(path, record.attributes),
        }
    }

    /// Returns tokens that every record of which it is true holds in one of its texts (but for the service).
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        match self {
            Self::Text(TextField::Service, _)
            | Self::Severity(_)
            | Self::Timestamp(_)
            | Self::ReceivedAt(_)
            | Self::Id(_) => Vec::new(),
            Self::Text(_, test) => test.tokens(),
            Self::Attribute(path, test) => path.tokens().into_iter().chain(test.tokens()).collect(),
        }
    }
}

// === impl TextField ===

impl TextField {
    /// Returns the attribute that stands in where a record does not have this field: many senders put a trace, a span
    /// or a host among the attributes.
    #[must_use]
    pub fn attribute(self) -> Option<AttributePath> {
        match self {
            Self::Message | Self::Service => None,
            Self::TraceId => AttributePath::new("trace_id"),
            Self::SpanId => AttributePath::new("span_id"),
            Self::Host => AttributePath::new("host"),
        }
    }

    /// Returns this field of a record.
    #[must_use]
    pub fn of<'a>(self, record: &RecordRef<'a>) -> &'a str {
        match self {
            Self::Message => record.message,
            Self::Service => record.service,
            Self::TraceId => record.trace_id,
            Self::SpanId => record.span_id,
            Self::Host => record.host,
        }
    }
}

// === impl Verdict ===

impl Verdict {
    /// Returns what is known of the opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Yes => Self::No,
            Self::Unknown => Self::Unknown,
        }
    }

    /// Returns what is known where both have to be true.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    /// Returns what is known where one of both has to be true.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.negated().and(other.negated()).negated()
    }
}

impl From<bool> for Verdict {
    fn from(is_true: bool) -> Self {
        if is_true { Self::Yes } else { Self::No }
    }
}

#[cfg(test)]
mod tests;
