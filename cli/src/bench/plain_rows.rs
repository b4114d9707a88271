//! The same logs as plain SQLite rows with three indexes: what an obvious implementation costs. The only file
//! outside of the engine that speaks SQL.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, QueryBuilder, Sqlite, SqliteConnection};

use super::log_set::{LogSet, SetLog};
use super::process::{cpu_seconds, directory_bytes};
use super::sender::batch;

/// What plain rows cost. No HTTP, no JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainRows {
    /// CPU seconds of all logs; making them is not counted.
    pub(crate) cpu_seconds: f64,
    /// The time of all writes.
    pub(crate) took: Duration,
    /// Their size on the disk.
    pub(crate) bytes: u64,
}

/// Writes so many batches into `directory`, one durable transaction each.
///
/// # Errors
/// SQLite's.
pub(crate) async fn write(set: &LogSet, batches: u64, directory: &Path) -> anyhow::Result<PlainRows> {
    let mut connection = open(directory).await.context("cannot make the plain rows' file")?;
    let own = std::process::id();
    let (mut cpu, mut took) = (0.0, Duration::ZERO);
    for number in 0..batches {
        let logs = set.logs(batch(number));
        let (before, started) = (cpu_seconds(own)?, Instant::now());
        insert(&mut connection, &logs).await?;
        cpu += cpu_seconds(own)? - before;
        took += started.elapsed();
    }
    connection.close().await?;
    Ok(PlainRows { cpu_seconds: cpu, took, bytes: directory_bytes(directory)? })
}

async fn open(directory: &Path) -> sqlx::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(directory.join("rows.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await?;
    for statement in [
        "CREATE TABLE logs (id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, received_at INTEGER NOT NULL,
             service TEXT NOT NULL, severity TEXT NOT NULL, message TEXT NOT NULL, attributes TEXT NOT NULL)",
        "CREATE INDEX logs_by_time ON logs (timestamp)",
        "CREATE INDEX logs_by_service ON logs (service, timestamp)",
        "CREATE INDEX logs_by_severity ON logs (severity, timestamp)",
    ] {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    Ok(connection)
}

/// Inserts a batch, all rows in one statement: SQLite takes 32,766 parameters, each row has six.
async fn insert(connection: &mut SqliteConnection, logs: &[SetLog<'_>]) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new(
        "INSERT INTO logs (timestamp, received_at, service, severity, message, attributes) ",
    );
    insert.push_values(logs, |mut row, log| {
        let timestamp = log.timestamp_micros.cast_signed();
        row.push_bind(timestamp).push_bind(timestamp).push_bind(log.service);
        row.push_bind(log.severity.unwrap_or("INFO")).push_bind(&*log.message).push_bind(&log.attributes);
    });
    insert.build().execute(&mut *transaction).await?;
    transaction.commit().await
}
