//! Putting a backup back.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::files::{LockedDirectory, Unfinished, refuse_existing, refuse_live};
use super::verify::{verify_control, verify_logs};
use super::{BackupError, StoredFile};
use crate::StoreDirectory;

/// A backup that was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreReport {
    /// The logs, in the data directory.
    pub logs: StoredFile,
    /// The keys, if the backup had any beside it.
    pub keys: Option<StoredFile>,
    /// How many logs there are, of all tenants.
    pub record_count: u64,
}

/// Puts a backup into a data directory that has no logs yet, after verifying it as [`super::backup`] did. The
/// directory is made if it is not there.
///
/// # Errors
/// [`BackupError`]; then the directory holds what it held before, or keys without logs if the machine stopped
/// between the two.
pub async fn restore(file: &Path, data_dir: &Path) -> Result<RestoreReport, BackupError> {
    if !file.is_file() {
        return Err(BackupError::NotThere { path: file.to_owned() });
    }
    let keys_file = Some(keys_beside(file)).filter(|keys| keys.is_file());
    let target = StoreDirectory::of_existing(data_dir);
    // Looked at before anything is read, and again by everything that gets a name.
    refuse_existing(&target.logs_file())?;
    if keys_file.is_some() {
        refuse_existing(&target.control_file())?;
    }
    refuse_live(file)?;
    let record_count = verify_logs(file).await?;
    if let Some(keys_file) = &keys_file {
        refuse_live(keys_file)?;
        verify_control(keys_file).await?;
    }

    let target = StoreDirectory::prepare(data_dir)?;
    let directory = LockedDirectory::lock(data_dir)?;
    let logs = Unfinished::begin(target.logs_file())?;
    logs.copy_from(file).await?;
    let mut keys = None;
    if let Some(keys_file) = keys_file {
        let copy = Unfinished::begin(target.control_file())?;
        copy.copy_from(&keys_file).await?;
        keys = Some(copy);
    }
    // The logs get their name last: where it is, everything is.
    let keys = keys.map(Unfinished::publish).transpose()?;
    let logs = logs.publish()?;
    directory.sync()?;
    Ok(RestoreReport { logs, keys, record_count })
}

/// Returns where a backup's keys lie: `NAME.control.db` beside `NAME.db`.
fn keys_beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file.file_stem().unwrap_or_default());
    name.push(".control.db");
    file.with_file_name(name)
}
