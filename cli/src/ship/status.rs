//! `sentinel ship status`: what the state file says.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::ensure;

use super::discovery::find_beside;
use super::state::{FileState, State};
use crate::{say, show_table};

/// Prints a table. A shipper may run meanwhile.
///
/// # Errors
/// When there is no state, or it cannot be read.
pub(crate) fn show(directory: &Path) -> anyhow::Result<()> {
    ensure!(directory.is_dir(), "there is no directory {}", directory.display());
    let state = State::read(directory)?;
    if state.files.is_empty() {
        say("no files yet");
        return Ok(());
    }
    let mut rows = vec![["FILE", "SIZE", "POSITION", "LAG", "ACKNOWLEDGED", "PENDING"].map(str::to_owned)];
    rows.extend(state.files.iter().map(row));
    show_table(&rows);
    Ok(())
}

fn row(file: &FileState) -> [String; 6] {
    let size = find_beside(&file.path, file.id).and_then(|path| fs::metadata(path).ok()).map(|it| it.size());
    let lag = size.unwrap_or(file.size).saturating_sub(file.position);
    let pending = file
        .pending
        .as_ref()
        .map_or("-".to_owned(), |pending| format!("{} to {}, {}", file.position, pending.end, pending.key));
    [
        file.path.display().to_string(),
        size.map_or("gone".to_owned(), |size| size.to_string()),
        file.position.to_string(),
        lag.to_string(),
        file.acknowledged_at.clone().unwrap_or_else(|| "never".to_owned()),
        pending,
    ]
}
