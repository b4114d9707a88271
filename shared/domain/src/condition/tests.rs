//! What a tree means, and what its clauses mean.

use std::ops::Bound;

use super::*;
use crate::{Filter, Severity, TextMatch, Timestamp};

const ATTRIBUTES: &str = r#"{"error_code":"E503","http":{"status":503,"tags":["a","B"]},"http.method":"GET",
    "duration_ms":250.50,"retries":"3","ok":false,"none":null,"list":[{"n":1},{"n":"two"}],"path":"C:\\tmp","@v":7,
    "big":9007199254740993,"expo":5e2,"empty":""}"#;

fn record() -> RecordRef<'static> {
    RecordRef {
        timestamp: Timestamp::saturating_from_micros(15),
        received_at: Timestamp::saturating_from_micros(16),
        severity: Severity::DEFAULT,
        service: "Auth",
        message: "Payment failed for order ord-17",
        trace_id: "4bf92f",
        span_id: "",
        host: "web-1",
        attributes: ATTRIBUTES,
    }
}

fn word(text: &str) -> Condition {
    Condition::Is(Clause::Text(TextField::Message, TextTest::Holds(TextMatch::phrase(text).unwrap())))
}

fn attribute(path: &str, test: &AttributeTest) -> bool {
    test.matches(&AttributePath::new(path).unwrap(), ATTRIBUTES)
}

fn more_than(text: &str) -> AttributeTest {
    let lower = Bound::Excluded(Number::parse(text).unwrap());
    AttributeTest::Number(Interval { lower, upper: Bound::Unbounded })
}

#[test]
fn a_tree_means_what_its_words_say() {
    let (yes, no) = (|| word("failed"), || word("succeeded"));
    let cases = [
        (Condition::EVERYTHING, true),
        (Condition::All(vec![yes(), yes()]), true),
        (Condition::All(vec![yes(), no()]), false),
        (Condition::Any(vec![no(), yes()]), true),
        (Condition::Any(vec![no(), no()]), false),
        (Condition::Any(vec![]), false),
        (Condition::Not(Box::new(no())), true),
        (Condition::Not(Box::new(yes())), false),
        (Condition::Is(Clause::Id(7..=7)), true),
        (Condition::Is(Clause::Id(8..=9)), false),
        (Condition::Is(Clause::Text(TextField::Service, TextTest::equals("aUTH"))), true),
        (Condition::Is(Clause::Text(TextField::Host, TextTest::equals("web"))), false),
        (Condition::Is(Clause::Text(TextField::TraceId, TextTest::Exists)), true),
        (Condition::Is(Clause::Text(TextField::SpanId, TextTest::Exists)), false),
    ];
    for (condition, expected) in cases {
        assert_eq!(condition.matches(7, &record()), expected, "{condition:?}");
    }
}

#[test]
fn an_attribute_stands_in_for_a_trace_a_span_or_a_host_that_a_record_does_not_have() {
    let attributes = r#"{"trace_id":"abc","span_id":"17","host":"db-1"}"#;
    let without = RecordRef { trace_id: "", span_id: "", host: "", attributes, ..record() };
    let with = RecordRef { trace_id: "x", span_id: "x", host: "x", attributes, ..record() };
    for (field, value) in [(TextField::TraceId, "ABC"), (TextField::SpanId, "17"), (TextField::Host, "db-1")]
    {
        let clause = Clause::Text(field, TextTest::equals(value));
        assert!(clause.matches(1, &without) && !clause.matches(1, &with), "{field:?}");
        assert!(Clause::Text(field, TextTest::Exists).matches(1, &without), "{field:?}");
    }
    let nowhere = RecordRef { service: "", attributes: r#"{"service":"a"}"#, ..record() };
    assert!(!Clause::Text(TextField::Service, TextTest::equals("a")).matches(1, &nowhere));
}

#[test]
fn what_is_known_of_clauses_decides_what_is_known_of_the_tree() {
    let unknown = || word("a");
    let (yes, no) = (Condition::EVERYTHING, Condition::Any(vec![]));
    let cases = [
        (Condition::All(vec![unknown(), no.clone()]), Verdict::No),
        (Condition::All(vec![unknown(), yes.clone()]), Verdict::Unknown),
        (Condition::Any(vec![unknown(), yes]), Verdict::Yes),
        (Condition::Any(vec![unknown(), no]), Verdict::Unknown),
        (Condition::Not(Box::new(unknown())), Verdict::Unknown),
    ];
    for (condition, expected) in cases {
        assert_eq!(condition.verdict(&mut |_, _| Verdict::Unknown), expected, "{condition:?}");
    }
    let tree = Condition::Any(vec![Condition::All(vec![word("a"), word("b")]), word("c")]);
    let (mut asked, mut visited) = (Vec::new(), Vec::new());
    let verdict = tree.verdict(&mut |place, clause| {
        asked.push((place, clause.clone()));
        Verdict::from(place == 2)
    });
    tree.for_each_clause(&mut |clause| visited.push((visited.len(), clause.clone())));
    assert_eq!((verdict, asked), (Verdict::Yes, visited));
}

#[test]
fn attributes_are_found_by_every_way_to_cut_their_path() {
    let cases = [
        ("error_code", "e503", true),
        ("error_code", "E50", false),
        ("Error_code", "E503", false),
        ("http.status", "503", true),
        ("http.status", "503.0", true),
        ("http.method", "get", true),
        ("http.tags", "b", true),
        ("http.tags", "c", false),
        ("list.n", "1", true),
        ("list.n", "TWO", true),
        ("duration_ms", "250.5", true),
        ("retries", "3", true),
        ("retries", "3.0", false),
        ("ok", "false", true),
        ("none", "null", false),
        ("path", r"c:\TMP", true),
        ("v", "7", true),
        ("@v", "7", true),
        ("big", "9007199254740993", true),
        ("big", "9007199254740992", false),
        ("expo", "500", true),
        ("http", "503", false),
        ("http.", "503", false),
        ("empty", "", true),
        ("missing", "", false),
    ];
    for (path, value, expected) in cases {
        assert_eq!(attribute(path, &AttributeTest::equals(value)), expected, "{path}:{value}");
    }
}

#[test]
fn attributes_are_compared_as_numbers_and_exist_unless_they_are_null() {
    for (path, bound, expected) in [
        ("duration_ms", "250", true),
        ("duration_ms", "250.5", false),
        ("retries", "2", true),
        ("http.status", "99", true),
        ("error_code", "0", false),
        ("big", "9007199254740992", true),
    ] {
        assert_eq!(attribute(path, &more_than(bound)), expected, "{path}:>{bound}");
    }
    for (path, expected) in
        [("http", true), ("http.tags", true), ("empty", true), ("ok", true), ("none", false), ("x", false)]
    {
        assert_eq!(attribute(path, &AttributeTest::Exists), expected, "{path}");
    }
    assert!(!AttributeTest::Exists.matches(&AttributePath::new("a").unwrap(), ""));
}

#[test]
fn tokens_are_in_every_record_that_matches() {
    let path = AttributePath::new("http.status_code").unwrap();
    let tokens = |test| Clause::Attribute(path.clone(), test).tokens();
    assert_eq!(tokens(AttributeTest::equals("500")), ["http", "status", "code", "500"]);
    assert_eq!(tokens(AttributeTest::equals("-7")), ["http", "status", "code", "7"]);
    for number in ["500.0", "5e2", "007", "2.5"] {
        assert_eq!(tokens(AttributeTest::equals(number)), ["http", "status", "code"], "{number}");
    }
    assert_eq!(tokens(AttributeTest::equals("Not Found")), ["http", "status", "code", "not", "found"]);
    assert!(Clause::Text(TextField::Service, TextTest::equals("auth")).tokens().is_empty());
    assert_eq!(Clause::Text(TextField::Host, TextTest::equals("web-1")).tokens(), ["web", "1"]);
}

#[test]
fn a_filter_takes_parts_of_a_condition_that_it_has_a_place_for() {
    let mut filter = Filter::default();
    let errors = SeveritySet::at_least(Severity::parse("error").unwrap());
    let range = TimeRange { from: Some(5), to: Some(9) };
    filter.narrow(Condition::All(vec![
        Condition::Is(Clause::Severity(errors)),
        Condition::Is(Clause::Timestamp(range)),
        Condition::Is(Clause::ReceivedAt(range)),
        word("a"),
    ]));
    filter.narrow(Condition::Is(Clause::Timestamp(TimeRange { from: Some(1), to: Some(7) })));

    let timestamp = TimeRange { from: Some(5), to: Some(7) };
    let expected = Filter {
        severities: errors,
        timestamp,
        received_at: range,
        condition: word("a"),
        ..Filter::default()
    };
    assert_eq!(filter, expected);
}

#[test]
fn a_time_is_found_wherever_a_condition_names_it() {
    let times = [Clause::Timestamp(TimeRange::default()), Clause::ReceivedAt(TimeRange::default())];
    for time in times.map(Condition::Is) {
        assert!(time.mentions_time());
        assert!(Condition::Not(Box::new(Condition::Any(vec![word("a"), time.clone()]))).mentions_time());
        assert!(Condition::All(vec![word("a"), time]).mentions_time());
    }
    assert!(!Condition::All(vec![word("a"), Condition::Not(Box::new(word("b")))]).mentions_time());
}
