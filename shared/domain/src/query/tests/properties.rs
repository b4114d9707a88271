//! What is true of all texts and of all trees.

use std::ops::Bound;

use proptest::prelude::*;

use super::write::to_text;
use super::*;
use crate::condition::{Interval, Number};
use crate::query::Explained;
use crate::text::fold;
use crate::{RecordRef, Severity, SeveritySet, TimeRange};

/// A text of what means something to the parser, and of what should not.
fn weird_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(&[
            "a", "b1", "AND", "OR", "NOT", "TO", "(", ")", "[", "]", "{", "}", "\"", "\\", "/", "*", "-", ":", ">", ">=",
            "<", "<=", "@", ".", "attributes.", "level", "severity", "timestamp", "id", "message", "service", "warn",
            "now-1h", "2025-04-01", "5", "-1.5e3", "x", "(?i)", "\\p{L}", "\\/", "\\\"", "\\\\", "|", "+", "[^]",
        ][..]).prop_map(str::to_owned),
        6 => Just(" ".to_owned()),
        2 => prop::sample::select(&["\0", "\t", "\n", "\u{7f}", "\u{85}", "\u{200d}", "\u{202e}", "\u{feff}", "ß", "İ",
            "ς", "支付", "🦀", "e\u{301}", "\u{10ffff}", "٣"][..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn assert_sound(text: &str) -> Result<(), TestCaseError> {
    match parse(text) {
        Ok(condition) => {
            let written = to_text(&condition);
            prop_assert!(written.is_some(), "{:?}", condition);
            let written = written.unwrap();
            prop_assert_eq!(parse(&written), Ok(condition.clone()), "{}", written);
            prop_assert!(serde_json::to_value(Explained(&condition)).is_ok());
        }
        Err(error) => {
            prop_assert!(text.is_char_boundary(error.position), "{}", error);
            let shown = error.to_string();
            let lines: Vec<&str> = shown.split('\n').collect();
            prop_assert_eq!(lines.len(), 3, "{}", &shown);
            prop_assert!(lines[2].trim_start() == "^" && lines[2].len() <= 41, "{}", &shown);
        }
    }
    Ok(())
}

fn any_end() -> impl Strategy<Value = String> {
    prop_oneof!["[a-cA-C0-9 \"\\\\*:)\\]}>-]{1,3}", ".{1,3}"].prop_map(|text| fold(&text).into_owned())
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(|integer| Number::Integer(integer.into())),
        any::<i128>().prop_map(Number::Integer),
        any::<f64>().prop_filter("a number", |float| !float.is_nan()).prop_map(Number::Float),
        Just(Number::Float(f64::NEG_INFINITY)),
    ]
}

/// Intervals in which something can lie.
fn interval<T, S>(end: impl Fn() -> S) -> impl Strategy<Value = Interval<T>>
where
    T: Ord + Clone + std::fmt::Debug,
    S: Strategy<Value = T>,
{
    let bound = || {
        (end(), 0..3).prop_map(|(end, kind)| match kind {
            0 => Bound::Included(end),
            1 => Bound::Excluded(end),
            _ => Bound::Unbounded,
        })
    };
    (bound(), bound()).prop_filter_map("nothing inside", |(lower, upper)| {
        let ends = |bound: &Bound<T>| match bound {
            Bound::Included(end) | Bound::Excluded(end) => Some(end.clone()),
            Bound::Unbounded => None,
        };
        match (ends(&lower), ends(&upper)) {
            (None, None) => None,
            (Some(lower), Some(upper)) if lower >= upper => None,
            _ => Some(Interval { lower, upper }),
        }
    })
}

fn any_wildcard(extent: Extent) -> impl Strategy<Value = TextTest> {
    prop::collection::vec("[a-z *\"/:(-]{1,3}", 1..3).prop_map(move |inner| {
        let mut parts: Vec<&str> = inner.iter().map(String::as_str).collect();
        parts.push("");
        TextTest::Like(Wildcard::new(&parts, extent).unwrap())
    })
}

fn text_test(field: TextField) -> impl Strategy<Value = TextTest> {
    let is_message = field == TextField::Message;
    let extent = if is_message { Extent::Word } else { Extent::Whole };
    let equals = ".{1,9}".prop_map(move |text| {
        if is_message { TextTest::Holds(TextMatch::phrase(&text).unwrap()) } else { TextTest::equals(&text) }
    });
    prop_oneof![
        4 => equals,
        2 => ".{1,5}".prop_map(|text| TextTest::Holds(TextMatch::part(&text).unwrap())),
        1 => any_wildcard(extent),
        1 => prop::sample::select(&["a/b", r"\\/", "(\"| )", r"\d+$", "[/]"][..]).prop_map(pattern),
        1 => interval(any_end).prop_map(TextTest::Within),
        1 => Just(TextTest::Exists),
    ]
}

fn attribute_test() -> impl Strategy<Value = AttributeTest> {
    let is_plain_text = |test: &TextTest| match test {
        TextTest::Within(Interval { lower, upper }) => [lower, upper].into_iter().any(|bound| match bound {
            Bound::Included(end) | Bound::Excluded(end) => Number::parse(end).is_none(),
            Bound::Unbounded => false,
        }),
        TextTest::Equals(_) | TextTest::Exists => false,
        _ => true,
    };
    prop_oneof![
        3 => ".{0,5}".prop_map(|text| AttributeTest::equals(&text)),
        2 => "-?[0-9]{1,5}(\\.[0-9]{1,2})?".prop_map(|text| AttributeTest::equals(&text)),
        2 => interval(number).prop_map(AttributeTest::Number),
        2 => text_test(TextField::Host).prop_filter("said otherwise", is_plain_text).prop_map(AttributeTest::Text),
        1 => Just(AttributeTest::Exists),
    ]
}

fn time_range() -> impl Strategy<Value = TimeRange> {
    let last = Timestamp::MAX.as_micros();
    (prop::option::of(0..=last), prop::option::of(1..=last))
        .prop_filter("nothing inside", |(from, to)| from.is_none() || to.is_none() || from < to)
        .prop_map(|(from, to)| TimeRange { from, to })
}

fn any_clause() -> impl Strategy<Value = Clause> {
    use TextField::{Host, Message, Service, SpanId, TraceId};
    let text = prop::sample::select(&[Message, Service, TraceId, SpanId, Host][..])
        .prop_flat_map(|field| text_test(field).prop_map(move |test| Clause::Text(field, test)));
    let path =
        prop_oneof!["[a-z]{1,4}(\\.[a-z]{1,4})?", Just("host".to_owned()), Just("@x".to_owned()), ".{1,5}"];
    let band = |number| SeveritySet::band_of(Severity::from_number(number).unwrap());
    prop_oneof![
        4 => text,
        2 => (path, attribute_test())
            .prop_map(|(path, test)| Clause::Attribute(AttributePath::new(&path).unwrap(), test)),
        1 => prop::collection::vec(1..=24_u64, 1..4).prop_map(move |numbers| {
            Clause::Severity(numbers.into_iter().map(band).fold(SeveritySet::NONE, SeveritySet::union))
        }),
        1 => time_range().prop_map(Clause::Timestamp),
        1 => time_range().prop_map(Clause::ReceivedAt),
        1 => (any::<i64>(), any::<i64>()).prop_map(|(one, other)| Clause::Id(one.min(other)..=one.max(other))),
    ]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![9 => any_clause().prop_map(Condition::Is), 1 => Just(Condition::EVERYTHING)];
    leaf.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::All),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::Any),
            1 => inner.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}

/// Decides a query of words and operators for a message, by cutting it up again and again. `None`: it is none.
fn decide(tokens: &[&str], message: &[&str]) -> Option<bool> {
    // Cut at every OR that is in no parentheses, then at every AND; what is left begins with its first unit.
    for (operator, is_any) in [("OR", true), ("AND", false)] {
        let mut depth = 0;
        for (place, token) in tokens.iter().enumerate() {
            depth += i32::from(*token == "(") - i32::from(*token == ")");
            if depth == 0 && *token == operator {
                let (left, right) =
                    (decide(&tokens[..place], message)?, decide(&tokens[place + 1..], message)?);
                return Some(if is_any { left || right } else { left && right });
            }
        }
    }
    let (first, rest) = tokens.split_first()?;
    let (unit, rest) = match *first {
        "NOT" | "-" => {
            let length = unit_length(rest)?;
            (!decide(&rest[..length], message)?, &rest[length..])
        }
        "(" => {
            let length = unit_length(tokens)?;
            (decide(&tokens[1..length - 1], message)?, &tokens[length..])
        }
        ")" => return None,
        word => (message.contains(&word), rest),
    };
    if rest.is_empty() { Some(unit) } else { decide(rest, message).map(|others| unit && others) }
}

/// Returns how many tokens the word or the pair of parentheses has that comes first. `None`: neither does.
fn unit_length(tokens: &[&str]) -> Option<usize> {
    match *tokens.first()? {
        "AND" | "OR" | "NOT" | "-" | ")" => return None,
        "(" => {}
        _ => return Some(1),
    }
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate() {
        depth += i32::from(*token == "(") - i32::from(*token == ")");
        if depth == 0 {
            return Some(place + 1);
        }
    }
    None
}

fn record(message: &str) -> RecordRef<'_> {
    RecordRef {
        timestamp: noon(),
        received_at: noon(),
        severity: Severity::DEFAULT,
        service: "",
        message,
        trace_id: "",
        span_id: "",
        host: "",
        attributes: "",
    }
}

/// Queries of three words, most of which can be read.
fn logic() -> impl Strategy<Value = Vec<&'static str>> {
    let word = prop::sample::select(&["a", "b", "c"][..]).prop_map(|word| vec![word]);
    let expression = word.prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(&["OR", "AND", ""][..]), inner.clone()).prop_map(
                |(left, operator, right)| {
                    let operator = Some(operator).filter(|operator| !operator.is_empty());
                    left.into_iter().chain(operator).chain(right).collect()
                }
            ),
            inner.clone().prop_map(|inner| [vec!["("], inner, vec![")"]].concat()),
            inner.clone().prop_map(|inner| [vec!["NOT"], inner].concat()),
            inner.prop_map(|inner| [vec!["-"], inner].concat()),
        ]
    });
    let any_token = prop::sample::select(&["a", "b", "c", "AND", "OR", "NOT", "-", "(", ")"][..]);
    prop_oneof![4 => expression, 1 => prop::collection::vec(any_token, 1..9)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_text_makes_it_panic_and_what_is_read_can_be_written(
        text in prop_oneof![4 => weird_text(), 1 => any::<String>(), 1 => r#"[a "*\\():/ANDORT-]{0,30}"#],
    ) {
        assert_sound(&text)?;
    }

    #[test]
    fn trees_that_are_written_read_the_same(condition in any_condition()) {
        let written = to_text(&condition);
        prop_assert!(written.is_some(), "{:?}", condition);
        let written = written.unwrap();
        prop_assert_eq!(parse(&written), Ok(condition), "{}", written);
    }

    #[test]
    fn operators_mean_what_cutting_at_them_means(tokens in logic(), held in 0..8_usize) {
        let message: Vec<&str> =
            ["a", "b", "c"].into_iter().enumerate().filter(|(bit, _)| held >> bit & 1 == 1).map(|(_, word)| word).collect();
        // A minus stands directly before what it is about.
        let text = tokens.join(" ").replace("- ", "-");
        let shown = format!("x {}", message.join(" "));
        let read = parse(&text).ok().map(|condition| condition.matches(1, &record(&shown)));
        prop_assert_eq!(read, decide(&tokens, &message), "{}", text);
    }
}
