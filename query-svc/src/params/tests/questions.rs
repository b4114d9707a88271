//! Cursors and the questions that they belong to.

use testkit::build::tenant;

use super::*;

/// Asks a page of a question as `owner`, `seconds` after noon.
fn ask(owner: &str, query: &str, seconds: i64) -> Result<Question, Problem> {
    let mut query = Query::parse(query)?;
    let now = Timestamp::saturating_from_micros(NOON + seconds * 1_000_000);
    let paging = read_paging(&mut query, now, 100)?;
    let filter = read_filter(&mut query, paging.now(), false)?;
    query.finish()?;
    paging.of(&tenant(owner), filter)
}

/// Asks as the tenant `a` at noon; returns the cursor of the next page.
fn cursor_of(query: &str) -> String {
    let position = Position { timestamp: Timestamp::saturating_from_micros(NOON), id: 7 };
    ask("a", query, 0).unwrap().cursor_behind(position)
}

#[test]
fn relative_times_count_from_the_first_page_on_all_of_them() {
    for relative in ["from=now-1h&to=now", "time_range=1h", "days=1", "start_time=now-1w&received_at_end=now"]
    {
        let first = ask("a", relative, 0).unwrap();
        let cursor = cursor_of(relative);
        let later = ask("a", &format!("{relative}&limit=9&cursor={cursor}"), 500).unwrap();
        assert_eq!(later.filter, first.filter, "{relative}");

        let position = Position { timestamp: Timestamp::MIN, id: 1 };
        let third = ask("a", &format!("{relative}&cursor={}", later.cursor_behind(position)), 9000).unwrap();
        assert_eq!(third.filter, first.filter, "{relative}");
        assert_ne!(ask("a", relative, 500).unwrap().filter, first.filter, "{relative}");
    }
}

#[test]
fn a_cursor_leads_on_in_the_same_question_in_whatever_words() {
    let cases = [
        ("", ""),
        ("service=b,a", "service=a&service=b"),
        ("severity=WARN", "level=warning"),
        ("q=x", "query=x"),
        ("attr.status=F,G&attr.a=1", "attr.a=1&status=G,F"),
        ("from=2025-04-01T12:00:00Z", "start_time=1743508800"),
        ("limit=5", "limit=500"),
        ("page=2&page_size=5", "limit=3"),
        ("order=asc", ""),
    ];
    for (first, next) in cases {
        let cursor = cursor_of(first);
        assert!(ask("a", &format!("{next}&cursor={cursor}"), 60).is_ok(), "{first} then {next}");
    }
}

#[test]
fn a_cursor_of_another_query_or_tenant_is_refused_with_the_reason() {
    let cases = [
        ("a", "", "service=a"),
        ("a", "service=a", ""),
        ("a", "service=a", "service=b"),
        ("a", "q=x", "q=y"),
        ("a", "q=*x*", "q=x"),
        ("a", "level=WARN", "min_severity=WARN"),
        ("a", "days=1", "days=2"),
        ("a", "attr.a=1", "attr.a=2"),
        ("a", "attr.a=1", "attr.b=1"),
        ("a", "to=now", "received_at_end=now"),
        ("b", "", ""),
        ("b", "service=a", "service=a"),
    ];
    for (owner, first, next) in cases {
        let cursor = cursor_of(first);
        let problem = ask(owner, &format!("{next}&cursor={cursor}"), 0).expect_err(next);
        assert_eq!(
            (problem.status().as_u16(), problem.code()),
            (400, "invalid_cursor"),
            "{first} then {next}"
        );
        assert!(problem.detail().contains("belongs to another query"), "{}", problem.detail());
    }
}

#[test]
fn a_digest_is_the_same_in_every_process() {
    let cursor = Cursor::decode(&cursor_of("service=a&level=WARN&q=x&attr.a=1")).unwrap();
    assert_eq!(cursor.question, 10_994_436_282_463_330_628);
}
