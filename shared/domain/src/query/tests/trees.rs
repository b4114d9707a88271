//! Texts, and the trees that they are.

use std::ops::Bound::{self, Excluded, Included, Unbounded};

use super::*;
use crate::condition::Condition::{All, Any};
use crate::condition::{Interval, Number};
use crate::limits::{QUERY_MAX_BYTES, QUERY_MAX_DEPTH, QUERY_MAX_PATTERNS, QUERY_MAX_TERMS};
use crate::{Severity, SeveritySet, TimeRange};

fn assert_trees(cases: impl IntoIterator<Item = (&'static str, Condition)>) {
    for (text, expected) in cases {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

fn words(texts: &[&str]) -> Condition {
    All(texts.iter().map(|text| phrase(text)).collect())
}

#[test]
fn words_phrases_and_parts_are_looked_for_in_messages() {
    assert_trees([
        ("", Condition::EVERYTHING),
        ("  \t\n\u{3000} ", Condition::EVERYTHING),
        ("*", Condition::EVERYTHING),
        ("**", Condition::EVERYTHING),
        ("timeout", phrase("timeout")),
        ("  Time-Out  ", phrase("time-out")),
        ("a b", words(&["a", "b"])),
        ("a and b", words(&["a", "and", "b"])),
        (r#""connection reset""#, phrase("connection reset")),
        (r#""a \"b\" \\ c" d"#, words(&[r#"a "b" \ c"#, "d"])),
        (r#""AND" "OR" "-x" "f:v" "*""#, words(&["AND", "OR", "-x", "f:v", "*"])),
        ("*flow* *ord-17*", All(vec![part("flow"), part("ord-17")])),
        ("***flow**", part("flow")),
        (
            "api/v1 50% x=1 [error] don't ord-17 {a} +1 && <b> a~1 x^2 ]",
            words(&[
                "api/v1", "50%", "x=1", "[error]", "don't", "ord-17", "{a}", "+1", "&&", "<b>", "a~1", "x^2",
                "]",
            ]),
        ),
        ("支付 ÄÖ 🦀", words(&["支付", "äö", "🦀"])),
        ("a\0b", phrase("a\0b")),
        ("TO ANDROID NOTE ORDER AND_x", words(&["to", "android", "note", "order", "and_x"])),
    ]);
}

#[test]
fn a_backslash_takes_the_next_character_as_it_is() {
    assert_trees([
        (r"a\:b \-x \*", words(&["a:b", "-x", "*"])),
        (r"\AND \OR N\OT", words(&["and", "or", "not"])),
        (r#"a\ b \(c\) \" \\"#, words(&["a b", "(c)", "\"", "\\"])),
        (r"\/a/", phrase("/a/")),
        (r"a\**", message(TextTest::Like(Wildcard::new(&["a*", ""], Extent::Word).unwrap()))),
        (r"a\:b:c", equal("a:b", "c")),
        (r"\-a:c", equal("-a", "c")),
        (r"a\ b:\>c\)", equal("a b", ">c)")),
        (r"\ä", phrase("ä")),
    ]);
}

#[test]
fn asterisks_and_regular_expressions_describe_texts() {
    let matching = |text| message(pattern(text));
    assert_trees([
        ("time*", message(wildcard("time*", Extent::Word))),
        ("*out", message(wildcard("*out", Extent::Word))),
        ("ti**ut", message(wildcard("ti*ut", Extent::Word))),
        ("*a*b*", message(wildcard("*a*b*", Extent::Word))),
        ("/E[0-9]{3}/", matching("E[0-9]{3}")),
        (r"/a\/b c/ d", All(vec![matching("a/b c"), phrase("d")])),
        (r"/\\\/\d/", matching(r"\\/\d")),
        (r#"/("|\))/"#, matching(r#"("|\))"#)),
        ("message:time*", message(wildcard("time*", Extent::Word))),
        ("message:/x/", matching("x")),
        (
            "service:auth-*",
            Condition::Is(Clause::Text(TextField::Service, wildcard("auth-*", Extent::Whole))),
        ),
        (
            "service:*auth*",
            Condition::Is(Clause::Text(
                TextField::Service,
                TextTest::Holds(TextMatch::part("auth").unwrap()),
            )),
        ),
        ("a:/x/", attribute("a", AttributeTest::Text(pattern("x")))),
        ("a:x*", attribute("a", AttributeTest::Text(wildcard("x*", Extent::Whole)))),
    ]);
}

#[test]
fn not_binds_closer_than_and_which_binds_closer_than_or() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|word| move || phrase(word));
    assert_trees([
        ("a AND b", All(vec![a(), b()])),
        ("a OR b c", Any(vec![a(), All(vec![b(), c()])])),
        ("a b OR c AND d", Any(vec![All(vec![a(), b()]), All(vec![c(), d()])])),
        ("(a OR b) c", All(vec![Any(vec![a(), b()]), c()])),
        ("NOT a b", All(vec![not(a()), b()])),
        ("NOT (a OR b)", not(Any(vec![a(), b()]))),
        ("NOT(a)", not(a())),
        ("-a OR -(b c)", Any(vec![not(a()), not(All(vec![b(), c()]))])),
        ("NOT (NOT a)", not(not(a()))),
        ("-\"a b\" -/x/", All(vec![not(phrase("a b")), not(message(pattern("x")))])),
        ("(((a)))", a()),
        ("(a)(b)OR(c)", Any(vec![All(vec![a(), b()]), c()])),
        ("( a AND (b OR c) ) OR d", Any(vec![All(vec![a(), Any(vec![b(), c()])]), d()])),
        ("a OR b OR c", Any(vec![a(), b(), c()])),
        ("a * b", All(vec![a(), Condition::EVERYTHING, b()])),
        ("-service:x", not(service("x"))),
    ]);
}

#[test]
fn a_name_and_a_colon_ask_for_a_field() {
    use TextField::{Host, Message, SpanId, TraceId};
    let text = |field, test| Condition::Is(Clause::Text(field, test));
    let exists = |path| attribute(path, AttributeTest::Exists);
    assert_trees([
        ("message:timeout", phrase("timeout")),
        (r#"message:"connection reset""#, phrase("connection reset")),
        ("message:*flow*", part("flow")),
        ("message:*", message(TextTest::Exists)),
        ("service:Auth", service("auth")),
        (r#"service:"a b""#, service("a b")),
        ("host:web-1", text(Host, TextTest::equals("web-1"))),
        ("trace_id:*", text(TraceId, TextTest::Exists)),
        ("span_id:a:b", text(SpanId, TextTest::equals("a:b"))),
        ("error_code:E503", equal("error_code", "e503")),
        ("http.status:500.0", equal("http.status", "500.0")),
        ("attributes.x.y:1", equal("x.y", "1")),
        ("attributes.host:a", equal("host", "a")),
        ("@host:a", equal("host", "a")),
        ("@@v:a", equal("@v", "a")),
        ("attributes.@timestamp:a", equal("@timestamp", "a")),
        ("Service:a", equal("Service", "a")),
        ("attributes:a", equal("attributes", "a")),
        ("a..b:c", equal("a..b", "c")),
        ("支付:是", equal("支付", "是")),
        ("AND:x", equal("AND", "x")),
        ("12:30", equal("12", "30")),
        ("state:OR", equal("state", "or")),
        ("t:-5 u:a]", All(vec![equal("t", "-5"), equal("u", "a]")])),
        ("a:* b:**", All(vec![exists("a"), exists("b")])),
        (r#"a:"""#, equal("a", "")),
        (r#"a:"*" b:\*"#, All(vec![equal("a", "*"), equal("b", "*")])),
        ("(a:b)", equal("a", "b")),
        (
            "message:>b",
            text(Message, TextTest::Within(Interval { lower: Excluded("b".into()), upper: Unbounded })),
        ),
    ]);
}

#[test]
fn a_list_is_one_of_its_values() {
    assert_trees([
        (
            "service:(a OR B OR \"c d\" OR e*)",
            Any(vec![
                service("a"),
                service("b"),
                service("c d"),
                Condition::Is(Clause::Text(TextField::Service, wildcard("e*", Extent::Whole))),
            ]),
        ),
        ("service:( a )", service("a")),
        ("message:(a OR /b/)", Any(vec![phrase("a"), message(pattern("b"))])),
        ("x:(-1 OR \"OR\") y", All(vec![Any(vec![equal("x", "-1"), equal("x", "OR")]), phrase("y")])),
    ]);
}

#[test]
fn severities_are_compared_by_severity() {
    let levels = |names: &[&str]| {
        let band = |name: &&str| SeveritySet::band_of(Severity::parse(name).unwrap());
        Condition::Is(Clause::Severity(names.iter().map(band).fold(SeveritySet::NONE, SeveritySet::union)))
    };
    assert_trees([
        ("level:warn", levels(&["warn"])),
        ("severity:WARNING", levels(&["warn"])),
        ("level:\"14\"", levels(&["warn"])),
        ("level:>=warn", levels(&["warn", "error", "fatal"])),
        ("level:>warn", levels(&["error", "fatal"])),
        ("level:<info", levels(&["trace", "debug"])),
        ("level:<=info", levels(&["trace", "debug", "info"])),
        ("level:[info TO error]", levels(&["info", "warn", "error"])),
        ("level:{info TO error}", levels(&["warn"])),
        ("level:[info TO error}", levels(&["info", "warn"])),
        ("level:[* TO debug]", levels(&["trace", "debug"])),
        ("level:(warn OR CRITICAL)", levels(&["warn", "fatal"])),
        ("level:*", Condition::Is(Clause::Severity(SeveritySet::ALL))),
        ("level:(err)", levels(&["error"])),
    ]);
}

#[test]
fn times_are_absolute_or_count_from_now() {
    const HOUR: i64 = 3_600_000_000;
    let range = |from, to| TimeRange { from, to };
    let at = |from, to| Condition::Is(Clause::Timestamp(range(from, to)));
    let arrived = |from, to| Condition::Is(Clause::ReceivedAt(range(from, to)));
    let (noon, last) = (NOON_MICROS, Timestamp::MAX.as_micros());
    assert_trees([
        ("timestamp:2025-04-01T12:00:00Z", at(Some(noon), Some(noon + 1))),
        ("@timestamp:\"2025-04-01 14:00 +02:00\"", at(Some(noon), Some(noon + 1))),
        ("timestamp:1743508800", at(Some(noon), Some(noon + 1))),
        ("timestamp:>now-1h", at(Some(noon - HOUR + 1), None)),
        ("timestamp:>=now-60m x", All(vec![at(Some(noon - HOUR), None), phrase("x")])),
        ("(received_at:<now)", arrived(None, Some(noon))),
        ("received_at:<=now", arrived(None, Some(noon + 1))),
        ("timestamp:[now-1h TO now]", at(Some(noon - HOUR), Some(noon + 1))),
        ("timestamp:{2025-04-01T11:00:00Z TO 2025-04-01T12:00:00Z}", at(Some(noon - HOUR + 1), Some(noon))),
        ("timestamp:[ now-1h TO now } x", All(vec![at(Some(noon - HOUR), Some(noon)), phrase("x")])),
        ("timestamp:[* TO now}", at(None, Some(noon))),
        (
            "timestamp:(now OR now-1h)",
            Any(vec![at(Some(noon), Some(noon + 1)), at(Some(noon - HOUR), Some(noon - HOUR + 1))]),
        ),
        ("timestamp:*", at(None, None)),
        ("timestamp:<=2261-12-31T23:59:59.999999Z", at(None, None)),
        ("timestamp:2261-12-31T23:59:59.999999Z", at(Some(last), None)),
    ]);
}

#[test]
fn ids_and_attributes_are_compared_as_numbers() {
    let id = |ids| Condition::Is(Clause::Id(ids));
    let number = |text: &str| Number::parse(text).unwrap();
    let numbers = |path: &str, lower: Bound<&str>, upper: Bound<&str>| {
        let interval = Interval { lower: lower.map(number), upper: upper.map(number) };
        attribute(path, AttributeTest::Number(interval))
    };
    let texts = |lower: Bound<&str>, upper: Bound<&str>| {
        let interval = Interval { lower: lower.map(str::to_owned), upper: upper.map(str::to_owned) };
        attribute("x", AttributeTest::Text(TextTest::Within(interval)))
    };
    assert_trees([
        ("id:1842", id(1842..=1842)),
        ("id:>=5", id(5..=i64::MAX)),
        ("id:{5 TO 9}", id(6..=8)),
        ("id:[5 TO 9]", id(5..=9)),
        ("id:<5", id(i64::MIN..=4)),
        ("id:*", id(i64::MIN..=i64::MAX)),
        ("id:(1 OR 3)", Any(vec![id(1..=1), id(3..=3)])),
        ("duration_ms:>250", numbers("duration_ms", Excluded("250"), Unbounded)),
        ("duration_ms:<=-2.5e3", numbers("duration_ms", Unbounded, Included("-2500"))),
        ("http.status:[500 TO 599]", numbers("http.status", Included("500"), Included("599"))),
        ("x:[9 TO 10]", numbers("x", Included("9"), Included("10"))),
        ("x:{9 TO *]", numbers("x", Excluded("9"), Unbounded)),
        ("x:>B", texts(Excluded("b"), Unbounded)),
        ("x:[10 TO 9z}", texts(Included("10"), Excluded("9z"))),
        ("x:[\"a b\" TO C]", texts(Included("a b"), Included("c"))),
        ("x:[* TO *]", attribute("x", AttributeTest::Exists)),
    ]);
}

#[test]
fn a_query_is_read_up_to_its_limits() {
    let terms = vec!["a"; QUERY_MAX_TERMS].join(" ");
    assert!(matches!(parse(&terms), Ok(All(parts)) if parts.len() == QUERY_MAX_TERMS));
    let list = format!("x:({})", vec!["a"; QUERY_MAX_TERMS].join(" OR "));
    assert!(matches!(parse(&list), Ok(Any(parts)) if parts.len() == QUERY_MAX_TERMS));
    let deep = format!("{}a{}", "(".repeat(QUERY_MAX_DEPTH), ")".repeat(QUERY_MAX_DEPTH));
    assert_eq!(parse(&deep), Ok(phrase("a")));
    let patterns = "/a/ b* ".repeat(QUERY_MAX_PATTERNS / 2);
    assert!(parse(&format!("{patterns} *free* x:*free* x:*")).is_ok());
    assert!(parse(&"ä".repeat(QUERY_MAX_BYTES / 2)).is_ok());
}
