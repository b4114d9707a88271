//! A condition as the text of a query, which reads back as the same condition.

use std::fmt::{self, Write as _};
use std::ops::Bound;

use crate::condition::{
    AttributeTest, Clause, Condition, Extent, Interval, Number, Pattern, TextField, TextTest, Wildcard,
};
use crate::query::explain::{escaped, wildcard_text};
use crate::query::fields::{Field, name_of_text};
use crate::{SeveritySet, TextMatch, TimeRange, Timestamp};

/// Writes a condition as a query. `None` for one that no query says: an empty choice, a span in which nothing can lie,
/// a test that its field does not know. Everything that [`crate::query::parse`] returns can be written.
#[must_use]
pub(super) fn to_text(condition: &Condition) -> Option<String> {
    let mut text = String::new();
    write_condition(&mut text, condition).ok().map(|()| text)
}

fn write_condition(text: &mut String, condition: &Condition) -> fmt::Result {
    match condition {
        Condition::All(parts) if parts.is_empty() => text.write_char('*'),
        Condition::All(parts) => {
            let is_closed = |part: &Condition| matches!(part, Condition::Is(_) | Condition::Not(_));
            write_several(text, parts, " AND ", is_closed)
        }
        Condition::Any(parts) => {
            write_several(text, parts, " OR ", |part| !matches!(part, Condition::Any(_)))
        }
        Condition::Not(part) => {
            text.write_str("NOT ")?;
            write_part(text, part, matches!(**part, Condition::Is(_)))
        }
        Condition::Is(clause) => write_clause(text, clause),
    }
}

fn write_several(
    text: &mut String,
    parts: &[Condition],
    operator: &str,
    is_closed: impl Fn(&Condition) -> bool,
) -> fmt::Result {
    if parts.len() < 2 {
        return Err(fmt::Error);
    }
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            text.write_str(operator)?;
        }
        write_part(text, part, is_closed(part))?;
    }
    Ok(())
}

/// Writes a part of a tree: in parentheses, unless it holds together without them.
fn write_part(text: &mut String, part: &Condition, is_closed: bool) -> fmt::Result {
    if is_closed || *part == Condition::EVERYTHING {
        return write_condition(text, part);
    }
    text.write_char('(')?;
    write_condition(text, part)?;
    text.write_char(')')
}

fn write_clause(text: &mut String, clause: &Clause) -> fmt::Result {
    match clause {
        Clause::Text(TextField::Message, test) => write_message_test(text, test),
        Clause::Text(field, test) => {
            write!(text, "{}:", name_of_text(*field))?;
            write_value_test(text, test)
        }
        Clause::Severity(set) => write_severities(text, *set),
        Clause::Timestamp(range) => write_time_range(text, "timestamp", range),
        Clause::ReceivedAt(range) => write_time_range(text, "received_at", range),
        Clause::Id(ids) if ids.is_empty() => Err(fmt::Error),
        Clause::Id(ids) if ids.start() == ids.end() => write!(text, "id:{}", ids.start()),
        Clause::Id(ids) => match (*ids.start(), *ids.end()) {
            (i64::MIN, i64::MAX) => text.write_str("id:*"),
            (i64::MIN, last) => write!(text, "id:<={last}"),
            (first, i64::MAX) => write!(text, "id:>={first}"),
            (first, last) => write!(text, "id:[{first} TO {last}]"),
        },
        Clause::Attribute(path, test) => {
            write_name(text, &Field::name_of(path))?;
            text.write_char(':')?;
            match test {
                AttributeTest::Equals { text: value, .. } => write_value(text, value),
                AttributeTest::Number(interval) => write_interval(text, interval, |text, number| {
                    match number {
                        Number::Integer(integer) => write!(text, "{integer}"),
                        // What is read as infinite: a number with an exponent too large.
                        Number::Float(float) if float.is_infinite() => {
                            write!(text, "{}1e999", if *float < 0.0 { "-" } else { "" })
                        }
                        Number::Float(float) => write!(text, "{float:e}"),
                    }
                }),
                AttributeTest::Text(TextTest::Exists | TextTest::Equals(_)) => Err(fmt::Error),
                // Two numbers would be compared as numbers.
                AttributeTest::Text(TextTest::Within(interval)) if holds_numbers_only(interval) => {
                    Err(fmt::Error)
                }
                AttributeTest::Text(test) => write_value_test(text, test),
                AttributeTest::Exists => text.write_char('*'),
            }
        }
    }
}

fn write_message_test(text: &mut String, test: &TextTest) -> fmt::Result {
    match test {
        TextTest::Holds(held) if held.is_whole_words() => write_value(text, held.needle()),
        TextTest::Holds(held) => write_part_of_word(text, held),
        TextTest::Like(wildcard) => write_wildcard(text, wildcard, Extent::Word),
        TextTest::Matches(pattern) => write_pattern(text, pattern),
        TextTest::Within(interval) => {
            text.write_str("message:")?;
            write_interval(text, interval, |text, end| write_value(text, end))
        }
        TextTest::Exists => text.write_str("message:*"),
        TextTest::Equals(_) => Err(fmt::Error),
    }
}

/// Writes what a field's value has to be, behind the field's colon.
fn write_value_test(text: &mut String, test: &TextTest) -> fmt::Result {
    match test {
        TextTest::Holds(held) if held.is_whole_words() => Err(fmt::Error),
        TextTest::Holds(held) => write_part_of_word(text, held),
        TextTest::Equals(equal) if equal.is_empty() => Err(fmt::Error),
        TextTest::Equals(equal) => write_value(text, equal),
        TextTest::Like(wildcard) => write_wildcard(text, wildcard, Extent::Whole),
        TextTest::Matches(pattern) => write_pattern(text, pattern),
        TextTest::Within(interval) => write_interval(text, interval, |text, end| write_value(text, end)),
        TextTest::Exists => text.write_char('*'),
    }
}

fn write_severities(text: &mut String, set: SeveritySet) -> fmt::Result {
    let levels: Vec<&str> = set.level_texts().collect();
    match &levels[..] {
        [] => Err(fmt::Error),
        _ if set == SeveritySet::ALL => text.write_str("level:*"),
        [level] => write!(text, "level:{level}"),
        several => write!(text, "level:({})", several.join(" OR ")),
    }
}

fn write_time_range(text: &mut String, field: &str, range: &TimeRange) -> fmt::Result {
    let time = |micros: i64| Timestamp::from_micros(micros).map_err(|_| fmt::Error);
    match (range.from, range.to) {
        (None, None) => write!(text, "{field}:*"),
        (None, Some(to)) if to > 0 => write!(text, "{field}:<{}", time(to)?),
        (Some(from), None) => write!(text, "{field}:>={}", time(from)?),
        (Some(from), Some(to)) if from + 1 == to => write!(text, "{field}:{}", time(from)?),
        (Some(from), Some(to)) if from < to => write!(text, "{field}:[{} TO {}}}", time(from)?, time(to)?),
        _ => Err(fmt::Error),
    }
}

fn write_interval<T: Ord>(
    text: &mut String,
    interval: &Interval<T>,
    write_end: impl Fn(&mut String, &T) -> fmt::Result,
) -> fmt::Result {
    let (opening, lower) = match &interval.lower {
        Bound::Included(lower) => ('[', Some(lower)),
        Bound::Excluded(lower) => ('{', Some(lower)),
        Bound::Unbounded => ('[', None),
    };
    let (closing, upper) = match &interval.upper {
        Bound::Included(upper) => (']', Some(upper)),
        Bound::Excluded(upper) => ('}', Some(upper)),
        Bound::Unbounded => (']', None),
    };
    match (lower, upper) {
        (None, None) => return Err(fmt::Error),
        (Some(lower), Some(upper)) if lower > upper || lower == upper && (opening, closing) != ('[', ']') => {
            return Err(fmt::Error);
        }
        _ => {}
    }
    let write_end = |text: &mut String, end| match end {
        Some(end) => write_end(text, end),
        None => text.write_char('*'),
    };
    text.write_char(opening)?;
    write_end(text, lower)?;
    text.write_str(" TO ")?;
    write_end(text, upper)?;
    text.write_char(closing)
}

fn holds_numbers_only(interval: &Interval<String>) -> bool {
    [&interval.lower, &interval.upper].into_iter().all(|bound| match bound {
        Bound::Included(end) | Bound::Excluded(end) => Number::parse(end).is_some(),
        Bound::Unbounded => true,
    })
}

fn write_name(text: &mut String, name: &str) -> fmt::Result {
    let is_plain = |char: char| char.is_alphanumeric() || matches!(char, '_' | '.' | '@');
    text.write_str(&escaped(name, |char| !is_plain(char)))
}

/// Writes a text: as a word where it is one at any place, else in quotes.
fn write_value(text: &mut String, value: &str) -> fmt::Result {
    let is_plain = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.');
    let begins_plain = value.starts_with(char::is_alphanumeric);
    let is_operator = matches!(value, "AND" | "OR" | "NOT" | "TO");
    if begins_plain && value.chars().all(is_plain) && !is_operator {
        return text.write_str(value);
    }
    write!(text, "\"{}\"", escaped(value, |char| matches!(char, '"' | '\\')))
}

fn write_part_of_word(text: &mut String, part: &TextMatch) -> fmt::Result {
    write!(text, "*{}*", escaped(part.needle(), |char| !char.is_alphanumeric()))
}

fn write_wildcard(text: &mut String, wildcard: &Wildcard, extent: Extent) -> fmt::Result {
    let parts = wildcard.parts();
    let inner = parts.get(1..parts.len() - 1).unwrap_or_default();
    let is_read_otherwise = parts.iter().all(String::is_empty)
        || inner.iter().any(String::is_empty)
        || matches!(parts, [first, _, last] if first.is_empty() && last.is_empty());
    if wildcard.extent() != extent || is_read_otherwise {
        return Err(fmt::Error);
    }
    text.write_str(&wildcard_text(parts, |char| !char.is_alphanumeric()))
}

fn write_pattern(text: &mut String, pattern: &Pattern) -> fmt::Result {
    if pattern.as_str().is_empty() {
        return Err(fmt::Error);
    }
    text.write_char('/')?;
    let mut is_escaped = false;
    for char in pattern.as_str().chars() {
        if char == '/' && is_escaped {
            // An escaped slash of its own would be read as a plain one.
            return Err(fmt::Error);
        }
        if char == '/' {
            text.write_char('\\')?;
        }
        text.write_char(char)?;
        is_escaped = char == '\\' && !is_escaped;
    }
    text.write_char('/')
}
