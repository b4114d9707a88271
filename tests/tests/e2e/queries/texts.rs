//! What was said: `q` finds, counts and deletes by the texts of messages; envelopes and counts over time.

use e2e_tests::installation::ask;
use e2e_tests::{Answer, Installation};
use serde_json::{Value, json};

use super::{ids, post};

/// 2025-04-01T12:00:00Z, in seconds since the Unix epoch.
const NOON: i64 = 1_743_508_800;

const MESSAGES: [&str; 5] = [
    "connection reset by peer",
    "Connection  RESET",
    "stack overflow in worker 7",
    "timeouts: 3",
    "支付 failed: \"timeout\" (50%)",
];

/// Queries, percent-encoded, and the messages that they find, newest first.
const QUERIES: [(&str, &[i64]); 12] = [
    ("", &[4, 3, 2, 1, 0]),
    ("connection", &[1, 0]),
    ("Reset%20CONNECTION", &[1, 0]),
    ("%22connection%20reset%22", &[0]),
    ("%22connection++reset%22", &[1]),
    ("timeout", &[4]),
    ("*timeout*", &[4, 3]),
    ("*flow*%20AND%20worker", &[2]),
    ("*flow*%20AND%20peer", &[]),
    ("%E6%94%AF%E4%BB%98", &[4]),
    ("%22%5C%22timeout%5C%22%22", &[4]),
    ("nothing", &[]),
];

#[tokio::test]
async fn words_phrases_and_parts_are_found_counted_and_deleted() {
    let installation = Installation::start();
    let first_id = post_messages(&installation).await;

    let mut wrong = Vec::new();
    for (q, expected) in QUERIES {
        for name in ["q", "query"] {
            let (_, found) = ask(installation.get(&format!("/logs?{name}={q}"))).await;
            let found: Vec<i64> = ids(&found).into_iter().map(|id| id - first_id).collect();
            let (_, page) = ask(installation.get(&format!("/api/v1/logs?limit=1&{name}={q}"))).await;
            let series = format!("/api/v1/metrics/timeseries?from={NOON}&to={}&{name}={q}", NOON + 60);
            let (_, series) = ask(installation.get(&series)).await;
            if found != expected || page["total"] != expected.len() || series["total"] != expected.len() {
                wrong.push(format!("{name}={q}: {expected:?}, not {found:?}, {page}, {series}"));
            }
        }
    }
    let (_, deleted) = ask(installation.delete("/logs?q=*flow*")).await;

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((&deleted["deleted"], installation.all_logs("").await.len()), (&json!(1), 4));
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_400_with_a_caret_and_deletes_nothing() {
    let installation = Installation::start();
    post_messages(&installation).await;
    let cases = [
        ("a%20)b", "at byte 2: ", "\na )b\n  ^"),
        ("service:", "at byte 8: ", "\nservice:\n        ^"),
        ("a%20OR", "at byte 4: ", "\na OR\n    ^"),
        ("/(/", "at byte ", "^"),
        ("%22a", "at byte 2: expected a quote", "\n\"a\n  ^"),
    ];

    for (q, reason, caret) in cases {
        let requests = [
            installation.get(&format!("/logs?q={q}")),
            installation.get(&format!("/api/v1/logs?query={q}")),
            installation.delete(&format!("/logs?q={q}")),
        ];
        for request in requests {
            let problem = Answer::to(request).await.problem(400, "invalid_parameter").expect(q);
            let detail = problem["detail"].as_str().expect("a text");
            assert!(detail.contains(reason) && detail.ends_with(caret), "{q}: {detail}");
        }
    }
    let words = vec!["a"; 1001].join("+");
    let problem = Answer::to(installation.get(&format!("/logs?q={words}"))).await;
    let problem = problem.problem(400, "invalid_parameter").expect("1001 words");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("at most 1000 terms")), "{problem}");
    assert_eq!(installation.all_logs("").await.len(), MESSAGES.len());
}

#[tokio::test]
async fn pages_and_series_agree_with_a_count_of_all_logs() {
    let installation = Installation::start();
    let first_id = post_messages(&installation).await;

    let (_, page) = ask(installation.get("/api/v1/logs?page=2&page_size=2&order=asc")).await;
    let range = format!("interval=2s&from={NOON}&to={}", NOON + 6);
    let (_, series) = ask(installation.get(&format!("/api/v1/metrics/timeseries?{range}"))).await;
    let (_, none) = ask(installation.get("/api/v1/metrics/timeseries")).await;
    let refused = Answer::to(installation.get("/api/v1/metrics/timeseries?interval=1s&from=0")).await;

    assert_eq!(ids(&page["logs"]), [first_id + 2, first_id + 3]);
    assert_eq!((&page["total"], &page["page"], &page["page_size"]), (&json!(5), &json!(2), &json!(2)));
    let counts: Vec<&Value> =
        series["buckets"].as_array().expect("buckets").iter().map(|bucket| &bucket["count"]).collect();
    assert_eq!((counts, &series["total"]), (vec![&json!(2), &json!(2), &json!(1)], &json!(5)));
    assert_eq!(series["buckets"][1]["timestamp"], "2025-04-01T12:00:02Z");
    assert_eq!((&none["total"], &none["interval_seconds"]), (&json!(0), &json!(300)));
    refused.problem(400, "invalid_parameter").unwrap();
}

/// Posts the messages, a second apart from noon on; returns the first id.
async fn post_messages(installation: &Installation) -> i64 {
    let log = |(text, n): (&&str, i64)| json!({"service": "pay", "message": text, "timestamp": NOON + n});
    post(installation, &MESSAGES.iter().zip(0..).map(log).collect()).await
}
