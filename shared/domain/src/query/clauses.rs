//! From a field and a term or a span to a clause.

use std::ops::Bound;

use super::error::Fault;
use super::fields::Field;
use super::lexer::{Term, TermKind};
use super::span::{Span, Value, attribute_span, ids_in, severities_in, text_span, time_range, times_in};
use crate::condition::{
    AttributeTest, Clause, Condition, Extent, Interval, Pattern, TextField, TextTest, Wildcard,
};
use crate::limits::{PATTERNS_MAX_CLASS_CHARS, QUERY_MAX_PATTERNS, WILDCARD_MAX_ASTERISKS};
use crate::{Severity, SeveritySet, TextMatch, TimeRange, Timestamp, relative_time};

/// Makes clauses, and counts what is dear.
pub(super) struct Clauses {
    now: Timestamp,
    /// How many regular expressions and wildcards have been made.
    patterns: usize,
    /// How many characters the classes of the regular expressions have gone through.
    class_chars: u64,
}

// === impl Clauses ===

impl Clauses {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { now, patterns: 0, class_chars: 0 }
    }

    /// Returns what a term means that has no field.
    pub(super) fn in_message(&mut self, term: Term) -> Result<Condition, Fault> {
        if term.is_anything() {
            return Ok(Condition::EVERYTHING);
        }
        self.is(&Field::Text(TextField::Message), term)
    }

    /// Returns what `field:term` means.
    pub(super) fn is(&mut self, field: &Field, term: Term) -> Result<Condition, Fault> {
        let clause = match field {
            Field::Text(field) => Clause::Text(*field, self.text_test(*field, term)?),
            Field::Attribute(path) => Clause::Attribute(path.clone(), self.attribute_test(term)?),
            Field::Severity if term.is_anything() => Clause::Severity(SeveritySet::ALL),
            Field::Severity => {
                Clause::Severity(SeveritySet::band_of(read_severity(&plain(term, "severity")?)?))
            }
            Field::Timestamp | Field::ReceivedAt if term.is_anything() => field.within(TimeRange::default()),
            Field::Timestamp | Field::ReceivedAt => {
                let time = self.read_time(&plain(term, "time")?)?;
                field.within(time_range(&Interval {
                    lower: Bound::Included(time),
                    upper: Bound::Included(time),
                }))
            }
            Field::Id if term.is_anything() => Clause::Id(i64::MIN..=i64::MAX),
            Field::Id => {
                let id = read_id(&plain(term, "id")?)?;
                Clause::Id(id..=id)
            }
        };
        Ok(Condition::Is(clause))
    }

    /// Returns what a comparison or a range means.
    pub(super) fn lies_in(&self, field: &Field, span: &Span) -> Result<Condition, Fault> {
        let clause = match field {
            Field::Text(field) => Clause::Text(*field, text_span(span)?),
            Field::Attribute(path) => Clause::Attribute(path.clone(), attribute_span(span)?),
            Field::Severity => Clause::Severity(severities_in(span)?),
            Field::Timestamp | Field::ReceivedAt => {
                field.within(times_in(span, |value| self.read_time(value))?)
            }
            Field::Id => ids_in(span)?,
        };
        Ok(Condition::Is(clause))
    }

    fn text_test(&mut self, field: TextField, term: Term) -> Result<TextTest, Fault> {
        let is_message = field == TextField::Message;
        match term.kind {
            TermKind::Text(text) if text.is_empty() => {
                Err(Fault::new(term.position, "expected a text between the quotes"))
            }
            TermKind::Text(text) if is_message => holds(term.position, TextMatch::phrase(&text)),
            TermKind::Text(text) => Ok(TextTest::equals(&text)),
            TermKind::Pattern(pattern) => self.pattern_test(term.position, &pattern),
            TermKind::Wildcard(texts) => {
                let extent = if is_message { Extent::Word } else { Extent::Whole };
                self.wildcard_test(term.position, &texts, extent)
            }
        }
    }

    fn attribute_test(&mut self, term: Term) -> Result<AttributeTest, Fault> {
        let test = match term.kind {
            TermKind::Text(text) => return Ok(AttributeTest::equals(&text)),
            TermKind::Pattern(pattern) => self.pattern_test(term.position, &pattern)?,
            TermKind::Wildcard(texts) => self.wildcard_test(term.position, &texts, Extent::Whole)?,
        };
        Ok(if test == TextTest::Exists { AttributeTest::Exists } else { AttributeTest::Text(test) })
    }

    fn pattern_test(&mut self, position: usize, pattern: &str) -> Result<TextTest, Fault> {
        self.count_pattern(position)?;
        let pattern = Pattern::parse_within(pattern, PATTERNS_MAX_CLASS_CHARS - self.class_chars)
            .map_err(|error| Fault::new(position, error.to_string()))?;
        self.class_chars += pattern.class_chars();
        Ok(TextTest::Matches(pattern))
    }

    /// Returns what texts with asterisks between them ask of a text.
    fn wildcard_test(
        &mut self,
        position: usize,
        texts: &[String],
        extent: Extent,
    ) -> Result<TextTest, Fault> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        match texts[..] {
            ["", ""] => Ok(TextTest::Exists),
            // Of a word and of a whole value it means the same: this is found in it.
            ["", part, ""] => holds(position, TextMatch::part(part)),
            _ => {
                self.count_pattern(position)?;
                if texts.len() > WILDCARD_MAX_ASTERISKS + 1 {
                    let reason = format!("a word has at most {WILDCARD_MAX_ASTERISKS} asterisks");
                    return Err(Fault::new(position, reason));
                }
                let wildcard = Wildcard::new(&texts, extent);
                let wildcard =
                    wildcard.ok_or_else(|| Fault::new(position, "this word with asterisks is too long"))?;
                Ok(TextTest::Like(wildcard))
            }
        }
    }

    fn count_pattern(&mut self, position: usize) -> Result<(), Fault> {
        if self.patterns == QUERY_MAX_PATTERNS {
            let reason = format!(
                "a query has at most {QUERY_MAX_PATTERNS} regular expressions and words with asterisks (*part* is free)"
            );
            return Err(Fault::new(position, reason));
        }
        self.patterns += 1;
        Ok(())
    }

    fn read_time(&self, value: &Value) -> Result<Timestamp, Fault> {
        relative_time::parse(&value.text, self.now)
            .map_err(|error| Fault::new(value.position, error.to_string()))
    }
}

fn holds(position: usize, text: Option<TextMatch>) -> Result<TextTest, Fault> {
    text.map(TextTest::Holds).ok_or_else(|| Fault::new(position, "expected a text to look for"))
}

/// Returns the text of a term that has to be one.
fn plain(term: Term, what: &str) -> Result<Value, Fault> {
    match term.kind {
        TermKind::Text(text) => Ok(Value { position: term.position, text }),
        TermKind::Wildcard(_) => {
            Err(Fault::new(term.position, format!("expected a {what}, without asterisks")))
        }
        TermKind::Pattern(_) => {
            Err(Fault::new(term.position, format!("expected a {what}, not a regular expression")))
        }
    }
}

pub(super) fn read_severity(value: &Value) -> Result<Severity, Fault> {
    Severity::parse(&value.text).map_err(|error| Fault::new(value.position, error.to_string()))
}

pub(super) fn read_id(value: &Value) -> Result<i64, Fault> {
    value.text.parse().map_err(|_| Fault::new(value.position, "expected an id, an integer"))
}
