//! Exact counts per tenant, service and severity, moved in the same transaction as the blocks they count.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Order, Severity, Tenant, TimeRange, Timestamp};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use store::{CounterEntry, StoreError};

use crate::block::{Cell, Summary, severity_of_number};
use crate::database::{classify, column, time_column};
use crate::search::Walk;

/// A change of counters, or a count, per service and severity.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    cells: BTreeMap<(String, Severity), (u64, Timestamp)>,
}

impl Tally {
    /// Counts everything that a summary counts.
    pub(crate) fn of(summary: &Summary) -> Self {
        let mut tally = Self::default();
        tally.add_summary(summary);
        tally
    }

    /// Adds everything that a summary counts.
    pub(crate) fn add_summary(&mut self, summary: &Summary) {
        for cell in &summary.cells {
            self.add_cell(summary.service_of(cell), cell);
        }
    }

    fn add_cell(&mut self, service: &str, cell: &Cell) {
        let sum = self.cells.entry((service.to_owned(), cell.severity)).or_insert((0, Timestamp::MIN));
        sum.0 += cell.count;
        sum.1 = sum.1.max(cell.last_timestamp);
    }

    /// Returns how many records are counted.
    pub(crate) fn total(&self) -> u64 {
        self.cells.values().map(|(count, _)| count).sum()
    }

    /// Writes the cells as a JSON array of [service, severity, count, last timestamp], for one statement.
    fn to_json(&self) -> String {
        let cells = self.cells.iter();
        let rows = cells.map(|((service, severity), (count, last))| {
            serde_json::json!([service, severity.number(), count, last.as_micros()])
        });
        serde_json::Value::Array(rows.collect()).to_string()
    }
}

/// Counts records that were stored.
pub(crate) async fn add(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    tally: &Tally,
) -> Result<(), StoreError> {
    let upsert = sqlx::query(
        "INSERT INTO counters (tenant, service, severity, record_count, last_timestamp)
         SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?2) WHERE true
         ON CONFLICT (tenant, service, severity) DO UPDATE SET
             record_count = record_count + excluded.record_count,
             last_timestamp = max(last_timestamp, excluded.last_timestamp)",
    );
    upsert.bind(tenant.as_str()).bind(tally.to_json()).execute(connection).await.map_err(classify)?;
    Ok(())
}

/// Counts records that were deleted, after their blocks were replaced in the same transaction.
pub(crate) async fn subtract(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    deleted: &Tally,
) -> Result<(), StoreError> {
    let update = sqlx::query(
        "UPDATE counters SET record_count = record_count - gone.n
         FROM (SELECT value ->> 0 AS service, value ->> 1 AS severity, value ->> 2 AS n FROM json_each(?2)) AS gone
         WHERE counters.tenant = ?1 AND counters.service = gone.service AND counters.severity = gone.severity",
    );
    update.bind(tenant.as_str()).bind(deleted.to_json()).execute(&mut *connection).await.map_err(classify)?;
    let sweep = sqlx::query("DELETE FROM counters WHERE tenant = ? AND record_count = 0");
    sweep.bind(tenant.as_str()).execute(&mut *connection).await.map_err(classify)?;
    lower_last_timestamps(connection, tenant, deleted).await
}

/// Finds the last timestamps anew where the newest record of a service and severity was deleted.
async fn lower_last_timestamps(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    deleted: &Tally,
) -> Result<(), StoreError> {
    let mut stale: BTreeSet<(String, Severity)> = BTreeSet::new();
    for entry in read(connection, tenant).await? {
        let key = (entry.service, entry.severity);
        if deleted.cells.get(&key).is_some_and(|(_, last)| *last >= entry.last_timestamp) {
            stale.insert(key);
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    for ((service, severity), last) in find_last_timestamps(connection, tenant, &stale).await? {
        let update = sqlx::query(
            "UPDATE counters SET last_timestamp = ? WHERE tenant = ? AND service = ? AND severity = ?",
        );
        let update =
            update.bind(last.as_micros()).bind(tenant.as_str()).bind(service).bind(severity.number());
        update.execute(&mut *connection).await.map_err(classify)?;
    }
    Ok(())
}

/// Returns the latest timestamps of these services and severities, reading blocks newest first until none of
/// those that are left can hold a later one.
async fn find_last_timestamps(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    wanted: &BTreeSet<(String, Severity)>,
) -> Result<BTreeMap<(String, Severity), Timestamp>, StoreError> {
    let everything = TimeRange::default();
    let mut walk = Walk::new(tenant, Order::Descending, &everything);
    let mut found: BTreeMap<(String, Severity), Timestamp> = BTreeMap::new();
    while let Some(block) = walk.next(connection).await? {
        let is_settled = |key| found.get(key).is_some_and(|last| *last >= block.span.timestamps.1);
        if wanted.iter().all(is_settled) {
            break;
        }
        for cell in &block.summary.cells {
            let key = (block.summary.service_of(cell).to_owned(), cell.severity);
            if wanted.contains(&key) {
                let last = found.entry(key).or_insert(Timestamp::MIN);
                *last = cell.last_timestamp.max(*last);
            }
        }
    }
    Ok(found)
}

/// Returns a tenant's counters, sorted by service and severity.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
) -> Result<Vec<CounterEntry>, StoreError> {
    let rows = sqlx::query(
        "SELECT service, severity, record_count, last_timestamp FROM counters
         WHERE tenant = ? ORDER BY service, severity",
    );
    let rows = rows.bind(tenant.as_str()).fetch_all(connection).await.map_err(classify)?;
    rows.iter().map(entry).collect()
}

fn entry(row: &SqliteRow) -> Result<CounterEntry, StoreError> {
    const TABLE: &str = "counters";
    let severity = severity_of_number(column(row, TABLE, "severity")?);
    Ok(CounterEntry {
        service: column(row, TABLE, "service")?,
        severity: severity.map_err(|e| StoreError::corrupt(format!("{TABLE}.severity: {e}")))?,
        count: column::<i64>(row, TABLE, "record_count")?.cast_unsigned(),
        last_timestamp: time_column(row, TABLE, "last_timestamp")?,
    })
}
