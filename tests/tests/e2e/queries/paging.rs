//! Walks through more logs than a page holds.

use std::collections::BTreeMap;

use e2e_tests::{Answer, Installation};
use serde_json::{Value, json};

use super::{ids, post};

/// 2025-04-01T12:00:00Z, in seconds since the Unix epoch.
const NOON: i64 = 1_743_508_800;

#[tokio::test]
async fn a_limit_of_5000_is_served_as_1000_and_links_that_lead_to_the_rest() {
    let installation = Installation::start();
    let first_id = post(&installation, &logs_at((0..2500).map(|n| NOON + n % 50))).await;

    let mut pages = Vec::new();
    let mut next = Some("/logs?service=pay&limit=5000".to_owned());
    while let Some(path) = next {
        let answer = Answer::to(installation.get(&path)).await;
        next = linked(&answer);
        assert_eq!(next.is_some(), !answer.header("x-next-cursor").is_empty());
        pages.push(ids(&answer.json()));
    }

    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1000, 1000, 500]);
    let mut newest_first: Vec<(i64, i64)> = (0..2500).map(|n| (n % 50, first_id + n)).collect();
    newest_first.sort_unstable_by(|a, b| b.cmp(a));
    let expected: Vec<i64> = newest_first.into_iter().map(|(_, id)| id).collect();
    assert_eq!(pages.concat(), expected);
}

#[tokio::test]
async fn a_link_keeps_the_question_and_drops_the_offset() {
    let installation = Installation::start();
    let first_id = post(&installation, &logs_at((0..10).map(|n| NOON + n))).await;

    let path = "/logs?service=pay&order=asc&timestamp_start=2025-04-01+12:00:02&offset=1&limit=3";
    let first = Answer::to(installation.get(path)).await;
    let second = Answer::to(installation.get(&linked(&first).expect("there is more"))).await;
    let third = Answer::to(installation.get(&linked(&second).expect("there is more"))).await;

    let places = |answer: &Answer| ids(&answer.json()).iter().map(|id| id - first_id).collect::<Vec<_>>();
    assert_eq!([places(&first), places(&second), places(&third)], [vec![3, 4, 5], vec![6, 7, 8], vec![9]]);
    assert_eq!(linked(&third), None);
}

#[tokio::test]
async fn a_last_page_that_is_full_links_to_nothing() {
    let installation = Installation::start();
    post(&installation, &logs_at((0..6).map(|n| NOON + n))).await;

    let first = Answer::to(installation.get("/logs?limit=3")).await;
    let last = Answer::to(installation.get(&linked(&first).expect("there is more"))).await;

    assert_eq!(ids(&last.json()).len(), 3);
    assert_eq!((linked(&last), last.header("x-next-cursor")), (None, ""));
}

#[tokio::test]
async fn a_walk_sees_each_log_once_and_of_those_that_arrive_the_ones_ahead_of_it() {
    for order in ["desc", "asc"] {
        let installation = Installation::start();
        let first_id = post(&installation, &logs_at((0..100).map(|n| NOON + n / 10))).await;
        let mut times: BTreeMap<i64, i64> = (0..100).map(|n| (first_id + n, NOON + n / 10)).collect();
        let mut expected: Vec<(i64, i64)> = times.iter().map(|(id, time)| (*time, *id)).collect();

        let mut seen = Vec::new();
        let mut next = Some(format!("/logs?limit=7&order={order}"));
        while let Some(path) = next {
            let answer = Answer::to(installation.get(&path)).await;
            seen.extend(ids(&answer.json()));
            next = linked(&answer);
            if next.is_none() {
                break;
            }
            // At either end, in one moment with others: one that the walk has passed, one that lies ahead.
            let last = seen.last().map(|id| (times[id], *id)).expect("a page that links on is not empty");
            for time in [NOON, NOON + 9] {
                let id = post(&installation, &logs_at([time].into_iter())).await;
                times.insert(id, time);
                let is_ahead = if order == "desc" { (time, id) < last } else { (time, id) > last };
                expected.extend(is_ahead.then_some((time, id)));
            }
        }

        expected.sort_unstable();
        if order == "desc" {
            expected.reverse();
        }
        assert_eq!(seen, expected.iter().map(|(_, id)| *id).collect::<Vec<_>>(), "{order}");
        assert!(expected.len() > 110 && times.len() > expected.len(), "some were ahead, some were passed");
    }
}

#[tokio::test]
async fn a_walk_misses_nothing_while_a_sender_posts_as_fast_as_it_can() {
    let installation = Installation::start();
    let first_id = post(&installation, &logs_at((0..500).map(|n| NOON + n))).await;

    let sending = async {
        for n in 0..100 {
            post(&installation, &logs_at([NOON + n * 5].into_iter())).await;
        }
    };
    let (found, ()) = tokio::join!(walk(&installation, "/logs?limit=13"), sending);

    let mut once = found.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), found.len(), "nothing is seen twice");
    let there_from_the_start: Vec<i64> = once.into_iter().filter(|id| *id < first_id + 500).collect();
    assert_eq!(there_from_the_start, (first_id..first_id + 500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_walk_goes_on_when_the_log_it_stands_at_is_deleted() {
    let installation = Installation::start();
    let first_id = post(&installation, &logs_at((0..9).map(|n| NOON + n))).await;

    let first = Answer::to(installation.get("/logs?limit=3")).await;
    let deleted = Answer::to(installation.delete(&format!("/logs?from={}&to={}", NOON + 6, NOON + 7))).await;
    let second = Answer::to(installation.get(&linked(&first).expect("there is more"))).await;

    assert_eq!(deleted.json()["deleted"], 1);
    assert_eq!(ids(&first.json()).last(), Some(&(first_id + 6)));
    assert_eq!(ids(&second.json()), [first_id + 5, first_id + 4, first_id + 3]);
}

/// Follows the links from `path` to the end; returns all ids in order.
async fn walk(installation: &Installation, path: &str) -> Vec<i64> {
    let mut found = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let answer = Answer::to(installation.get(&path)).await;
        found.extend(ids(&answer.json()));
        next = linked(&answer);
    }
    found
}

/// Returns the address of the next page as the answer spells it.
fn linked(answer: &Answer) -> Option<String> {
    let link = answer.header("link");
    if link.is_empty() {
        return None;
    }
    let address = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
    Some(address.unwrap_or_else(|| panic!("a link to the next page, not {link}")).to_owned())
}

/// Makes logs that happened at these times, in seconds since the Unix epoch.
fn logs_at(times: impl Iterator<Item = i64>) -> Value {
    times.map(|time| json!({"service": "pay", "message": "m", "timestamp": time})).collect()
}
