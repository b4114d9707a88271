//! Trees as JSON, and as text again.

use super::write::to_text;
use super::*;
use crate::condition::Condition::{All, Any};
use crate::query::Explained;

#[test]
fn a_tree_is_explained_as_json() {
    let cases = [
        ("", r#"{"and":[]}"#),
        (
            r#"Timeout -"connection reset" OR *flow*"#,
            r#"{"or":[{"and":[{"field":"message","op":"phrase","value":"timeout"},{"not":{"field":"message","op":"phrase","value":"connection reset"}}]},{"field":"message","op":"part","value":"flow"}]}"#,
        ),
        (r"ti\**e\\", r#"{"field":"message","op":"wildcard","value":"ti\\**e\\\\"}"#),
        (r"/a\/\d/", r#"{"field":"message","op":"regex","value":"a/\\d"}"#),
        ("service:Auth", r#"{"field":"service","op":"equals","value":"auth"}"#),
        ("trace_id:*", r#"{"field":"trace_id","op":"exists"}"#),
        ("host:>=B", r#"{"field":"host","op":"range","gte":"b"}"#),
        ("severity:>warn", r#"{"field":"level","op":"in","value":["ERROR","FATAL"]}"#),
        (
            "timestamp:[now-1h TO now}",
            r#"{"field":"timestamp","op":"range","gte":"2025-04-01T11:00:00Z","lt":"2025-04-01T12:00:00Z"}"#,
        ),
        ("received_at:>now", r#"{"field":"received_at","op":"range","gte":"2025-04-01T12:00:00.000001Z"}"#),
        ("id:5", r#"{"field":"id","op":"equals","value":5}"#),
        ("id:>5", r#"{"field":"id","op":"range","gte":6}"#),
        ("duration_ms:>250", r#"{"field":"duration_ms","op":"range","gt":250}"#),
        ("x:[0.5 TO 1e400}", r#"{"field":"x","op":"range","gte":0.5,"lt":"inf"}"#),
        ("x:<99999999999999999999", r#"{"field":"x","op":"range","lt":"99999999999999999999"}"#),
        ("x.y:\"A b\"", r#"{"field":"x.y","op":"equals","value":"a b"}"#),
        ("@host:*", r#"{"field":"attributes.host","op":"exists"}"#),
        ("x:/a/", r#"{"field":"x","op":"regex","value":"a"}"#),
    ];
    for (text, expected) in cases {
        let condition = parse(text).unwrap();
        assert_eq!(serde_json::to_string(&Explained(&condition)).unwrap(), expected, "{text}");
        assert_eq!(
            serde_json::to_value(Explained(&condition)).unwrap().to_string().len(),
            expected.len(),
            "{text}"
        );
    }
}

#[test]
fn a_tree_is_written_with_the_parentheses_that_it_needs() {
    let cases = [
        ("", "*"),
        ("a b OR c", "a AND b OR c"),
        ("(a OR b) c", "(a OR b) AND c"),
        ("a (b c) -(-d)", "a AND (b AND c) AND NOT (NOT d)"),
        ("(a OR b) OR -(c OR d)", "(a OR b) OR NOT (c OR d)"),
        ("NOT *", "NOT *"),
        (r#""a b" a\:b "\"""#, r#""a b" AND "a:b" AND "\"""#),
        (r"*a.b* t*\*", r"*a\.b* AND t*\*"),
        ("/a\\/b/", r"/a\/b/"),
        ("service:(A OR \"b c\")", "service:a OR service:\"b c\""),
        ("severity:>=err level:*", "level:(ERROR OR FATAL) AND level:*"),
        ("level:<debug", "level:TRACE"),
        ("timestamp:>now-1h", "timestamp:>=2025-04-01T11:00:00.000001Z"),
        (
            "timestamp:now received_at:<now",
            "timestamp:2025-04-01T12:00:00Z AND received_at:<2025-04-01T12:00:00Z",
        ),
        ("id:7 id:{5 TO 9} id:<3", "id:7 AND id:[6 TO 8] AND id:<=2"),
        ("x:>250 x:[b TO \"c d\"}", "x:{250 TO *] AND x:[b TO \"c d\"}"),
        ("@host:a @x:* a\\ b:1", r"attributes.host:a AND x:* AND a\ b:1"),
        ("\\-x:1 attributes.@timestamp:1", r"\-x:1 AND attributes.@timestamp:1"),
    ];
    for (text, expected) in cases {
        let condition = parse(text).unwrap();
        assert_eq!(to_text(&condition).as_deref(), Some(expected), "{text}");
        assert_eq!(parse(expected), Ok(condition), "{expected}");
    }
}

#[test]
fn what_no_query_says_is_not_written() {
    let text = |field, test| Condition::Is(Clause::Text(field, test));
    let held = TextTest::Holds(TextMatch::phrase("a").unwrap());
    for condition in [
        Any(vec![]),
        Any(vec![phrase("a")]),
        All(vec![phrase("a")]),
        not(Any(vec![])),
        Condition::Is(Clause::Severity(crate::SeveritySet::NONE)),
        #[expect(clippy::reversed_empty_ranges, reason = "it is the case")]
        Condition::Is(Clause::Id(9..=5)),
        Condition::Is(Clause::Timestamp(crate::TimeRange { from: Some(9), to: Some(9) })),
        text(TextField::Host, held.clone()),
        text(TextField::Message, TextTest::equals("a")),
        text(TextField::Message, wildcard("a*", Extent::Whole)),
        text(TextField::Host, wildcard("*a*", Extent::Whole)),
        attribute("a", AttributeTest::Text(held)),
        attribute("a", AttributeTest::Text(TextTest::Exists)),
    ] {
        assert_eq!(to_text(&condition), None, "{condition:?}");
    }
}
