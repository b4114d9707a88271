//! The fields that a query can name, and what their values mean.
//!
//! | field | a value means | a comparison means |
//! |---|---|---|
//! | `message` | words, a phrase or a part of it | folded, byte by byte |
//! | `service` `host` `trace_id` `span_id` | all of it, in any case | folded, byte by byte |
//! | `severity` = `level` | the whole band, in every spelling | the bands from here on |
//! | `timestamp` = `@timestamp`, `received_at` | this microsecond; absolute or `now-1h` | earlier and later |
//! | `id` | this id | smaller and larger |
//! | any other: an attribute | all of it, in any case; a number as a number | as numbers, if every end is one; else folded |
//!
//! Asterisks and regular expressions are known where a text is compared.

use std::borrow::Cow;

use super::error::Fault;
use super::lexer::{Term, TermKind};
use super::parser::single_or;
use crate::condition::{AttributePath, Clause, Condition, TextField};
use crate::{SeveritySet, TimeRange};

/// The fields that are texts, by name.
const TEXT_FIELDS: [(&str, TextField); 5] = [
    ("message", TextField::Message),
    ("service", TextField::Service),
    ("host", TextField::Host),
    ("trace_id", TextField::TraceId),
    ("span_id", TextField::SpanId),
];

/// What stands before an attribute's path, so that it cannot be read as another field.
const ATTRIBUTES: &str = "attributes.";

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Text(TextField),
    Severity,
    Timestamp,
    ReceivedAt,
    Id,
    Attribute(AttributePath),
}

// === impl Field ===

impl Field {
    /// Returns what the term before a colon names.
    pub(super) fn of_name(term: Term) -> Result<Self, Fault> {
        let TermKind::Text(name) = term.kind else {
            return Err(Fault::new(term.position, "a field's name has no asterisks"));
        };
        Self::named(&name)
            .ok_or_else(|| Fault::new(term.position, "expected a field's name before the colon"))
    }

    /// Returns what a name means; `None` where an attribute has none.
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some((_, field)) = TEXT_FIELDS.iter().find(|(known, _)| *known == name) {
            return Some(Self::Text(*field));
        }
        let path = match name {
            "severity" | "level" => return Some(Self::Severity),
            "timestamp" | "@timestamp" => return Some(Self::Timestamp),
            "received_at" => return Some(Self::ReceivedAt),
            "id" => return Some(Self::Id),
            other => other.strip_prefix('@').or_else(|| other.strip_prefix(ATTRIBUTES)).unwrap_or(other),
        };
        AttributePath::new(path).map(Self::Attribute)
    }

    /// Returns what is true where one of these clauses of this field is.
    pub(super) fn any_of(&self, parts: Vec<Condition>) -> Condition {
        if *self != Self::Severity {
            return single_or(parts, Condition::Any);
        }
        let set_of = |part: &Condition| match part {
            Condition::Is(Clause::Severity(set)) => *set,
            _ => SeveritySet::NONE,
        };
        let set = parts.iter().map(set_of).fold(SeveritySet::NONE, SeveritySet::union);
        Condition::Is(Clause::Severity(set))
    }

    /// Returns the clause of one of the fields that are times.
    pub(super) fn within(&self, range: TimeRange) -> Clause {
        if *self == Self::ReceivedAt { Clause::ReceivedAt(range) } else { Clause::Timestamp(range) }
    }

    /// Returns a name of an attribute, by which no other field is meant.
    pub(super) fn name_of(path: &AttributePath) -> Cow<'_, str> {
        let path_alone = path.as_str();
        match Self::named(path_alone) {
            Some(Self::Attribute(named)) if named == *path => path_alone.into(),
            _ => format!("{ATTRIBUTES}{path_alone}").into(),
        }
    }
}

/// Returns the name of a field that is a text.
pub(super) fn name_of_text(field: TextField) -> &'static str {
    let named = TEXT_FIELDS.iter().find(|(_, known)| *known == field);
    named.map(|(name, _)| *name).expect("every field that is a text has a name")
}
