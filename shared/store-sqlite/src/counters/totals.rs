//! Counts per service and severity, and the last timestamp of each.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Order, Severity, Tenant, Timestamp};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use store::{CounterEntry, StoreError};

use super::Tally;
use crate::block::severity_of_number;
use crate::blocks::Walk;
use crate::database::{classify, column, time_column};
use crate::selection::Selection;

/// Counts records that were stored.
pub(super) async fn add(
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
    upsert.bind(tenant.as_str()).bind(tally.totals_json()).execute(connection).await.map_err(classify)?;
    Ok(())
}

/// Counts records that were deleted, after their blocks were replaced in the same transaction.
pub(super) async fn subtract(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    deleted: &Tally,
) -> Result<(), StoreError> {
    let update = sqlx::query(
        "UPDATE counters SET record_count = record_count - gone.n
         FROM (SELECT value ->> 0 AS service, value ->> 1 AS severity, value ->> 2 AS n FROM json_each(?2)) AS gone
         WHERE counters.tenant = ?1 AND counters.service = gone.service AND counters.severity = gone.severity",
    );
    update
        .bind(tenant.as_str())
        .bind(deleted.totals_json())
        .execute(&mut *connection)
        .await
        .map_err(classify)?;
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
        if deleted.total_of(&key).is_some_and(|(_, last)| *last >= entry.last_timestamp) {
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
    let everything = Selection::everything();
    let mut walk = Walk::new(tenant, &everything, Order::Descending, &everything.timestamp());
    let mut found: BTreeMap<(String, Severity), Timestamp> = BTreeMap::new();
    while let Some((block, _)) = walk.next(connection).await? {
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
