//! A sound store verifies, and every planted damage is named.

use domain::Filter;
use domain::Timestamp;
use store::{Append, LogStore};
use tempfile::TempDir;
use testkit::build::{batch, record, tenant};

use super::*;
use crate::{SqliteLogStore, StoreDirectory};

/// Makes a store of two tenants: blocks 1, 2, 4 and 5, ids 1 to 9, of which 7 was deleted.
async fn new_store() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let place = StoreDirectory::prepare(directory.path()).unwrap();
    let store = SqliteLogStore::open(&place).await.unwrap();
    for (name, count) in [("a", 2), ("b", 2), ("a", 3), ("a", 2)] {
        let records: Vec<_> = (0..count)
            .map(|n| {
                record(&format!("m{n}")).at_micros(n * 1_000_000).service(["auth", "pay"][n as usize % 2])
            })
            .collect();
        let append = Append { tenant: tenant(name), batch: batch(&records), idempotency: None };
        store.append(append).await.unwrap();
    }
    let middle =
        Filter { timestamp: domain::TimeRange { from: Some(2_000_000), to: None }, ..Filter::default() };
    store.delete(&tenant("a"), &middle, false).await.unwrap();
    store.close().await.unwrap();
    directory
}

async fn damage(directory: &TempDir, statements: &'static str) {
    let database = Database::at(directory.path().join("logs.db"));
    let mut connection = database.connect_writer().await.unwrap();
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}

async fn problems(directory: &TempDir) -> Vec<String> {
    let report = verify(directory.path(), &|_| {}).await.unwrap();
    report.problems.iter().map(Problem::to_string).collect()
}

#[tokio::test]
async fn a_sound_store_verifies_and_is_counted() {
    let directory = new_store().await;

    let report = verify(directory.path(), &|_| {}).await.unwrap();

    assert_eq!(report.problems, []);
    assert!(report.blocks == 4 && report.chunks == 4, "{report:?}");
    assert_eq!(report.records, 8, "{report:?}");
}

#[tokio::test]
async fn every_planted_damage_is_named() {
    let cases: [(&str, &str); 19] = [
        (
            "UPDATE counters SET record_count = record_count + 1 WHERE tenant = 'b' AND service = 'pay'",
            "counters (b, pay, ",
        ),
        (
            "UPDATE counters SET last_timestamp = 7 WHERE tenant = 'b' AND service = 'auth'",
            "last_timestamp is 7 where",
        ),
        ("DELETE FROM counters WHERE tenant = 'b'", "record_count is 0 where the blocks hold 1"),
        ("INSERT INTO counters VALUES ('c', 'auth', 9, 5, 5)", "counters (c, auth, "),
        ("DELETE FROM blocks WHERE id = 2", "chunks 128: it belongs to no block"),
        ("DELETE FROM chunks WHERE id = 128", "chunks 128: block 2, chunk: it is missing"),
        ("INSERT INTO chunks SELECT 129, payload FROM chunks WHERE id = 128", "blocks 2: 1 chunks more"),
        (
            "UPDATE chunks SET payload = CAST(substr(payload, 1, length(payload) - 4) || x'00000000' AS BLOB) WHERE id = 64",
            "chunks 64: block 1, chunk: the zstd frame is damaged",
        ),
        (
            "UPDATE blocks SET head = CAST(substr(head, 1, length(head) - 4) || x'00000000' AS BLOB) WHERE id = 2",
            "blocks 2: block 2, head",
        ),
        (
            "UPDATE blocks SET record_count = record_count + 1 WHERE id = 2",
            "blocks 2: block 2, row: its checksum is wrong",
        ),
        (
            "UPDATE blocks SET tenant = 'b' WHERE id = 1; UPDATE blocks SET last_id = 3 WHERE id = 1",
            "blocks 2: its ids overlap those of block 1",
        ),
        ("UPDATE blocks SET live_count = live_count + 1 WHERE id = 1", "blocks 1: live_count is 3 where"),
        ("UPDATE minutes SET cells = x'01' WHERE tenant = 'b'", "minutes (b, 0): it counts otherwise"),
        ("UPDATE minutes SET cells = x'010109' WHERE tenant = 'b'", "minutes b: minutes, minute 0"),
        ("DELETE FROM minutes WHERE tenant = 'a'", "minutes (a, 0): it counts otherwise"),
        ("INSERT INTO token_slices VALUES (1600, x'00')", "token_slices 1600: it belongs to no block"),
        ("UPDATE record_ids SET last_id = 3", "was never given out: record_ids is at 3"),
        ("DELETE FROM record_ids", "record_ids: it has 0 rows"),
        (
            "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'blocks_newest_first'",
            "file: ",
        ),
    ];
    for (statements, expected) in cases {
        let directory = new_store().await;
        damage(&directory, statements).await;

        let found = problems(&directory).await;

        assert!(found.iter().any(|problem| problem.contains(expected)), "{statements}: {found:?}");
    }
}

#[tokio::test]
async fn a_token_filter_that_misses_a_token_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteLogStore::open(&StoreDirectory::prepare(directory.path()).unwrap()).await.unwrap();
    for n in 0..20 {
        let batch = batch(&[record(&format!("number {n}"))]);
        store.append(Append { tenant: tenant("a"), batch, idempotency: None }).await.unwrap();
    }
    store.merger().settle().await;
    store.close().await.unwrap();
    assert_eq!(problems(&directory).await, Vec::<String>::new());

    // An empty slice is a sound one (CRC-32 of nothing is 0), and holds nothing.
    damage(&directory, "UPDATE token_slices SET bits = x'00000000'").await;
    let emptied = problems(&directory).await;
    damage(&directory, "DELETE FROM token_slices WHERE id % 16 = 3").await;
    let missing = problems(&directory).await;

    assert!(emptied.iter().any(|problem| problem.contains("they miss tokens")), "{emptied:?}");
    assert!(missing.iter().any(|problem| problem.contains("a slice is missing")), "{missing:?}");
}

#[tokio::test]
async fn a_summary_that_counts_otherwise_than_its_records_is_named() {
    let directory = new_store().await;
    let database = Database::at(directory.path().join("logs.db"));
    let mut connection = database.connect_writer().await.unwrap();
    let mut block = crate::blocks::block_by_row_id(&mut connection, 2).await.unwrap().unwrap();
    block.summary.cells[0].count += 1;
    block.span.received.0 = Timestamp::MIN;
    let summary = block.summary.encode(block.span.timestamps.1);
    let update = sqlx::query("UPDATE blocks SET summary = ?, checksum = ?, min_received = ? WHERE id = 2");
    let update =
        update.bind(&summary[..]).bind(block.span.checksum(&summary)).bind(Timestamp::MIN.as_micros());
    update.execute(&mut connection).await.unwrap();

    let found = problems(&directory).await;

    for expected in ["blocks 2: its summary counts", "blocks 2: min_received", "counters (b, "] {
        assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}: {found:?}");
    }
}

#[tokio::test]
async fn a_directory_without_a_store_is_an_error_and_stays_empty() {
    let directory = tempfile::tempdir().unwrap();

    let verified = verify(directory.path(), &|_| {}).await;

    assert!(matches!(verified, Err(VerifyError::NoStore(_))), "{verified:?}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
