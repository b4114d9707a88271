//! The rules for records in the order of their ids.

use std::time::Duration;

use domain::condition::{Clause, Condition};
use domain::{Filter, Order};
use testkit::build::{record, tenant};

use super::{append, deadline, messages, of_service};
use crate::{LogStore, Scan, ScanPage};

/// A scan in strides of any length brings every record that is selected once, in the order of ids, and says how far it
/// got.
pub async fn a_scan_brings_every_record_in_the_order_of_ids(store: &dyn LogStore) {
    let of = |service: &str, from: i64, to: i64| -> Vec<_> {
        // Later ids happened earlier: a scan does not go by time.
        (from..to).map(|n| record(&format!("{service} {n}")).service(service).at(-n)).collect()
    };
    append(store, "a", &of("pay", 0, 3)).await;
    append(store, "a", &of("auth", 3, 10)).await;
    append(store, "b", &of("pay", 0, 5)).await;
    let last = append(store, "a", &of("pay", 10, 12)).await.last_id;

    let everything: Vec<String> =
        (0..12).map(|n| format!("{} {n}", if (3..10).contains(&n) { "auth" } else { "pay" })).collect();
    let of_pay: Vec<String> =
        everything.iter().filter(|message| message.starts_with("pay")).cloned().collect();
    for limit in [1, 2, 5, 100] {
        for (filter, expected) in [(Filter::default(), &everything), (of_service("pay"), &of_pay)] {
            let (found, reached) = walk(store, &filter, Order::Ascending, limit).await;
            assert_eq!((&found, reached), (expected, last), "{limit}");
            let (mut found, _) = walk(store, &filter, Order::Descending, limit).await;
            found.reverse();
            assert_eq!(&found, expected, "{limit}");
        }
    }
    let count_of = async |ids: std::ops::RangeInclusive<i64>| {
        let filter = Filter { condition: Condition::Is(Clause::Id(ids)), ..Filter::default() };
        store.count(&tenant("a"), &filter, deadline()).await.unwrap()
    };
    for id in (1..=last).filter(|id| !(11..=15).contains(id)) {
        assert_eq!(count_of(id..=id).await, 1, "{id}");
    }
    assert_eq!((count_of(1..=last).await, count_of(3..=10).await, count_of(11..=15).await), (12, 8, 0));
    let behind = Scan { after: last, order: Order::Ascending, limit: 10, max_bytes: usize::MAX };
    let page = store.scan(&tenant("a"), &Filter::default(), &behind, deadline()).await.unwrap();
    assert_eq!(page, ScanPage { records: Vec::new(), reached: last, is_end: true });
}

/// Scans to the end; returns the messages and how far it got.
async fn walk(store: &dyn LogStore, filter: &Filter, order: Order, limit: usize) -> (Vec<String>, i64) {
    let mut after = if order == Order::Ascending { 0 } else { i64::MAX };
    let mut found = Vec::new();
    for _ in 0..1000 {
        let page = store
            .scan(&tenant("a"), filter, &Scan { after, order, limit, max_bytes: usize::MAX }, deadline())
            .await
            .unwrap();
        assert!(page.records.len() <= limit, "{page:?}");
        found.extend(messages(&page.records).into_iter().map(str::to_owned));
        after = page.reached;
        if page.is_end {
            return (found, after);
        }
    }
    panic!("the scan does not end");
}

/// Whoever watches the last id is told of a commit, and finds its records.
pub async fn a_commit_is_noticed_by_whoever_watches(store: &dyn LogStore) {
    append(store, "a", &[record("before")]).await;
    let mut watched = store.watch_last_id();
    watched.mark_unchanged();
    for round in 0..3 {
        let appended = append(store, "a", &[record(&format!("round {round}"))]).await;
        let noticed = tokio::time::timeout(
            Duration::from_secs(60),
            watched.wait_for(|last_id| *last_id >= appended.last_id),
        );
        assert!(noticed.await.is_ok_and(|watched| watched.is_ok()), "round {round}");
    }
}
