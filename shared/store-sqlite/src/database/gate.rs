//! The start-up gate: what has to be true of a connection before it may acknowledge anything.

use std::path::Path;

use sqlx::SqliteConnection;

use super::OpenError;

/// The first SQLite whose WAL two processes may share: before it, two checkpoints at the same time could
/// corrupt the file (<https://www.sqlite.org/wal.html#walresetbug>).
const SQLITE_AT_LEAST: [u32; 3] = [3, 51, 3];

/// What a setting has to be, as `PRAGMA name` reads it.
const SETTINGS: [(&str, &str, i64); 5] = [
    ("synchronous", "PRAGMA synchronous", 2),
    ("auto_vacuum", "PRAGMA auto_vacuum", 2),
    ("cell_size_check", "PRAGMA cell_size_check", 1),
    ("trusted_schema", "PRAGMA trusted_schema", 0),
    ("mmap_size", "PRAGMA mmap_size", 0),
];

/// A check that failed, or could not be made.
#[derive(Debug)]
pub(super) enum GateError {
    Refused(OpenError),
    Sqlite(sqlx::Error),
}

impl From<sqlx::Error> for GateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl GateError {
    /// Says which file it is about.
    pub(super) fn named(self, path: &Path) -> OpenError {
        match self {
            Self::Refused(error) => error,
            Self::Sqlite(source) => OpenError::Sqlite { path: path.to_owned(), source },
        }
    }
}

/// Checks the library's version and reads the settings back.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<(), GateError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut *connection).await?;
    if !is_at_least(&version, SQLITE_AT_LEAST) {
        return Err(GateError::Refused(OpenError::OldSqlite { found: version }));
    }
    let journal_mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
    if journal_mode != "wal" {
        return Err(GateError::Refused(OpenError::JournalMode { found: journal_mode }));
    }
    for (name, query, expected) in SETTINGS {
        let found: i64 = sqlx::query_scalar(query).fetch_one(&mut *connection).await?;
        if found != expected {
            return Err(GateError::Refused(OpenError::Setting { name, found, expected }));
        }
    }
    Ok(())
}

fn is_at_least(version: &str, wanted: [u32; 3]) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let found: [u32; 3] = std::array::from_fn(|_| parts.next().unwrap_or(0));
    found >= wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number_and_not_by_text() {
        for (version, is_new_enough) in [
            ("3.51.3", true),
            ("3.53.0", true),
            ("4.0.0", true),
            ("3.51.2", false),
            ("3.9.9", false),
            ("", false),
        ] {
            assert_eq!(is_at_least(version, SQLITE_AT_LEAST), is_new_enough, "{version}");
        }
    }
}
