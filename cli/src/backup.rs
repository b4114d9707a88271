//! `sentinel backup` and `sentinel restore`: copies that were verified, taken while services write.

use std::path::{Path, PathBuf};

use clap::Args;
use domain::{Clock, SystemClock};
use runtime::DataDir;
use store_sqlite::StoredFile;

use crate::say;

/// What to copy, and where to.
#[derive(Debug, Args)]
pub(crate) struct BackupOptions {
    #[command(flatten)]
    data_dir: DataDir,
    /// Directory for the backup, best on another disk; made if it does not exist. It must not be the data directory
    #[arg(long, env = "SENTINEL_BACKUP_TO", value_name = "TARGET_DIR")]
    to: PathBuf,
}

/// What to put back, and where.
#[derive(Debug, Args)]
pub(crate) struct RestoreOptions {
    #[command(flatten)]
    data_dir: DataDir,
    /// The backup: a file that `backup` made. The keys are taken from NAME.control.db beside it, if that is there
    file: PathBuf,
}

/// Takes a backup, and says where it is.
///
/// # Errors
/// What a person has to mend; then there is no backup.
pub(crate) async fn backup(options: BackupOptions) -> anyhow::Result<()> {
    let data_dir = &options.data_dir.data_dir;
    let report = store_sqlite::backup(data_dir, &options.to, SystemClock.now()).await?;
    show(&report.logs, &format!("{} logs, verified", report.record_count));
    match &report.keys {
        Some(keys) => show(keys, "the keys, as digests"),
        None => say("There are no keys to back up."),
    }
    Ok(())
}

/// Puts a backup into a data directory that has no logs yet.
///
/// # Errors
/// What a person has to mend; then the data directory is as it was.
pub(crate) async fn restore(options: RestoreOptions) -> anyhow::Result<()> {
    let data_dir = &options.data_dir.data_dir;
    let report = store_sqlite::restore(&options.file, data_dir).await?;
    show(&report.logs, &format!("{} logs, verified", report.record_count));
    match &report.keys {
        Some(keys) => show(keys, "the keys: those that worked then work again"),
        None => say("There were no keys beside the backup: make one with `sentinel keys create`."),
    }
    say(&format!("Start with: sentinel up --data-dir {}", shown(data_dir)));
    Ok(())
}

fn show(file: &StoredFile, what: &str) {
    say(&format!("{}  {} bytes  {what}", shown(&file.path), file.bytes));
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
