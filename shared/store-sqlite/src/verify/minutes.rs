//! The counts per minute against a recount of every record that is not deleted, in one snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use domain::Tenant;
use sqlx::SqliteConnection;
use store::StoreError;

use super::VerifyReport;
use super::rows::{StoredBlock, stored_blocks};
use crate::blocks::{block_by_row_id, read_head};
use crate::counters::{Tally, all_minutes};
use crate::database::{Reader, classify};

pub(super) async fn check(
    reader: &Reader,
    deadline: Instant,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let snapshot = &mut *reader.begin(deadline).await?;
    // What cannot be read is a problem already; what it counts is not known.
    let Ok(blocks) = stored_blocks(snapshot).await else { return Ok(()) };
    let tenants = sqlx::query_scalar("SELECT DISTINCT tenant FROM minutes").fetch_all(&mut *snapshot).await;
    let counted: Option<Vec<String>> = report.damage("minutes", String::new(), tenants.map_err(classify))?;
    let stored = blocks.iter().map(|block| block.tenant.clone());
    let tenants: BTreeSet<String> = counted.unwrap_or_default().into_iter().chain(stored).collect();
    for name in tenants {
        let of_tenant = blocks.iter().filter(|block| block.tenant == name);
        let Ok(recounted) = recount(snapshot, of_tenant).await else { continue };
        let Ok(tenant) = Tenant::parse(&name) else {
            report.add("minutes", name, "it is no name of a tenant");
            continue;
        };
        let minutes = all_minutes(snapshot, &tenant).await;
        let Some(minutes) = report.damage("minutes", name.clone(), minutes)? else { continue };
        let none = BTreeMap::new();
        let keys: BTreeSet<&i64> = minutes.keys().chain(recounted.minutes().keys()).collect();
        for minute in keys {
            if minutes.get(minute).unwrap_or(&none) != recounted.minutes().get(minute).unwrap_or(&none) {
                report.add("minutes", format!("({name}, {minute})"), "it counts otherwise than the records");
            }
        }
    }
    Ok(())
}

async fn recount(
    snapshot: &mut SqliteConnection,
    blocks: impl Iterator<Item = &StoredBlock>,
) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    for stored in blocks {
        let Some(block) = block_by_row_id(snapshot, stored.id).await? else { continue };
        let head = read_head(snapshot, &block).await?;
        let live = (0..head.ids.len()).filter(|row| block.is_live(*row));
        tally.add_rows(&block.summary.services, &head, live);
    }
    Ok(tally)
}
