//! What a file has to be before it may be called a backup, or be put back.
//!
//! `PRAGMA integrity_check` sees every page, but not what the blobs hold: those are read as queries read them,
//! and every part of a block has a checksum. A file whose blocks are laid out differently, of an earlier version, is not
//! read so far; opening it brings it up to date.

use std::path::Path;

use domain::Tenant;
use sqlx::{Connection, SqliteConnection};
use store::StoreError;

use super::BackupError;
use crate::blocks::{BlockRow, blocks_by_id, read_chunk, read_head, read_token_filter};
use crate::database::{Database, OpenError, Schema, classify};

/// How many blocks are read at a time.
const BLOCKS_AT_A_TIME: i64 = 64;

/// The version of the schema from which on blocks are laid out as they are now.
const BLOCKS_AS_NOW_SINCE: i64 = 2;

/// Verifies a file of logs that nobody writes to; returns how many logs it holds.
pub(super) async fn verify_logs(path: &Path) -> Result<u64, BackupError> {
    let (mut connection, version) = open(path, &Schema::LOGS).await?;
    let count_of_blocks = match version {
        1 => "SELECT coalesce(sum(record_count), 0) FROM blocks",
        _ => "SELECT coalesce(sum(live_count), 0) FROM blocks",
    };
    let in_blocks: i64 = number(&mut connection, path, count_of_blocks).await?;
    let in_counters: i64 =
        number(&mut connection, path, "SELECT coalesce(sum(record_count), 0) FROM counters").await?;
    if in_blocks != in_counters {
        let what = format!("its blocks hold {in_blocks} logs, and its counters count {in_counters}");
        return Err(BackupError::damaged(path, what));
    }
    if version >= BLOCKS_AS_NOW_SINCE {
        let read = read_all_blocks(&mut connection).await;
        read.map_err(|error| BackupError::Damaged {
            path: path.to_owned(),
            what: error.to_string(),
            source: Some(error.into()),
        })?;
    }
    close(connection, path).await?;
    u64::try_from(in_blocks).map_err(|_| BackupError::damaged(path, "it counts fewer than no logs"))
}

/// Verifies a file of keys that nobody writes to.
pub(super) async fn verify_control(path: &Path) -> Result<(), BackupError> {
    let (connection, _) = open(path, &Schema::CONTROL).await?;
    close(connection, path).await
}

/// Opens a file, checks its pages and whose it is; returns its schema's version too.
async fn open(path: &Path, schema: &Schema) -> Result<(SqliteConnection, i64), BackupError> {
    let opened = Database::at(path.to_owned()).connect_still().await;
    let mut connection = opened.map_err(unreadable(path))?;
    let version = schema.identify(&mut connection, path).await.map_err(|error| match error {
        OpenError::Sqlite { source, .. } => unreadable(path)(source),
        refused => refused.into(),
    })?;
    let problems = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_all(&mut connection).await;
    let problems: Vec<String> = problems.map_err(unreadable(path))?;
    match problems.first().map(String::as_str) {
        Some("ok") => Ok((connection, version)),
        first => Err(BackupError::damaged(path, first.unwrap_or("its pages cannot be checked"))),
    }
}

async fn close(connection: SqliteConnection, path: &Path) -> Result<(), BackupError> {
    connection.close().await.map_err(BackupError::sqlite(path))
}

async fn number(
    connection: &mut SqliteConnection,
    path: &Path,
    query: &'static str,
) -> Result<i64, BackupError> {
    sqlx::query_scalar(query).fetch_one(connection).await.map_err(unreadable(path))
}

/// Reads every block of every tenant, to its last text.
async fn read_all_blocks(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let tenants = sqlx::query_scalar("SELECT DISTINCT tenant FROM blocks").fetch_all(&mut *connection).await;
    let tenants: Vec<String> = tenants.map_err(classify)?;
    for name in tenants {
        let tenant = Tenant::parse(&name).map_err(|_| StoreError::corrupt("blocks.tenant"))?;
        let mut after = i64::MIN;
        loop {
            let blocks = blocks_by_id(connection, &tenant, after, i64::MAX, BLOCKS_AT_A_TIME).await?;
            let Some(last) = blocks.last() else { break };
            after = last.span.last_id;
            for block in &blocks {
                read_block(connection, block).await?;
            }
        }
    }
    Ok(())
}

async fn read_block(connection: &mut SqliteConnection, block: &BlockRow) -> Result<(), StoreError> {
    let head = read_head(connection, block).await?;
    for chunk in 0..head.chunk_lengths.len() {
        read_chunk(connection, block, &head.chunk_lengths, chunk).await?;
    }
    if block.token_filter.is_some() {
        read_token_filter(connection, block).await?;
    }
    Ok(())
}

/// Says of a file that it cannot be read. It was opened by itself and nobody writes to it, so the file is to blame.
fn unreadable(path: &Path) -> impl FnOnce(sqlx::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::Damaged {
        path,
        what: "SQLite cannot read it".to_owned(),
        source: Some(error.into()),
    }
}
