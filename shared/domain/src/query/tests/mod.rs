//! * `trees` texts and what they are read as, `errors` texts that are no queries
//! * `properties` random texts and random trees, `written` trees as JSON, and as text by `write`

mod errors;
mod properties;
mod trees;
mod write;
mod written;

use crate::condition::{
    AttributePath, AttributeTest, Clause, Condition, Extent, Pattern, TextField, TextTest, Wildcard,
};
use crate::{TextMatch, Timestamp};

/// The moment that relative times count from: 2025-04-01T12:00:00Z.
const NOON_MICROS: i64 = 1_743_508_800_000_000;

fn noon() -> Timestamp {
    Timestamp::saturating_from_micros(NOON_MICROS)
}

fn parse(text: &str) -> Result<Condition, super::QueryError> {
    super::parse(text, noon())
}

fn message(test: TextTest) -> Condition {
    Condition::Is(Clause::Text(TextField::Message, test))
}

fn phrase(text: &str) -> Condition {
    message(TextTest::Holds(TextMatch::phrase(text).unwrap()))
}

fn part(text: &str) -> Condition {
    message(TextTest::Holds(TextMatch::part(text).unwrap()))
}

fn wildcard(text: &str, extent: Extent) -> TextTest {
    TextTest::Like(Wildcard::new(&text.split('*').collect::<Vec<_>>(), extent).unwrap())
}

fn pattern(text: &str) -> TextTest {
    TextTest::Matches(Pattern::parse(text).unwrap())
}

fn service(text: &str) -> Condition {
    Condition::Is(Clause::Text(TextField::Service, TextTest::equals(text)))
}

fn attribute(path: &str, test: AttributeTest) -> Condition {
    Condition::Is(Clause::Attribute(AttributePath::new(path).unwrap(), test))
}

fn equal(path: &str, text: &str) -> Condition {
    attribute(path, AttributeTest::equals(text))
}

fn not(part: Condition) -> Condition {
    Condition::Not(Box::new(part))
}
