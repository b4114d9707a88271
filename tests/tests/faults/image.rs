//! A data directory as a power cut, a crash or a fault left it: opened as a service would, and looked at.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::{Filter, LogRecord, Order, Page, PageStart};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use store::{LogStore, SearchPage};

use crate::ledger::{Differences, Ledger};
use crate::load::whose;

/// How long looking at one image may take; longer is as bad as corrupt.
const LOOKED_AT_WITHIN: Duration = Duration::from_secs(60);

/// What is in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It can be read, and differs from what was told so.
    Read(Differences),
    /// It cannot be opened or read, or is not sound.
    Corrupt(String),
}

impl Finding {
    /// Everything is as it was told.
    pub(crate) fn sound() -> Self {
        Self::Read(Differences::default())
    }
}

/// Opens an image and compares it with what was told before a place of the trace.
pub(crate) async fn look(data: &Path, ledger: &Ledger, before: usize) -> Finding {
    match tokio::time::timeout(LOOKED_AT_WITHIN, read(data)).await {
        Ok(Ok(records)) => Finding::Read(ledger.compare(&records, before)),
        Ok(Err(what)) => Finding::Corrupt(what),
        Err(_) => Finding::Corrupt("it takes too long".to_owned()),
    }
}

/// Reads all records, through the engine; an error says what is not in order.
async fn read(data: &Path) -> Result<Vec<LogRecord>, String> {
    let stores = store_sqlite::open(data).await.map_err(|error| format!("open: {error:?}"))?;
    let read = read_all(&*stores.logs).await;
    let counters = stores.logs.counters(&whose()).await;
    let closed = stores.logs.close().await;
    let keys_closed = stores.keys.close().await;
    let records = read?;
    let counted: u64 =
        counters.map_err(|error| format!("counters: {error:?}"))?.iter().map(|c| c.count).sum();
    closed.map_err(|error| format!("close: {error:?}"))?;
    keys_closed.map_err(|error| format!("close: {error:?}"))?;
    for file in ["logs.db", "control.db"] {
        check_integrity(&data.join(file)).await?;
    }
    if counted != records.len() as u64 {
        return Err(format!("{counted} records are counted and {} there", records.len()));
    }
    Ok(records)
}

async fn read_all(logs: &dyn LogStore) -> Result<Vec<LogRecord>, String> {
    let mut page =
        Page { limit: domain::limits::PAGE_MAX_ROWS, order: Order::Ascending, start: PageStart::First };
    let mut records = Vec::new();
    loop {
        let deadline = Instant::now() + LOOKED_AT_WITHIN;
        let found = logs.search(&whose(), &Filter::default(), &page, deadline).await;
        let SearchPage { records: some, next, .. } = found.map_err(|error| format!("search: {error:?}"))?;
        records.extend(some);
        let Some(position) = next else { return Ok(records) };
        page.start = PageStart::After(position);
    }
}

async fn check_integrity(file: &Path) -> Result<(), String> {
    let connection = SqliteConnectOptions::new().filename(file).connect().await;
    let mut connection = connection.map_err(|error| format!("connect: {error}"))?;
    let found: Result<Vec<String>, _> =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut connection).await;
    let _ = connection.close().await;
    match found {
        Ok(lines) if lines == ["ok"] => Ok(()),
        Ok(lines) => Err(format!("integrity_check: {lines:?}")),
        Err(error) => Err(format!("integrity_check: {error}")),
    }
}
