//! Taking a backup while services write.

use std::fs;
use std::path::{Path, PathBuf};

use domain::Timestamp;
use sqlx::{Connection, SqliteConnection};

use super::files::{LockedDirectory, Unfinished};
use super::verify::{verify_control, verify_logs};
use super::{BackupError, StoredFile};
use crate::StoreDirectory;
use crate::database::{Database, Schema, create_durably};

/// A backup that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// The logs.
    pub logs: StoredFile,
    /// The keys, if the directory has any.
    pub keys: Option<StoredFile>,
    /// How many logs are in it, of all tenants.
    pub record_count: u64,
}

/// Copies the logs and keys of a data directory into `target`, which is made if it is not there. Services may
/// write meanwhile; the copy holds everything that was acknowledged before the call, and is one state of each file.
///
/// The copy is verified (every page, every block, the counters) before it gets its name, which says when it was
/// taken. The names end in `.db` and `.control.db`.
///
/// # Errors
/// [`BackupError`]; then there is no backup of this name.
pub async fn backup(
    data_dir: &Path,
    target: &Path,
    taken_at: Timestamp,
) -> Result<BackupReport, BackupError> {
    let files = StoreDirectory::of_existing(data_dir);
    let (logs_file, control_file) = (files.logs_file(), files.control_file());
    if !logs_file.is_file() {
        return Err(BackupError::NotThere { path: logs_file });
    }
    let target = make_target(data_dir, target)?;
    let directory = LockedDirectory::lock(&target)?;
    let name = name_of(taken_at);

    let logs = Unfinished::begin(target.join(format!("{name}.db")))?;
    copy(&logs_file, &Schema::LOGS, &logs).await?;
    let record_count = verify_logs(logs.path()).await?;
    let mut keys = None;
    if control_file.is_file() {
        let copied = Unfinished::begin(target.join(format!("{name}.control.db")))?;
        copy(&control_file, &Schema::CONTROL, &copied).await?;
        verify_control(copied.path()).await?;
        keys = Some(copied);
    }
    // The logs get their name last: where it is, everything is.
    let keys = keys.map(Unfinished::publish).transpose()?;
    let logs = logs.publish()?;
    directory.sync()?;
    Ok(BackupReport { logs, keys, record_count })
}

/// Makes the directory for backups; returns its whole path.
fn make_target(data_dir: &Path, target: &Path) -> Result<PathBuf, BackupError> {
    create_durably(target).map_err(BackupError::io("make", target))?;
    let whole = |path: &Path| fs::canonicalize(path).map_err(BackupError::io("find", path));
    let found = whole(target)?;
    if found == whole(data_dir)? {
        return Err(BackupError::SameDirectory { path: found });
    }
    Ok(found)
}

/// Returns the name that a backup has: `logsentinel-20250401-120000`.
fn name_of(taken_at: Timestamp) -> String {
    // 2025-04-01T12:00:00Z, with or without a fraction.
    let text = taken_at.to_string();
    let digits: Vec<String> =
        text.split('T').map(|part| part.chars().filter(char::is_ascii_digit).collect()).collect();
    let (date, time) = (&digits[0], &digits[1][..6]);
    format!("logsentinel-{date}-{time}")
}

/// Copies one state of a file that others write to, and makes the copy durable.
async fn copy(source: &Path, schema: &Schema, copy: &Unfinished) -> Result<(), BackupError> {
    let mut connection =
        Database::at(source.to_owned()).connect_copier().await.map_err(BackupError::sqlite(source))?;
    schema.identify(&mut connection, source).await?;
    let copied = vacuum_into(&mut connection, source, copy.path()).await;
    let closed = connection.close().await;
    copied?;
    closed.map_err(BackupError::sqlite(source))?;
    copy.sync().await
}

async fn vacuum_into(
    connection: &mut SqliteConnection,
    source: &Path,
    copy: &Path,
) -> Result<(), BackupError> {
    let target = copy.to_str().ok_or_else(|| BackupError::NotUtf8 { path: copy.to_owned() })?;
    let vacuumed = sqlx::query("VACUUM INTO ?").bind(target).execute(connection).await;
    vacuumed.map(drop).map_err(BackupError::sqlite(source))
}
