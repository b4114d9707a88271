//! The same logs as plain SQLite rows with three indexes: what an obvious implementation costs.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, QueryBuilder, Sqlite};

use crate::BATCH_SIZE;
use crate::comparison_set::ComparisonSet;
use crate::process::{cpu_seconds, directory_bytes};

/// Rows of one INSERT: SQLite takes 32,766 parameters, each row has six.
const ROWS_OF_AN_INSERT: usize = 1000;

/// Writes the logs with one durable transaction per batch, and prints what it took. No HTTP, no JSON.
pub(crate) async fn run(logs: u64) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let options = SqliteConnectOptions::new()
        .filename(directory.path().join("rows.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    let mut connection = options.connect().await.expect("SQLite opens a new file");
    for statement in [
        "CREATE TABLE logs (id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, received_at INTEGER NOT NULL,
             service TEXT NOT NULL, severity TEXT NOT NULL, message TEXT NOT NULL, attributes TEXT NOT NULL)",
        "CREATE INDEX logs_by_time ON logs (timestamp)",
        "CREATE INDEX logs_by_service ON logs (service, timestamp)",
        "CREATE INDEX logs_by_severity ON logs (severity, timestamp)",
    ] {
        sqlx::query(statement).execute(&mut connection).await.expect("the schema is valid");
    }
    let own = std::process::id();
    let (mut cpu, mut made) = (0.0, 0.0);
    for batch in 0..logs / BATCH_SIZE {
        let before = cpu_seconds(own);
        let mut set = ComparisonSet::new(batch);
        let rows: Vec<_> = (0..BATCH_SIZE).map(|n| set.log(batch * BATCH_SIZE + n)).collect();
        let between = cpu_seconds(own);
        made += between - before;
        let mut transaction = connection.begin().await.expect("a transaction begins");
        for rows in rows.chunks(ROWS_OF_AN_INSERT) {
            let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new(
                "INSERT INTO logs (timestamp, received_at, service, severity, message, attributes) ",
            );
            insert.push_values(rows, |mut row, log| {
                let timestamp = log.timestamp_micros.cast_signed();
                row.push_bind(timestamp).push_bind(timestamp).push_bind(log.service);
                row.push_bind(log.severity).push_bind(&log.message).push_bind(&log.attributes);
            });
            insert.build().execute(&mut *transaction).await.expect("the rows are inserted");
        }
        transaction.commit().await.expect("the rows are committed");
        cpu += cpu_seconds(own) - between;
    }
    connection.close().await.expect("the file is closed");
    let millions = logs as f64 / 1e6;
    println!(
        "plain rows, CPU     {:>8.2} s per million logs (making them {:.2} s, not counted)",
        cpu / millions,
        made / millions
    );
    println!(
        "plain rows, on disk {:>8.1} bytes a log",
        directory_bytes(directory.path()) as f64 / logs as f64
    );
}
