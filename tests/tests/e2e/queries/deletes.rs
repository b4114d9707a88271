//! `DELETE /logs`: exactly what was selected is gone, from every answer, when the delete answers.

use e2e_tests::installation::ask;
use e2e_tests::{Answer, Installation};
use serde_json::{Value, json};

use super::{ids, post};

/// 2025-04-01T12:00:00Z, in seconds since the Unix epoch.
const NOON: i64 = 1_743_508_800;

#[tokio::test]
async fn a_dry_run_counts_and_the_delete_takes_exactly_those_out_of_every_answer() {
    let installation = Installation::start();
    let first_id = post_ten(&installation).await;
    let before = format!("/logs?before={}", NOON + 4);

    let (_, counted) = ask(installation.delete(&format!("{before}&dry_run=true"))).await;
    let untouched = installation.all_logs("").await.len();
    let (status, deleted) = ask(installation.delete(&before)).await;

    assert_eq!(counted, json!({"message": "4 log(s) would be deleted", "deleted": 4, "dry_run": true}));
    assert_eq!(untouched, 10);
    assert_eq!(status, 200);
    assert_eq!(deleted, json!({"message": "4 log(s) deleted", "deleted": 4, "dry_run": false}));
    let (_, found) = ask(installation.get("/logs?order=asc")).await;
    assert_eq!(ids(&found), (first_id + 4..first_id + 10).collect::<Vec<_>>());
    for id in first_id..first_id + 10 {
        let one = Answer::to(installation.get(&format!("/logs/{id}"))).await;
        assert_eq!(one.status, if id < first_id + 4 { 404 } else { 200 }, "{id}");
    }
    let (_, stats) = ask(installation.get("/stats")).await;
    assert_eq!(stats["logs_per_service"], json!({"auth": 3, "pay": 3}));
    assert_eq!((&stats["total"], &stats["logs_per_severity"]), (&json!(6), &json!({"INFO": 4, "ERROR": 2})));
    let (_, again) = ask(installation.delete(&before)).await;
    assert_eq!(again["deleted"], 0);
}

#[tokio::test]
async fn every_filter_deletes_what_it_finds() {
    let filters = [
        "service=auth".to_owned(),
        "service=auth,pay".to_owned(),
        "level=ERROR".to_owned(),
        "min_severity=warn&service=pay".to_owned(),
        format!("before={}", NOON + 1),
        format!("to={}", NOON + 5),
        format!("from={}", NOON + 9),
        format!("timestamp_start={0}&timestamp_end={0}", NOON + 3),
        "received_at_end=now".to_owned(),
        "received_at_start=now".to_owned(),
        "service=nobody".to_owned(),
    ];
    for filter in filters {
        let installation = Installation::start();
        post_ten(&installation).await;
        let all = installation.all_logs("").await;
        // A search has no `before`; it is `to` by another name.
        let selected = installation.all_logs(&filter.replace("before=", "to=")).await;

        let (_, deleted) = ask(installation.delete(&format!("/logs?{filter}"))).await;

        assert_eq!(deleted["deleted"], selected.len(), "{filter}");
        let rest: Vec<Value> = all.into_iter().filter(|log| !selected.contains(log)).collect();
        assert_eq!(installation.all_logs("").await, rest, "{filter}");
    }
}

#[tokio::test]
async fn ids_of_deleted_logs_are_not_given_again() {
    let installation = Installation::start();
    let first_id = post_ten(&installation).await;

    let (_, deleted) = ask(installation.delete("/logs?from=0")).await;
    let next_id = post(&installation, &json!({"service": "pay", "message": "after"})).await;

    assert_eq!(deleted["deleted"], 10);
    assert!(next_id > first_id + 9, "{next_id}");
    assert_eq!(installation.all_logs("").await.len(), 1);
}

/// Posts ten logs, a second apart from noon on, of auth and pay in turns, every third an ERROR; in three requests,
/// so that they lie apart. Returns the first id.
async fn post_ten(installation: &Installation) -> i64 {
    let log = |n: i64| {
        let (service, level) = (["auth", "pay"][n as usize % 2], ["ERROR", "INFO", "INFO"][n as usize % 3]);
        json!({"service": service, "level": level, "message": format!("log {n}"), "timestamp": NOON + n})
    };
    let first_id = post(installation, &(0..4).map(log).collect()).await;
    post(installation, &(4..7).map(log).collect()).await;
    post(installation, &(7..10).map(log).collect()).await;
    first_id
}
