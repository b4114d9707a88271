//! SQLite's own check of the file.

use std::time::Instant;

use store::StoreError;

use super::VerifyReport;
use crate::database::{Reader, classify};

/// Checks every page, and every index against its table. The quicker `quick_check` leaves the indices out, and these
/// are small here: a row for a block, not for a record.
pub(super) async fn check_file(
    reader: &Reader,
    deadline: Instant,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let mut snapshot = reader.begin(deadline).await?;
    let lines = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut *snapshot).await;
    let lines: Option<Vec<String>> = report.damage("file", String::new(), lines.map_err(classify))?;
    for line in lines.unwrap_or_default() {
        // An interrupted check says so in a line, and ends well.
        if line == "interrupted" {
            return Err(StoreError::DeadlineExceeded);
        }
        if line != "ok" {
            report.add("file", "", line);
        }
    }
    Ok(())
}
