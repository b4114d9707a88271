//! What lies in a data directory after every process has closed it.

use std::fs;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Connection, FromRow, SqliteConnection};

/// Checks that nothing is left in a file's write-ahead log: whoever wrote to the file last has ended in order.
pub(crate) fn assert_no_wal(file: &Path) {
    let wal = file.with_extension("db-wal");
    let length = fs::metadata(&wal).map_or(0, |found| found.len());
    assert_eq!(length, 0, "{} holds something after an orderly end", wal.display());
}

/// Checks that `logs.db`, which nobody has open any more, is whole and counts what it holds: so many records.
pub(crate) async fn assert_in_order(data_dir: &Path, records: usize) {
    let (logs, control) = (data_dir.join("logs.db"), data_dir.join("control.db"));
    assert_no_wal(&logs);
    assert_no_wal(&control);
    let mut logs = open(&logs).await;

    let integrity: Vec<(String,)> = rows(&mut logs, "PRAGMA integrity_check").await;
    let blocks: Vec<(String, i64)> =
        rows(&mut logs, "SELECT tenant, sum(live_count) FROM blocks GROUP BY tenant").await;
    let counters: Vec<(String, i64)> =
        rows(&mut logs, "SELECT tenant, sum(record_count) FROM counters GROUP BY tenant").await;
    let orphans = "SELECT id FROM chunks WHERE id / 64 NOT IN (SELECT id FROM blocks)";
    let orphans: Vec<(i64,)> = rows(&mut logs, orphans).await;
    logs.close().await.expect("it can be closed");

    assert_eq!(integrity, [("ok".to_owned(),)]);
    assert_eq!(blocks, [("default".to_owned(), records as i64)]);
    assert_eq!(counters, blocks, "the counters count what the blocks hold");
    assert_eq!(orphans, [], "chunks without a block");
}

/// Opens a file of the store, as it is.
pub(crate) async fn open(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false);
    options.connect().await.unwrap_or_else(|error| panic!("cannot open {}: {error}", path.display()))
}

async fn rows<Row>(database: &mut SqliteConnection, query: &'static str) -> Vec<Row>
where
    Row: for<'row> FromRow<'row, SqliteRow> + Send + Unpin,
{
    sqlx::query_as(query).fetch_all(database).await.unwrap_or_else(|error| panic!("{query}: {error}"))
}
