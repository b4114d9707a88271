//! Exact counts per tenant, service and severity: in all, and per minute. They move in the same transaction as
//! the blocks they count; a merge moves none.
//!
//! * `tally` what is added or taken off
//! * `totals` the counts in all, and the last timestamps
//! * `minutes` the counts per minute

mod minutes;
mod tally;
mod totals;

use domain::Tenant;
use sqlx::SqliteConnection;
use store::StoreError;

pub(crate) use minutes::{MINUTE_MICROS, Minute, all_minutes, each_minute, fill_minutes};
pub(crate) use tally::Tally;
pub(crate) use totals::read;

/// Counts records that were stored.
pub(crate) async fn add(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    stored: &Tally,
) -> Result<(), StoreError> {
    totals::add(connection, tenant, stored).await?;
    minutes::change(connection, tenant, stored, minutes::Sign::Plus).await
}

/// Counts records that were deleted, after their blocks were changed in the same transaction.
pub(crate) async fn subtract(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    deleted: &Tally,
) -> Result<(), StoreError> {
    totals::subtract(connection, tenant, deleted).await?;
    minutes::change(connection, tenant, deleted, minutes::Sign::Minus).await
}
