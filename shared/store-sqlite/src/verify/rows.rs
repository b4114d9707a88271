//! What can be compared without reading a record: blocks' rows, ids, chunks' ids and counters, in one snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use domain::{Severity, Tenant};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use store::StoreError;

use super::VerifyReport;
use crate::block::{BLOCK_MAX_CHUNKS, SLICES, Summary};
use crate::blocks::block_by_row_id;
use crate::counters;
use crate::database::{Reader, classify, column};

/// Most chunks and token slices without a block that are looked for, of each.
const STRAYS_MAX: i64 = 1000;

/// Where a block is, and which ids it spans.
pub(super) struct StoredBlock {
    pub(super) id: i64,
    pub(super) tenant: String,
    first_id: i64,
    last_id: i64,
}

/// Counts and last timestamps per tenant, service and severity.
type Counts = BTreeMap<(String, String, Severity), (u64, i64)>;

/// Compares what rows say with each other; returns the blocks.
pub(super) async fn check_rows(
    reader: &Reader,
    deadline: Instant,
    report: &mut VerifyReport,
) -> Result<Vec<StoredBlock>, StoreError> {
    let mut snapshot = reader.begin(deadline).await?;
    let found = stored_blocks(&mut snapshot).await;
    let mut blocks = report.damage("blocks", String::new(), found)?.unwrap_or_default();

    let recounted = recount(&mut snapshot, &blocks, report).await?;
    check_ids(&mut snapshot, &mut blocks, report).await?;
    find_strays(&mut snapshot, report).await?;
    // A row that cannot be read is a problem already; what it counts is not known.
    if let Some(recounted) = recounted {
        compare_counters(&mut snapshot, &recounted, report).await?;
    }
    Ok(blocks)
}

pub(super) async fn stored_blocks(snapshot: &mut SqliteConnection) -> Result<Vec<StoredBlock>, StoreError> {
    const TABLE: &str = "blocks";
    let query = sqlx::query("SELECT id, tenant, first_id, last_id FROM blocks NOT INDEXED ORDER BY id");
    let rows = query.fetch_all(snapshot).await.map_err(classify)?;
    let block = |row: &SqliteRow| {
        Ok(StoredBlock {
            id: column(row, TABLE, "id")?,
            tenant: column(row, TABLE, "tenant")?,
            first_id: column(row, TABLE, "first_id")?,
            last_id: column(row, TABLE, "last_id")?,
        })
    };
    rows.iter().map(block).collect()
}

/// Counts what all summaries count; `None` when one cannot be read.
async fn recount(
    snapshot: &mut SqliteConnection,
    blocks: &[StoredBlock],
    report: &mut VerifyReport,
) -> Result<Option<Counts>, StoreError> {
    let mut counts = Counts::new();
    let mut is_complete = true;
    for stored in blocks {
        let row = block_by_row_id(snapshot, stored.id).await;
        match report.damage("blocks", stored.id.to_string(), row)?.flatten() {
            Some(row) => add(&mut counts, &stored.tenant, &row.summary),
            None => is_complete = false,
        }
    }
    Ok(is_complete.then_some(counts))
}

fn add(counts: &mut Counts, tenant: &str, summary: &Summary) {
    for cell in &summary.cells {
        let key = (tenant.to_owned(), summary.service_of(cell).to_owned(), cell.severity);
        let sum = counts.entry(key).or_insert((0, i64::MIN));
        sum.0 += cell.count;
        sum.1 = sum.1.max(cell.last_timestamp.as_micros());
    }
}

/// Blocks of a tenant do not overlap, and no id is greater than the last that was given out.
async fn check_ids(
    snapshot: &mut SqliteConnection,
    blocks: &mut [StoredBlock],
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    blocks.sort_by(|a, b| (&a.tenant, a.first_id).cmp(&(&b.tenant, b.first_id)));
    for pair in blocks.windows(2) {
        if pair[0].tenant == pair[1].tenant && pair[1].first_id <= pair[0].last_id {
            let what = format!("its ids overlap those of block {}", pair[0].id);
            report.add("blocks", pair[1].id.to_string(), what);
        }
    }
    let last_ids = sqlx::query_scalar("SELECT last_id FROM record_ids").fetch_all(snapshot).await;
    let last_ids: Vec<i64> =
        report.damage("record_ids", String::new(), last_ids.map_err(classify))?.unwrap_or_default();
    let [last_id] = last_ids[..] else {
        report.add("record_ids", "", format!("it has {} rows where 1 is needed", last_ids.len()));
        return Ok(());
    };
    for block in blocks.iter().filter(|block| block.last_id > last_id) {
        let what = format!("its last id {} was never given out: record_ids is at {last_id}", block.last_id);
        report.add("blocks", block.id.to_string(), what);
    }
    Ok(())
}

async fn find_strays(snapshot: &mut SqliteConnection, report: &mut VerifyReport) -> Result<(), StoreError> {
    for (table, places, query) in [
        (
            "chunks",
            BLOCK_MAX_CHUNKS,
            "SELECT id FROM chunks WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.id = chunks.id / ?) LIMIT ?",
        ),
        (
            "token_slices",
            SLICES,
            "SELECT id FROM token_slices
             WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.id = token_slices.id / ?) LIMIT ?",
        ),
    ] {
        let query = sqlx::query_scalar(query).bind(places as i64).bind(STRAYS_MAX);
        let strays = query.fetch_all(&mut *snapshot).await.map_err(classify);
        let strays: Vec<i64> = report.damage(table, String::new(), strays)?.unwrap_or_default();
        for id in strays {
            report.add(table, id.to_string(), "it belongs to no block");
        }
    }
    Ok(())
}

async fn compare_counters(
    snapshot: &mut SqliteConnection,
    recounted: &Counts,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let Some(kept) = kept_counters(snapshot, report).await? else { return Ok(()) };
    let keys: BTreeSet<_> = recounted.keys().chain(kept.keys()).collect();
    for key in keys {
        let (count, last) = recounted.get(key).copied().unwrap_or_default();
        let found = kept.get(key).copied().unwrap_or_default();
        if found == (count, last) {
            continue;
        }
        let (tenant, service, severity) = key;
        let id = format!("({tenant}, {service}, {severity})");
        let what = if found.0 == count {
            format!("last_timestamp is {} where the blocks say {last}", found.1)
        } else {
            format!("record_count is {} where the blocks hold {count}", found.0)
        };
        report.add("counters", id, what);
    }
    Ok(())
}

/// Reads the counters of all tenants; `None` when they cannot be read.
async fn kept_counters(
    snapshot: &mut SqliteConnection,
    report: &mut VerifyReport,
) -> Result<Option<Counts>, StoreError> {
    let tenants = sqlx::query_scalar("SELECT DISTINCT tenant FROM counters").fetch_all(&mut *snapshot).await;
    let tenants: Option<Vec<String>> = report.damage("counters", String::new(), tenants.map_err(classify))?;
    let Some(tenants) = tenants else { return Ok(None) };
    let mut counts = Counts::new();
    for name in tenants {
        let Ok(tenant) = Tenant::parse(&name) else {
            report.add("counters", name, "it is no name of a tenant");
            continue;
        };
        let entries = counters::read(snapshot, &tenant).await;
        let Some(entries) = report.damage("counters", name.clone(), entries)? else { return Ok(None) };
        for entry in entries {
            let key = (name.clone(), entry.service, entry.severity);
            counts.insert(key, (entry.count, entry.last_timestamp.as_micros()));
        }
    }
    Ok(Some(counts))
}
