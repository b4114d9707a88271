//! Counts per minute, service and severity: a row a minute, so that an hour is sixty rows however much was logged.
//!
//! ```text
//! cells = version=1, cell*: (service code, severity byte, count)
//! ```
//! Numbers are varints, cells sorted by service code and severity. A service's code is its row in `services`.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use domain::{Severity, Tenant, Timestamp};
use foldhash::fast::RandomState;
use futures_util::TryStreamExt;
use sqlx::SqliteConnection;
use store::StoreError;

use super::tally::{Series, Tally};
use crate::block::{Malformed, VarintReader, put_varint, severity_of_number};
use crate::blocks::{Walk, read_head};
use crate::database::{classify, column};
use crate::selection::Selection;

/// The microseconds of a minute.
pub(crate) const MINUTE_MICROS: i64 = 60_000_000;

const VERSION: u8 = 1;

/// The cells of a minute: service code, severity, count.
type Cells = BTreeMap<(i64, Severity), u64>;

/// How many records of each service with each severity a minute has.
#[derive(Debug)]
pub(crate) struct Minute<'a> {
    /// Its first microsecond.
    pub(crate) start: Timestamp,
    /// The services and severities that were met so far; the next minute has the same ones, and perhaps more.
    pub(crate) series: &'a [(Arc<str>, Severity)],
    /// A place in `series`, and how many.
    pub(crate) cells: &'a [(usize, u64)],
}

/// Whether counts are added or taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

/// Returns the minute of a time, counted from the Unix epoch.
pub(super) fn minute_of(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(MINUTE_MICROS)
}

/// Changes the counts of all minutes that a tally counts.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    tally: &Tally,
    sign: Sign,
) -> Result<(), StoreError> {
    let codes = service_codes(connection, tenant, &tally.services()).await?;
    let minutes: Vec<i64> = tally.minutes().keys().copied().collect();
    let mut stored = read_cells(connection, tenant, &minutes).await?;
    let mut changed = Vec::with_capacity(minutes.len());
    for (minute, counts) in tally.minutes() {
        let mut cells = stored.remove(minute).unwrap_or_default();
        for ((service, severity), count) in counts {
            let code = codes.get(service).copied();
            let code =
                code.ok_or_else(|| StoreError::corrupt("a service that was just named has no code"))?;
            let cell = cells.entry((code, *severity)).or_default();
            let sum = match sign {
                Sign::Plus => cell.checked_add(*count),
                Sign::Minus => cell.checked_sub(*count),
            };
            *cell = sum
                .ok_or_else(|| StoreError::corrupt(format!("minutes, minute {minute}: a count is wrong")))?;
        }
        cells.retain(|_, count| *count > 0);
        changed.push((*minute, cells));
    }
    write_cells(connection, tenant, &changed).await
}

/// Hands the counts of whole minutes to `take`, one after the other, from the first minute to before the last one, of the
/// services and severities that are selected. Only one minute is in memory at a time.
pub(crate) async fn each_minute(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    selection: &Selection,
    minutes: std::ops::Range<i64>,
    mut take: impl FnMut(Minute<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let names = service_names(snapshot, tenant).await?;
    let query = sqlx::query(
        "SELECT minute, cells FROM minutes WHERE tenant = ? AND minute >= ? AND minute < ? ORDER BY minute",
    );
    let query = query.bind(tenant.as_str()).bind(minutes.start).bind(minutes.end);
    let mut rows = query.fetch(snapshot);
    let mut places: HashMap<(i64, Severity), Option<usize>, RandomState> = HashMap::default();
    let (mut series, mut cells, mut is_named) = (Vec::new(), Vec::new(), true);
    while let Some(row) = rows.try_next().await.map_err(classify)? {
        let minute: i64 = column(&row, "minutes", "minute")?;
        cells.clear();
        let read = each_cell(column(&row, "minutes", "cells")?, |code, severity, count| {
            let place = places.entry((code, severity)).or_insert_with(|| {
                is_named &= names.contains_key(&code);
                let name = names.get(&code).filter(|name| selection.selects_cell(name, severity))?;
                series.push((Arc::clone(name), severity));
                Some(series.len() - 1)
            });
            cells.extend(place.map(|series| (series, count)));
        });
        read.map_err(|e| corrupt(minute, e))?;
        let start = Timestamp::saturating_from_micros(minute.saturating_mul(MINUTE_MICROS));
        take(Minute { start, series: &series, cells: &cells })?;
    }
    if !is_named {
        return Err(StoreError::corrupt("minutes.cells: a service's code has no name"));
    }
    Ok(())
}

async fn service_names(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
) -> Result<HashMap<i64, Arc<str>>, StoreError> {
    let names = sqlx::query("SELECT code, name FROM services WHERE tenant = ?").bind(tenant.as_str());
    let names = names.fetch_all(snapshot).await.map_err(classify)?;
    let name = |row| {
        let name: &str = column(row, "services", "name")?;
        Ok((column(row, "services", "code")?, Arc::from(name)))
    };
    names.iter().map(name).collect()
}

/// Returns the counts of all of a tenant's minutes.
pub(crate) async fn all_minutes(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
) -> Result<BTreeMap<i64, BTreeMap<Series, u64>>, StoreError> {
    let names = service_names(snapshot, tenant).await?;
    let rows = sqlx::query("SELECT minute, cells FROM minutes WHERE tenant = ?").bind(tenant.as_str());
    let rows = rows.fetch_all(snapshot).await.map_err(classify)?;
    let mut minutes = BTreeMap::new();
    for row in &rows {
        let minute: i64 = column(row, "minutes", "minute")?;
        let cells = decode(column(row, "minutes", "cells")?).map_err(|e| corrupt(minute, e))?;
        let named = cells.into_iter().map(|((code, severity), count)| {
            let name = names.get(&code).map(|name| name.as_ref().to_owned());
            let name = name.unwrap_or_else(|| format!("service {code}, without a name"));
            ((name, severity), count)
        });
        minutes.insert(minute, named.collect());
    }
    Ok(minutes)
}

/// Counts the minutes of all blocks that are there: for a file that was written before minutes were counted.
pub(crate) async fn fill_minutes(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let tenants = sqlx::query_scalar("SELECT DISTINCT tenant FROM blocks");
    let tenants: Vec<String> = tenants.fetch_all(&mut *connection).await.map_err(classify)?;
    for name in tenants {
        let tenant = Tenant::parse(&name).map_err(|_| StoreError::corrupt("blocks.tenant"))?;
        let everything = Selection::everything();
        let range = everything.timestamp();
        let mut walk = Walk::new(&tenant, &everything, domain::Order::Ascending, &range);
        while let Some((block, _)) = walk.next(connection).await? {
            let head = read_head(connection, &block).await?;
            let mut tally = Tally::default();
            tally.add_rows(&block.summary.services, &head, 0..head.ids.len());
            change(connection, &tenant, &tally, Sign::Plus).await?;
        }
    }
    Ok(())
}

/// Returns the codes of services; gives one to each that has none.
async fn service_codes(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    names: &[&str],
) -> Result<HashMap<String, i64>, StoreError> {
    let codes = known_codes(connection, tenant, names).await?;
    if names.iter().all(|name| codes.contains_key(*name)) {
        return Ok(codes);
    }
    let insert = sqlx::query(
        "INSERT INTO services (tenant, name) SELECT ?1, value FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING",
    );
    let insert = insert.bind(tenant.as_str()).bind(serde_json::json!(names).to_string());
    insert.execute(&mut *connection).await.map_err(classify)?;
    known_codes(connection, tenant, names).await
}

async fn known_codes(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    names: &[&str],
) -> Result<HashMap<String, i64>, StoreError> {
    let query = sqlx::query(
        "SELECT name, code FROM services WHERE tenant = ? AND name IN (SELECT value FROM json_each(?))",
    );
    let query = query.bind(tenant.as_str()).bind(serde_json::json!(names).to_string());
    let rows = query.fetch_all(connection).await.map_err(classify)?;
    rows.iter().map(|row| Ok((column(row, "services", "name")?, column(row, "services", "code")?))).collect()
}

async fn read_cells(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    minutes: &[i64],
) -> Result<HashMap<i64, Cells>, StoreError> {
    let query = sqlx::query(
        "SELECT minute, cells FROM minutes WHERE tenant = ? AND minute IN (SELECT value FROM json_each(?))",
    );
    let query = query.bind(tenant.as_str()).bind(serde_json::json!(minutes).to_string());
    let rows = query.fetch_all(connection).await.map_err(classify)?;
    let cells = |row| {
        let minute: i64 = column(row, "minutes", "minute")?;
        Ok((minute, decode(column(row, "minutes", "cells")?).map_err(|e| corrupt(minute, e))?))
    };
    rows.iter().map(cells).collect()
}

/// Writes the cells of these minutes; a minute without any loses its row.
async fn write_cells(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    minutes: &[(i64, Cells)],
) -> Result<(), StoreError> {
    let (full, empty): (Vec<_>, Vec<_>) = minutes.iter().partition(|(_, cells)| !cells.is_empty());
    if !full.is_empty() {
        let rows: Vec<_> =
            full.iter().map(|(minute, cells)| serde_json::json!([minute, hex(&encode(cells))])).collect();
        let upsert = sqlx::query(
            "INSERT INTO minutes (tenant, minute, cells)
             SELECT ?1, value ->> 0, unhex(value ->> 1) FROM json_each(?2) WHERE true
             ON CONFLICT (tenant, minute) DO UPDATE SET cells = excluded.cells",
        );
        let upsert = upsert.bind(tenant.as_str()).bind(serde_json::Value::Array(rows).to_string());
        upsert.execute(&mut *connection).await.map_err(classify)?;
    }
    if !empty.is_empty() {
        let minutes: Vec<i64> = empty.iter().map(|(minute, _)| *minute).collect();
        let delete = sqlx::query(
            "DELETE FROM minutes WHERE tenant = ? AND minute IN (SELECT value FROM json_each(?))",
        );
        let delete = delete.bind(tenant.as_str()).bind(serde_json::json!(minutes).to_string());
        delete.execute(connection).await.map_err(classify)?;
    }
    Ok(())
}

fn encode(cells: &Cells) -> Vec<u8> {
    let mut out = vec![VERSION];
    for ((code, severity), count) in cells {
        put_varint(&mut out, code.cast_unsigned());
        out.push(severity.number());
        put_varint(&mut out, *count);
    }
    out
}

fn decode(bytes: &[u8]) -> Result<Cells, Malformed> {
    let mut cells = Cells::new();
    each_cell(bytes, |code, severity, count| {
        cells.insert((code, severity), count);
    })?;
    Ok(cells)
}

fn each_cell(bytes: &[u8], mut take: impl FnMut(i64, Severity, u64)) -> Result<(), Malformed> {
    let mut reader = VarintReader::new(bytes);
    reader.version(VERSION)?;
    while !reader.is_at_end() {
        let code = reader.number()?.cast_signed();
        let severity = severity_of_number(reader.byte()?)?;
        take(code, severity, reader.number()?);
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn corrupt(minute: i64, malformed: Malformed) -> StoreError {
    StoreError::Corrupt { what: format!("minutes, minute {minute}"), source: Some(malformed.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back() {
        let severity = |n| Severity::from_number(n).unwrap();
        let cells =
            Cells::from([((1, severity(9)), 3), ((1, severity(17)), 1), ((700, severity(24)), u64::MAX)]);
        assert_eq!(decode(&encode(&cells)), Ok(cells.clone()));
        assert!(decode(&encode(&cells)[..5]).is_err() && decode(&[]).is_err());
        assert_eq!(hex(&[0, 0x0f, 0xf0]), "000ff0");
    }

    #[test]
    fn a_minute_begins_at_its_first_microsecond() {
        let minute = |micros| minute_of(Timestamp::saturating_from_micros(micros));
        assert_eq!([minute(0), minute(59_999_999), minute(60_000_000)], [0, 0, 1]);
    }
}
