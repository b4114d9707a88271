//! Random conditions, which select some of the random records and not others.

use std::ops::Bound;

use domain::condition::{
    AttributePath, AttributeTest, Clause, Condition, Extent, Interval, Number, Pattern, TextField, TextTest,
    Wildcard,
};
use domain::text::fold;
use domain::{SeveritySet, TextMatch};
use proptest::prelude::*;

use crate::strategy::{IDENTIFIERS, service, severity, time_range};

/// Attributes of the random records.
pub(crate) const ATTRIBUTES: [&str; 9] = [
    "",
    "{}",
    r#"{"a":1}"#,
    r#"{"ü":["\u0000",1e400],"n":{"m":null}}"#,
    r#"{"a":"One two","n":{"m":[500,"x-1"]},"n.m":5e2}"#,
    r#"{"a":1.0,"\u0061":"eins\ttwo","path":"C:\\ord"}"#,
    r#"{"a":[{"b":true},{"b":"250.50"}],"@a":"ONE","n.m":-7}"#,
    r#"{"n":{"m":{"o":1e20}},"a":12345678901234567890123}"#,
    r#"{"n":{"m":"500"},"a":250.5,"host":"web-1","trace_id":"ONE","span_id":["x-1",1]}"#,
];

const PATHS: [&str; 8] = ["a", "n.m", "n", "ü", "path", "a.b", "n.m.o", "A"];

const VALUES: [&str; 15] = [
    "1",
    "one two",
    "500",
    "500.0",
    "two",
    "x-1",
    "",
    "-7",
    "250.5",
    "true",
    "ONE",
    "c:\\ord",
    "0",
    "eins\ttwo",
    "100000000000000000000",
];

const PATTERNS: [&str; 6] = ["[0-9]{2}", "^order", "(?i)ONE", "e$", r"\d+ ms", "x|ü"];

/// A random text to look for: words, parts and phrases of the random messages, and others.
fn any_text() -> impl Strategy<Value = TextMatch> {
    let text = prop_oneof![
        4 => prop::sample::select(&["ms", "MS for order", "o", "r order ", "1", "e", "ord", " ", "für"][..])
            .prop_map(str::to_owned),
        1 => "[0-9]{1,2} m",
        1 => "[a-f0-9]{1,2}",
        1 => ".{1,2}",
    ];
    (text, any::<bool>()).prop_filter_map("nothing to look for", |(text, whole_words)| {
        if whole_words { TextMatch::phrase(&text) } else { TextMatch::part(&text) }
    })
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(&VALUES[..]).prop_map(str::to_owned),
        1 => service().prop_map(str::to_owned),
        2 => prop::sample::select(&IDENTIFIERS[..]).prop_map(str::to_owned),
        1 => "[0-9a-f]{1,2}",
        1 => "[a-z]{1,2}",
    ]
}

fn any_wildcard(extent: Extent) -> impl Strategy<Value = Wildcard> {
    let part = prop_oneof![3 => "[a-f0-9]{0,2}", 2 => prop::sample::select(&["or", " ms", "x-", "für", ""][..])
        .prop_map(str::to_owned)];
    prop::collection::vec(part, 2..4).prop_filter_map("too large", move |parts| {
        Wildcard::new(&parts.iter().map(String::as_str).collect::<Vec<_>>(), extent)
    })
}

fn any_pattern() -> impl Strategy<Value = Pattern> {
    prop::sample::select(&PATTERNS[..]).prop_map(|text| Pattern::parse(text).expect("a pattern"))
}

fn bound<T: Clone + std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Bound<T>> {
    (value, 0..3).prop_map(|(value, kind)| match kind {
        0 => Bound::Included(value),
        1 => Bound::Excluded(value),
        _ => Bound::Unbounded,
    })
}

fn interval<T, S>(value: impl Fn() -> S) -> impl Strategy<Value = Interval<T>>
where
    T: Clone + std::fmt::Debug,
    S: Strategy<Value = T>,
{
    (bound(value()), bound(value())).prop_map(|(lower, upper)| Interval { lower, upper })
}

fn any_number() -> impl Strategy<Value = Number> {
    prop::sample::select(&["1", "250.5", "0", "500", "-7", "1e30"][..])
        .prop_map(|text| Number::parse(text).expect("a number"))
}

/// A random test of a text; of a value as a whole, or of a message's words.
fn text_test(extent: Extent) -> impl Strategy<Value = TextTest> {
    prop_oneof![
        3 => any_text().prop_map(TextTest::Holds),
        2 => any_value().prop_filter_map("nothing to compare", |text| {
            (!text.is_empty()).then(|| TextTest::equals(&text))
        }),
        2 => any_wildcard(extent).prop_map(TextTest::Like),
        1 => any_pattern().prop_map(TextTest::Matches),
        1 => interval(|| any_value().prop_map(|text| fold(&text).into_owned())).prop_map(TextTest::Within),
        1 => Just(TextTest::Exists),
    ]
}

fn attribute_test() -> impl Strategy<Value = AttributeTest> {
    prop_oneof![
        4 => any_value().prop_map(|text| AttributeTest::equals(&text)),
        2 => interval(any_number).prop_map(AttributeTest::Number),
        2 => text_test(Extent::Whole).prop_map(AttributeTest::Text),
        1 => Just(AttributeTest::Exists),
    ]
}

fn any_clause() -> impl Strategy<Value = Clause> {
    use TextField::{Host, Message, Service, SpanId, TraceId};
    let of_value = prop::sample::select(&[Service, TraceId, SpanId, Host][..]);
    let path = prop::sample::select(&PATHS[..]).prop_map(|path| AttributePath::new(path).expect("a path"));
    prop_oneof![
        4 => text_test(Extent::Word).prop_map(|test| Clause::Text(Message, test)),
        3 => (of_value, text_test(Extent::Whole)).prop_map(|(field, test)| Clause::Text(field, test)),
        4 => (path, attribute_test()).prop_map(|(path, test)| Clause::Attribute(path, test)),
        1 => severity().prop_map(|severity| Clause::Severity(SeveritySet::at_least(severity))),
        1 => time_range().prop_map(Clause::Timestamp),
        1 => time_range().prop_map(Clause::ReceivedAt),
        2 => (0..40_i64, 0..20_i64).prop_map(|(first, more)| Clause::Id(first..=first + more)),
    ]
}

/// A random condition: a clause, or some in a tree.
pub fn any_condition() -> impl Strategy<Value = Condition> {
    any_clause().prop_map(Condition::Is).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Condition::All),
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Condition::Any),
            1 => inner.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}
