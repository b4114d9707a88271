//! Verifying a store: everything that is kept twice is compared, and everything that is encoded is decoded.
//!
//! * `file` SQLite's own check: pages, and indices against their tables
//! * `rows` in one snapshot: checksums and summaries of all blocks, ids, chunks without a block, and the counters
//!   against a recount
//! * `minutes` in one snapshot: the counts per minute against a recount of all heads
//! * `block` block by block: its head and chunks decode, its row and summary equal a recount of its records, and its
//!   token filter misses no token
//!
//! `at_start` makes the first two when a store opens.
//!
//! It works beside services that write. The first three are a snapshot each, and the WAL cannot start over while they
//! last; the fourth, which takes by far the longest, is one snapshot a block. A block that was replaced or deleted since
//! `rows` is left out: its successor was written by a program that works, and another run looks at it.
//!
//! Not compared: whether two tenants share an id, which only reading all heads at once could tell.

mod at_start;
mod block;
mod file;
mod minutes;
mod rows;

use std::fmt;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use store::StoreError;
use thiserror::Error;

use crate::database::{Database, Reader};

pub(crate) use at_start::StartCheck;
use file::check_file;
use rows::{StoredBlock, check_rows};

/// How long a step of the verification may take: a day. Whoever runs it can stop it.
const STEP_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Most problems that are listed; more are counted.
const PROBLEMS_MAX: usize = 1000;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The table, or `file` for the file as a whole.
    pub table: &'static str,
    /// Which row; empty: no single one.
    pub id: String,
    /// What is wrong with it.
    pub what: String,
}

/// What a verification looked at and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many blocks were read.
    pub blocks: u64,
    /// How many records they hold.
    pub records: u64,
    /// How many chunks were decoded.
    pub chunks: u64,
    /// What is wrong: the first ones.
    pub problems: Vec<Problem>,
    /// How many problems more there are.
    pub unlisted_problems: u64,
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyProgress {
    /// How many blocks were read.
    pub blocks_done: u64,
    /// How many there are.
    pub blocks: u64,
}

/// Why a verification could not be made.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// There is no store.
    #[error("there is no store in the directory")]
    NoStore(#[source] io::Error),
    /// It could not be read; that does not say that it is damaged.
    #[error("the store could not be read")]
    Unreadable(#[source] StoreError),
}

/// Compares everything that the logs of a data directory keep twice, and decodes everything.
///
/// # Errors
/// [`VerifyError`]. What is wrong with the store is in the report, not an error.
pub async fn verify(
    data_dir: &Path,
    progress: &(dyn Fn(VerifyProgress) + Send + Sync),
) -> Result<VerifyReport, VerifyError> {
    let path = data_dir.join("logs.db");
    std::fs::metadata(&path).map_err(VerifyError::NoStore)?;
    let reader = Database::at(path).reader();
    let report = verify_all(&reader, progress).await;
    reader.close().await;
    report.map_err(VerifyError::Unreadable)
}

async fn verify_all(
    reader: &Reader,
    progress: &(dyn Fn(VerifyProgress) + Send + Sync),
) -> Result<VerifyReport, StoreError> {
    let mut report = VerifyReport::default();
    let end = || Instant::now() + STEP_MAX;
    check_file(reader, end(), &mut report).await?;
    let blocks = check_rows(reader, end(), &mut report).await?;
    minutes::check(reader, end(), &mut report).await?;
    for (done, stored) in (0..).zip(&blocks) {
        progress(VerifyProgress { blocks_done: done, blocks: blocks.len() as u64 });
        check_block(reader, stored, &mut report).await?;
    }
    Ok(report)
}

async fn check_block(
    reader: &Reader,
    stored: &StoredBlock,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let mut snapshot = reader.begin(Instant::now() + STEP_MAX).await?;
    let checked = block::check(&mut snapshot, stored.id, report).await;
    report.damage("blocks", stored.id.to_string(), checked).map(drop)
}

// === impl VerifyReport ===

impl VerifyReport {
    /// Says whether everything is as it should be.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(&mut self, table: &'static str, id: impl Into<String>, what: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { table, id: id.into(), what: what.into() });
        } else {
            self.unlisted_problems += 1;
        }
    }

    /// Takes a damage down as a problem; `None` then. Every other error goes on.
    fn damage<T>(
        &mut self,
        table: &'static str,
        id: String,
        result: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Corrupt { what, source }) => {
                let cause = source.map(|cause| format!(": {cause}")).unwrap_or_default();
                self.add(table, id, format!("{what}{cause}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id.is_empty() {
            write!(f, "{}: {}", self.table, self.what)
        } else {
            write!(f, "{} {}: {}", self.table, self.id, self.what)
        }
    }
}

#[cfg(test)]
mod tests;
