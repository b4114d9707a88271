//! What a query string means, and what it must not say.

mod attributes;
mod questions;
mod times;

use domain::{Cursor, Filter, Order, Page, PageStart, Position, Timestamp};
use sentinel_http::Problem;
use testkit::build::record;

use super::*;

/// 2025-04-01T12:00:00Z.
const NOON: i64 = 1_743_508_800_000_000;

fn filter(query: &str) -> Result<Filter, Problem> {
    let mut query = Query::parse(query)?;
    let filter = read_filter(&mut query, Timestamp::saturating_from_micros(NOON), true)?;
    query.finish()?;
    Ok(filter)
}

fn page(query: &str) -> Result<Page, Problem> {
    let mut query = Query::parse(query)?;
    let paging = read_paging(&mut query, Timestamp::saturating_from_micros(NOON), 100)?;
    query.finish()?;
    Ok(paging.page)
}

fn matches(query: &str, service: &str, severity: &str, seconds_after_noon: i64) -> bool {
    let record = record("").service(service).severity(severity).at(seconds_after_noon);
    filter(query).unwrap().matches(1, &record.received(seconds_after_noon).as_record_ref())
}

#[test]
fn every_filter_parameter_selects_what_its_name_says() {
    let cases = [
        ("", "auth", "INFO", 0, true),
        ("service=auth", "auth", "INFO", 0, true),
        ("service=auth", "pay", "INFO", 0, false),
        ("service=auth,pay", "pay", "INFO", 0, true),
        ("service=auth&service=pay", "pay", "INFO", 0, true),
        (r"service=a\,b", "a,b", "INFO", 0, true),
        (r"service=a\,b", "a", "INFO", 0, false),
        (r"service=x,a\,b,y", "a,b", "INFO", 0, true),
        (r"service=x,a\,b,y", "y", "INFO", 0, true),
        (r"service=\,", ",", "INFO", 0, true),
        (r"service=C:\x,b", r"C:\x", "INFO", 0, true),
        ("severity=WARN", "a", "WARNING", 0, true),
        ("level=warning", "a", "WARN3", 0, true),
        ("severity=13,ERROR", "a", "ERR", 0, true),
        ("severity=INFO&level=ERROR", "a", "INFO", 0, false),
        ("min_severity=warn", "a", "ERROR", 0, true),
        ("min_severity=warn", "a", "INFO", 0, false),
        ("from=2025-04-01T12:00:00Z", "a", "INFO", 0, true),
        ("from=2025-04-01T12:00:01Z", "a", "INFO", 0, false),
        ("to=2025-04-01T12:00:00Z", "a", "INFO", 0, false),
        ("before=2025-04-01T12:00:01Z", "a", "INFO", 0, true),
        ("timestamp_end=2025-04-01T12:00:00Z", "a", "INFO", 0, true),
        ("timestamp_end=2025-04-01T11:59:59Z", "a", "INFO", 0, false),
        ("timestamp_start=2025-04-01+12:00:00", "a", "INFO", 0, true),
        ("received_at_start=1743508801", "a", "INFO", 0, false),
        ("received_at_end=1743508800000", "a", "INFO", 0, true),
        ("from=now-1h&to=now", "a", "INFO", -1, true),
        ("from=now-1h&to=now", "a", "INFO", -3601, false),
        ("from=2025-04-01T14:00:00%2B02:00", "a", "INFO", 0, true),
    ];
    for (query, service, severity, second, expected) in cases {
        assert_eq!(matches(query, service, severity, second), expected, "{query}");
    }
}

#[test]
fn a_filter_that_cannot_be_read_is_an_error_that_names_the_parameter() {
    let cases = [
        ("severity=loud", "parameter severity"),
        ("level=", "parameter level"),
        ("min_severity=25", "parameter min_severity"),
        ("service=", "parameter service"),
        ("from=yesterday", "parameter from"),
        ("from=", "parameter from"),
        ("to=now-1y", "parameter to"),
        ("from=now-99999999999h", "parameter from"),
        ("from=now-%2B1h", "parameter from"),
        ("from=now%2B2562047788h", "out of range"),
        ("to=now%2B15250284w", "out of range"),
        ("before=now-4294967295w", "out of range"),
        ("received_at_end=now-3000w", "out of range"),
        ("service=a,,b", "parameter service"),
        ("timestamp_start=2025-13-01", "parameter timestamp_start"),
        ("from=2025-04-01T14:00:00+02:00", "%2B"),
        ("from=now&to=now-1h", "the range ends before it starts"),
        ("from=now&from=now", "given more than once"),
        ("servce=auth", "unknown parameter \"servce\""),
        ("q=a&q=b", "given more than once"),
        ("q=a&query=b", "parameter query: is the same as q"),
        ("q=service:", "parameter q: at byte 8:"),
        ("q=timestamp:%3Esoon", "parameter q: at byte 11:"),
        ("query=a%20(b", "parameter query: at byte"),
        ("q=a%20)b", "\na )b\n  ^"),
        ("q=%2F(%2F", "parameter q: at byte"),
        ("service=%ff", "percent-encoded UTF-8"),
    ];
    for (query, expected) in cases {
        let problem = filter(query).expect_err(query);
        assert_eq!(problem.status().as_u16(), 400, "{query}");
        assert!(problem.detail().contains(expected), "{query}: {}", problem.detail());
    }
}

#[test]
fn messages_are_selected_by_words_phrases_and_parts_under_either_name() {
    let cases = [
        ("q=", "anything", true),
        ("q=timeout", "a TIMEOUT b", true),
        ("q=timeout", "timeouts", false),
        ("q=time%20out", "out of time", true),
        ("q=%22time+out%22", "out of time", false),
        ("query=*over*+AND+stack", "stack overflow", true),
        ("query=*over*+AND+stack", "heap overflow", false),
    ];
    for (query, message, expected) in cases {
        let record = record(message);
        assert_eq!(filter(query).unwrap().matches(1, &record.as_record_ref()), expected, "{query}");
    }
}

#[test]
fn the_filter_of_a_rule_is_that_of_a_search_without_times() {
    let text = "service=auth,pay&level=error&min_severity=warn&q=%22a%20b%22&attr.a.b=1&status=FAILED";
    assert_eq!(parse_timeless_filter(text).unwrap(), filter(text).unwrap());
    assert!(parse_timeless_filter("").unwrap().is_everything());
    for wrong in [
        "from=now-1h",
        "before=now",
        "received_at_end=now",
        "time_range=1h",
        "days=7",
        "start_time=0",
        "limit=5",
        "x",
        "q=(",
        "q=timestamp:%3Enow-1h",
        "q=a%20OR%20NOT%20received_at:*",
        "q=timestamp:%5B*%20TO%20now%5D",
        "service=",
    ] {
        assert_eq!(parse_timeless_filter(wrong).expect_err(wrong).status().as_u16(), 400, "{wrong}");
    }
}

#[test]
fn every_style_of_paging_is_read() {
    let position = Position { timestamp: Timestamp::saturating_from_micros(NOON), id: 7 };
    let cursor = Cursor { order: Order::Ascending, position, now: Timestamp::MAX, question: 7 }.encode();
    let cases = [
        (String::new(), Page::default()),
        ("limit=5".into(), Page { limit: 5, ..Page::default() }),
        ("limit=5000".into(), Page { limit: 1000, ..Page::default() }),
        ("limit=99999999999999999999999".into(), Page { limit: 1000, ..Page::default() }),
        ("skip=20&limit=10".into(), Page { limit: 10, start: PageStart::Offset(20), ..Page::default() }),
        ("offset=0".into(), Page { start: PageStart::Offset(0), ..Page::default() }),
        ("page=3&page_size=50".into(), Page { limit: 50, start: PageStart::Offset(100), ..Page::default() }),
        ("page=1".into(), Page { start: PageStart::Offset(0), ..Page::default() }),
        ("order=asc".into(), Page { order: Order::Ascending, ..Page::default() }),
        (
            format!("cursor={cursor}&limit=2"),
            Page { limit: 2, order: Order::Ascending, start: PageStart::After(position) },
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(page(&query).unwrap(), expected, "{query}");
    }
}

#[test]
fn paging_that_cannot_be_read_is_an_error() {
    let position = Position { timestamp: Timestamp::MIN, id: 1 };
    let cursor = Cursor { order: Order::Ascending, position, now: Timestamp::MAX, question: 7 }.encode();
    let mixed = format!("cursor={cursor}&offset=1");
    let other_order = format!("cursor={cursor}&order=desc");
    let cases = [
        ("limit=0", "parameter limit"),
        ("limit=-1", "parameter limit"),
        ("limit=1e23", "parameter limit"),
        ("limit=1.5", "parameter limit"),
        ("limit=", "parameter limit"),
        ("limit=ten", "parameter limit"),
        ("page=0", "parameter page"),
        ("offset=18446744073709551616", "go on with cursor"),
        ("page=9999999999999999&page_size=1000", "go on with cursor"),
        ("offset=1&skip=1", "parameter skip"),
        ("order=sideways", "parameter order"),
        ("cursor=' OR 1=1", "parameter cursor"),
        ("cursor=ZAAGMbYi8pAAAAAAAAAABzI", "parameter cursor: not a cursor"),
        ("page=1&limit=5", "one style of paging"),
        ("page=1&offset=5", "one style of paging"),
        (mixed.as_str(), "one style of paging"),
        (other_order.as_str(), "parameter order"),
    ];
    for (query, expected) in cases {
        let problem = page(query).expect_err(query);
        assert_eq!(problem.status().as_u16(), 400, "{query}");
        assert!(problem.detail().contains(expected), "{query}: {}", problem.detail());
    }
}
