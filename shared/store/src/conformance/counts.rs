//! The rules for what is counted by time and by size.

use domain::{Filter, TextMatch, TimeRange, Timestamp};
use testkit::build::{NOON_MICROS, record, tenant};

use super::{append, deadline, holds, of_service};
use crate::{Buckets, LogStore, StoreError};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

/// Every selected record is counted in the bucket of its timestamp, with its service and severity, also after others
/// were deleted, and whether the buckets fall on minutes or not.
pub async fn counts_are_per_bucket_service_and_severity(store: &dyn LogStore) {
    let at: [i64; 8] = [-61, -1, 0, 59, 60, 61, 179, 600];
    let mut sent = Vec::new();
    for (n, seconds) in at.into_iter().enumerate() {
        let service = if n % 3 == 0 { "pay" } else { "auth" };
        let severity = if n % 2 == 0 { "WARN" } else { "INFO" };
        sent.push(record(&format!("number {n}")).at(seconds).service(service).severity(severity));
    }
    append(store, "a", &sent[..5]).await;
    append(store, "a", &sent[5..]).await;
    append(store, "b", &sent).await;
    let gone = TimeRange { from: Some(NOON_MICROS + 60 * SECOND), to: Some(NOON_MICROS + 61 * SECOND) };
    let deleted = store.delete(&tenant("a"), &Filter { timestamp: gone, ..Filter::default() }, false).await;
    assert_eq!(deleted.unwrap(), 1);

    let of_message =
        |text| Filter { condition: holds(TextMatch::phrase(text).expect("a word")), ..Filter::default() };
    let first_minute = TimeRange { from: None, to: Some(NOON_MICROS + 59 * SECOND + 1) };
    for (filter, start, width, expected) in [
        (Filter::default(), 0, MINUTE, &[2, 1, 1, 0][..]),
        (Filter::default(), -2 * MINUTE, MINUTE, &[1, 1, 2, 1]),
        (Filter::default(), -2 * MINUTE, 2 * MINUTE, &[2, 3, 1, 0, 0, 0, 1]),
        (Filter::default(), -1, SECOND, &[1, 0, 0]),
        (of_service("pay"), -2 * MINUTE, 2 * MINUTE, &[1, 1, 1]),
        (of_service("nobody"), 0, MINUTE, &[0]),
        (of_message("number"), 0, MINUTE, &[2, 1, 1, 0]),
        (of_message("6"), 0, MINUTE, &[0, 0, 1]),
        (Filter { timestamp: first_minute, ..Filter::default() }, -2 * MINUTE, MINUTE, &[1, 1, 2, 0]),
        (Filter::default(), 0, MINUTE, &[]),
    ] {
        let buckets =
            Buckets { start_micros: NOON_MICROS + start, width_micros: width, count: expected.len() };
        let found = per_bucket(store, &filter, &buckets).await;
        assert_eq!(found, expected, "{filter:?} {buckets:?}");
    }

    let counts = store.count_by(&tenant("a"), &Filter::default(), None, deadline()).await.unwrap();
    let cells: Vec<_> = counts
        .cells
        .iter()
        .map(|c| (c.bucket, c.service.as_str(), c.severity.level_text(), c.count))
        .collect();
    let expected =
        [(0, "auth", "INFO", 3), (0, "auth", "WARN", 1), (0, "pay", "INFO", 1), (0, "pay", "WARN", 2)];
    assert_eq!(cells, expected);
    let buckets = Buckets { start_micros: NOON_MICROS, width_micros: MINUTE, count: 2 };
    let counts = store.count_by(&tenant("a"), &of_service("auth"), Some(&buckets), deadline()).await.unwrap();
    let cells: Vec<_> = counts.cells.iter().map(|c| (c.bucket, c.severity.level_text(), c.count)).collect();
    assert_eq!(cells, [(0, "WARN", 1), (1, "INFO", 1)]);
}

/// Returns how many records each bucket has.
async fn per_bucket(store: &dyn LogStore, filter: &Filter, buckets: &Buckets) -> Vec<u64> {
    let counts = store.count_by(&tenant("a"), filter, Some(buckets), deadline()).await.unwrap();
    assert!(counts.complete && counts.cells.is_sorted(), "{counts:?}");
    let mut per_bucket = vec![0; buckets.count];
    counts.cells.iter().for_each(|cell| per_bucket[cell.bucket] += cell.count);
    per_bucket
}

/// What fits into a size is told by arrival, and deleting what arrived before leaves what fits.
pub async fn what_fits_is_told_by_arrival(store: &dyn LogStore) {
    for n in 0..8 {
        append(store, "a", &[record(&format!("number {n}")).at(-n).received(n)]).await;
    }
    append(store, "c", &(0..40).map(|n| record(&format!("number {n}"))).collect::<Vec<_>>()).await;
    let one = Filter { condition: holds(TextMatch::phrase("17").expect("a word")), ..Filter::default() };
    let all_need = {
        let mut max_bytes = 1;
        while store.arrival_that_fits(&tenant("c"), &Filter::default(), max_bytes).await.unwrap().is_some() {
            max_bytes += 1;
        }
        max_bytes
    };
    let one_of_forty = store.arrival_that_fits(&tenant("c"), &one, all_need / 10).await.unwrap();
    assert_eq!(one_of_forty, None, "one of forty takes no tenth of what all do");

    let owner = tenant("a");
    let fits = async |max_bytes| {
        let found: Result<Option<Timestamp>, StoreError> =
            store.arrival_that_fits(&owner, &Filter::default(), max_bytes).await;
        found.unwrap()
    };
    assert_eq!(fits(u64::MAX).await, None, "all of it fits");
    let nothing = fits(0).await.expect("nothing fits into nothing");
    assert!(nothing.as_micros() > NOON_MICROS + 7 * SECOND);

    let mut max_bytes = 1;
    while fits(max_bytes).await.is_some_and(|arrival| arrival.as_micros() > NOON_MICROS + 4 * SECOND) {
        max_bytes += 1;
    }
    let arrival = fits(max_bytes).await.expect("the oldest do not fit yet");
    let received_at = TimeRange { from: None, to: Some(arrival.as_micros()) };
    store.delete(&owner, &Filter { received_at, ..Filter::default() }, false).await.unwrap();
    assert_eq!(fits(max_bytes).await, None, "what is left fits");
    assert_eq!(store.count(&owner, &Filter::default(), deadline()).await.unwrap(), 4);
}
