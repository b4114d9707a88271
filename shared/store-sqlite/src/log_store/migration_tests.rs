//! Files of earlier versions: `fixtures/logs-vN.sqlite`, and beside each the records in it, oldest first, as query-svc
//! answered them then.

use std::time::{Duration, Instant};

use domain::{Filter, LogRecord, Order, Page, TimeRange, Timestamp};
use serde_json::Value;
use store::{Buckets, LogStore};
use testkit::build::{NOON_MICROS, tenant};

use crate::{SqliteLogStore, StoreDirectory};

const FIXTURES: [(&[u8], &str); 2] = [
    (include_bytes!("../../fixtures/logs-v1.sqlite"), include_str!("../../fixtures/logs-v1.ndjson")),
    (include_bytes!("../../fixtures/logs-v2.sqlite"), include_str!("../../fixtures/logs-v2.ndjson")),
];

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn open(file: &[u8]) -> (tempfile::TempDir, SqliteLogStore) {
    let directory = tempfile::tempdir().unwrap();
    let files = StoreDirectory::prepare(directory.path()).unwrap();
    std::fs::write(files.logs_file(), file).unwrap();
    let store = SqliteLogStore::open(&files).await.unwrap();
    (directory, store)
}

fn as_json(records: &[LogRecord]) -> Vec<Value> {
    records.iter().map(|record| serde_json::to_value(record).unwrap()).collect()
}

#[tokio::test]
async fn files_of_every_earlier_version_are_read_as_they_were_written() {
    for (file, lines) in FIXTURES {
        let expected: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (_directory, store) = open(file).await;
        let owner = tenant("default");

        let page = Page { limit: 1000, order: Order::Ascending, ..Page::default() };
        let found = store.search(&owner, &Filter::default(), &page, deadline()).await.unwrap().records;

        assert_eq!(as_json(&found), expected);
        let counters = store.counters(&owner).await.unwrap();
        assert_eq!(counters, store::conformance::recount(&found));
        let condition = domain::query::parse("\"settled for user\"", Timestamp::MIN).unwrap();
        let count =
            store.count(&owner, &Filter { condition, ..Filter::default() }, deadline()).await.unwrap();
        assert_eq!(count, expected.len() as u64);
    }
}

#[tokio::test]
async fn the_minutes_of_an_earlier_file_are_counted_when_it_is_opened_and_only_then() {
    for (file, _) in FIXTURES {
        let (directory, store) = open(file).await;
        let owner = tenant("default");
        let minutes = Buckets { start_micros: NOON_MICROS, width_micros: 60_000_000, count: 60 };
        let count = async |store: &SqliteLogStore, filter: &Filter| {
            store.count_by(&owner, filter, Some(&minutes), deadline()).await.unwrap()
        };
        let by_minutes = count(&store, &Filter::default()).await;
        // A range of arrivals is nothing that the counts per minute know.
        let received_at = TimeRange { from: Some(0), to: None };
        let by_records = Filter { received_at, ..Filter::default() };
        let by_records = count(&store, &by_records).await;
        store.close().await.unwrap();

        let files = StoreDirectory::prepare(directory.path()).unwrap();
        let again = SqliteLogStore::open(&files).await.unwrap();
        let after_reopening = count(&again, &Filter::default()).await;

        assert_eq!(by_minutes, by_records);
        assert_eq!(after_reopening, by_records);
        assert!(by_records.total() > 100);
    }
}
