//! Bringing a file's schema up to date.
//!
//! The version is `PRAGMA user_version`. Each step is a script that ends by setting it, and runs with the
//! others in one `BEGIN IMMEDIATE` transaction: two processes that start together take turns, and a process
//! that is killed leaves the old schema. (sqlx's own migrator takes no lock on SQLite.)

use std::path::Path;

use sqlx::SqliteConnection;

use super::OpenError;
use crate::counters::fill_minutes;

/// The steps that lead to the schema of one kind of file.
pub(crate) struct Schema {
    /// Marks the kind of file: `PRAGMA application_id`.
    application_id: i64,
    /// The n-th step leads from version n to version n + 1.
    steps: &'static [Step],
}

/// A step from one version to the next.
struct Step {
    /// Ends by setting the version.
    script: &'static str,
    /// What SQL alone cannot work out.
    fill: Fill,
}

enum Fill {
    Nothing,
    /// The counts per minute, from the blocks.
    Minutes,
}

impl Schema {
    /// The file that holds the logs.
    pub(crate) const LOGS: Self = Self {
        application_id: 1_280_263_507,
        steps: &[
            Step { script: include_str!("../../migrations/logs_0001.sql"), fill: Fill::Nothing },
            Step { script: include_str!("../../migrations/logs_0002.sql"), fill: Fill::Minutes },
            Step { script: include_str!("../../migrations/logs_0003.sql"), fill: Fill::Nothing },
        ],
    };

    /// The file that holds the API keys, the retention rules, the audit log and the users.
    pub(crate) const CONTROL: Self = Self {
        application_id: 1_280_263_523,
        steps: &[
            Step { script: include_str!("../../migrations/control_0001.sql"), fill: Fill::Nothing },
            Step { script: include_str!("../../migrations/control_0002.sql"), fill: Fill::Nothing },
            Step { script: include_str!("../../migrations/control_0003.sql"), fill: Fill::Nothing },
            Step { script: include_str!("../../migrations/control_0004.sql"), fill: Fill::Nothing },
            Step { script: include_str!("../../migrations/control_0005.sql"), fill: Fill::Nothing },
        ],
    };

    /// Returns the version that the steps lead to.
    pub(crate) fn latest_version(&self) -> i64 {
        self.steps.len() as i64
    }

    /// Returns the version of a file, which has to be of this kind, and changes nothing.
    pub(crate) async fn identify(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<i64, OpenError> {
        let sqlite = |source| OpenError::Sqlite { path: path.to_owned(), source };
        let found: i64 =
            sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(sqlite)?;
        let application_id: i64 =
            sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(sqlite)?;
        if application_id != self.application_id || found < 1 {
            return Err(OpenError::ForeignFile { path: path.to_owned(), application_id });
        }
        if found > self.latest_version() {
            return Err(OpenError::NewerSchema {
                path: path.to_owned(),
                found,
                known: self.latest_version(),
            });
        }
        Ok(found)
    }

    /// Runs the steps that the file has not seen.
    pub(super) async fn bring_up_to_date(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<(), OpenError> {
        let sqlite = |source| OpenError::Sqlite { path: path.to_owned(), source };
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await.map_err(sqlite)?;
        let found: i64 =
            sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(sqlite)?;
        let application_id: i64 =
            sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(sqlite)?;

        let known = self.steps.len() as i64;
        if found > known {
            return Err(OpenError::NewerSchema { path: path.to_owned(), found, known });
        }
        let is_new = found == 0 && application_id == 0;
        if !is_new && application_id != self.application_id {
            return Err(OpenError::ForeignFile { path: path.to_owned(), application_id });
        }
        for step in self.steps.iter().skip(usize::try_from(found).unwrap_or(0)) {
            sqlx::raw_sql(step.script).execute(&mut *connection).await.map_err(sqlite)?;
            if let Fill::Minutes = step.fill {
                let filled = fill_minutes(connection).await;
                filled.map_err(|source| OpenError::Migration { path: path.to_owned(), source })?;
            }
        }
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await.map_err(sqlite)?;
        Ok(())
    }
}
