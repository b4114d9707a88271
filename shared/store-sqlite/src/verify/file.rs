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
        if line != "ok" {
            report.add("file", "", line);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::database::{Database, Schema, StoreDirectory};

    /// The step that checks a tree of pages is one instruction: it has to ask for itself whether to go on.
    #[tokio::test]
    async fn a_check_that_runs_out_of_time_is_not_finished_and_finds_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let place = StoreDirectory::prepare(directory.path()).unwrap();
        let database = Database::prepare(&place, place.logs_file(), &Schema::LOGS).await.unwrap();
        let mut connection = database.connect_writer().await.unwrap();
        let insert = "INSERT INTO chunks WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                      SELECT i, zeroblob(100) FROM n";
        sqlx::query(insert).execute(&mut connection).await.unwrap();
        let reader = database.reader();
        // The connection that is taken next is open, so that the time runs out in the check.
        drop(reader.begin(Instant::now() + Duration::from_secs(60)).await.unwrap());

        let mut report = VerifyReport::default();
        let checked = check_file(&reader, Instant::now() + Duration::from_millis(5), &mut report).await;

        assert!(
            matches!(checked, Err(StoreError::DeadlineExceeded | StoreError::Busy { .. })),
            "{checked:?}"
        );
        assert!(report.is_sound(), "{:?}", report.problems);
        check_file(&reader, Instant::now() + Duration::from_secs(60), &mut report).await.unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
    }
}
