//! `GET /logs`: which logs every filter selects, in which order, in every spelling that clients use.

use e2e_tests::Installation;
use e2e_tests::installation::ask;
use serde_json::{Value, json};

use super::{ids, post};

/// Service, severity as sent, and time of the logs that are asked for here, in the order of their ids. Two pairs
/// share a time.
const LOGS: [(&str, &str, &str); 9] = [
    ("auth", "INFO", "12:00:00"),
    ("auth", "warn", "12:01:00"),
    ("pay", "WARNING", "12:02:00"),
    ("pay", "ERROR", "12:03:00"),
    ("auth", "CRITICAL", "12:04:00"),
    ("chat", "WARN2", "12:05:00"),
    ("pay", "debug", "12:06:00"),
    ("chat", "fatal", "12:06:00"),
    ("auth", "TRACE", "12:00:00"),
];

/// Query strings, and the logs that they find, as places in [`LOGS`].
const SEARCHES: [(&str, &[i64]); 66] = [
    ("", &[7, 6, 5, 4, 3, 2, 1, 8, 0]),
    ("order=desc", &[7, 6, 5, 4, 3, 2, 1, 8, 0]),
    ("order=asc", &[0, 8, 1, 2, 3, 4, 5, 6, 7]),
    // Services.
    ("service=auth", &[4, 1, 8, 0]),
    ("service=auth,chat", &[7, 5, 4, 1, 8, 0]),
    ("service=auth&service=chat", &[7, 5, 4, 1, 8, 0]),
    ("service=nobody", &[]),
    ("service=AUTH", &[]),
    ("service=aut", &[]),
    // Severities, in either parameter and any spelling.
    ("severity=WARNING", &[5, 2, 1]),
    ("severity=WARN", &[5, 2, 1]),
    ("severity=warning", &[5, 2, 1]),
    ("severity=Warn", &[5, 2, 1]),
    ("severity=13", &[5, 2, 1]),
    ("severity=16", &[5, 2, 1]),
    ("level=WARNING", &[5, 2, 1]),
    ("level=WARN", &[5, 2, 1]),
    ("level=wrn", &[5, 2, 1]),
    ("severity=CRITICAL", &[7, 4]),
    ("severity=FATAL", &[7, 4]),
    ("level=crit", &[7, 4]),
    ("severity=ERR", &[3]),
    ("level=error", &[3]),
    ("level=DEBUG", &[6]),
    ("severity=trace", &[8]),
    ("severity=INFO", &[0]),
    ("severity=ERROR,FATAL", &[7, 4, 3]),
    ("level=error&level=warn", &[5, 3, 2, 1]),
    ("severity=ERROR&level=ERROR", &[3]),
    ("severity=ERROR&level=INFO", &[]),
    ("min_severity=warn", &[7, 5, 4, 3, 2, 1]),
    ("min_severity=CRITICAL", &[7, 4]),
    ("min_severity=1", &[7, 6, 5, 4, 3, 2, 1, 8, 0]),
    // Times: S0's and S1's ends are inclusive, `to` is not.
    ("timestamp_start=2025-04-01T12:03:00Z", &[7, 6, 5, 4, 3]),
    ("timestamp_start=2025-04-01T12:03:00.000001Z", &[7, 6, 5, 4]),
    ("timestamp_end=2025-04-01T12:03:00Z", &[3, 2, 1, 8, 0]),
    ("timestamp_end=2025-04-01T12:02:59.999999Z", &[2, 1, 8, 0]),
    ("timestamp_start=2025-04-01T12:03:00Z&timestamp_end=2025-04-01T12:03:00Z", &[3]),
    ("timestamp_start=2025-04-01+12:03:00&timestamp_end=2025-04-01+12:04:00", &[4, 3]),
    ("timestamp_start=1743508980&timestamp_end=1743509040000", &[4, 3]),
    ("timestamp_start=2025-04-01T14:03:00%2B02:00&timestamp_end=2025-04-01T09:04:00-03:00", &[4, 3]),
    ("from=2025-04-01T12:03:00Z&to=2025-04-01T12:05:00Z", &[4, 3]),
    ("from=2025-04-01T12:03:00Z&to=2025-04-01T12:03:00Z", &[]),
    ("start_time=2025-04-01T12:05:00Z&end_time=2025-04-01+12:05:00", &[5]),
    ("end_time=2025-04-01T12:05:00Z&time_range=2m", &[5, 4, 3]),
    ("time_range=1h", &[]),
    ("days=1", &[]),
    ("from=now-1h", &[]),
    ("to=1970-01-02", &[]),
    // Several at once.
    ("service=auth&severity=INFO", &[0]),
    ("service=pay,chat&min_severity=warn&timestamp_end=2025-04-01T12:05:00Z", &[5, 3, 2]),
    // Every style of paging.
    ("limit=2", &[7, 6]),
    ("limit=1", &[7]),
    ("limit=9", &[7, 6, 5, 4, 3, 2, 1, 8, 0]),
    ("limit=2&skip=1", &[6, 5]),
    ("skip=7", &[8, 0]),
    ("offset=2&limit=3", &[5, 4, 3]),
    ("offset=0&limit=1", &[7]),
    ("offset=9", &[]),
    ("offset=100000", &[]),
    ("page=1&page_size=4", &[7, 6, 5, 4]),
    ("page=2&page_size=4", &[3, 2, 1, 8]),
    ("page=3&page_size=4", &[0]),
    ("page=4&page_size=4", &[]),
    ("page_size=3", &[7, 6, 5]),
    ("order=asc&limit=3&offset=1&service=auth", &[8, 1, 4]),
];

#[tokio::test]
async fn every_filter_finds_exactly_the_logs_that_it_names_in_order() {
    let installation = Installation::start();
    let log = |(n, (service, severity, time)): (usize, &(&str, &str, &str))| {
        let timestamp = format!("2025-04-01T{time}Z");
        json!({"service": service, "severity": severity, "timestamp": timestamp, "message": format!("log {n}")})
    };
    let first_id = post(&installation, &LOGS.iter().enumerate().map(log).collect()).await;

    let mut wrong = Vec::new();
    for (query, expected) in SEARCHES {
        let (_, found) = ask(installation.get(&format!("/logs?{query}"))).await;
        let found: Vec<i64> = ids(&found).into_iter().map(|id| id - first_id).collect();
        if found != expected {
            wrong.push(format!("{query}: expected {expected:?}, found {found:?}"));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn both_ends_of_a_range_of_arrival_are_inside() {
    let installation = Installation::start();
    let mut posted = Vec::new();
    for n in 0..3 {
        let id = post(&installation, &json!({"service": "pay", "message": format!("log {n}")})).await;
        posted.push(ask(installation.get(&format!("/logs/{id}"))).await.1);
    }
    let id = |n: usize| posted[n]["id"].as_i64().expect("an id");
    let middle = posted[1]["received_at"].as_str().expect("a time");

    let cases = [
        (format!("received_at_start={middle}"), vec![id(2), id(1)]),
        (format!("received_at_end={middle}"), vec![id(1), id(0)]),
        (format!("received_at_start={middle}&received_at_end={middle}"), vec![id(1)]),
        (format!("received_at_start={middle}&service=auth"), vec![]),
        ("received_at_end=2025-01-01".to_owned(), vec![]),
        ("received_at_start=now-1h&received_at_end=now".to_owned(), vec![id(2), id(1), id(0)]),
    ];

    for (query, expected) in cases {
        let (_, found) = ask(installation.get(&format!("/logs?{query}"))).await;
        assert_eq!(ids(&found), expected, "{query}");
    }
}

#[tokio::test]
async fn a_hundred_logs_are_returned_to_who_does_not_say_how_many() {
    let installation = Installation::start();
    let logs: Vec<Value> = (0..150).map(|n| json!({"service": "pay", "message": n.to_string()})).collect();
    let first_id = post(&installation, &logs.into()).await;

    let (_, found) = ask(installation.get("/logs")).await;

    let newest_hundred: Vec<i64> = (first_id + 50..first_id + 150).rev().collect();
    assert_eq!(ids(&found), newest_hundred);
}
