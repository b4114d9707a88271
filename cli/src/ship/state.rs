//! What is remembered on the disk: for each file how far it is acknowledged, and what is decided and not yet acknowledged.
//!
//! `<state-dir>/state.json` is replaced as a whole: written beside it, synced, renamed, and the directory synced. Whoever has
//! `<state-dir>/lock` locked is the one process that may write it.

use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use super::cut::Piece;
use super::envelope::Origin;
use super::identity::{FileId, Fingerprint, birth};
use super::records::Reading;

/// The form of the state file that this program writes.
const VERSION: u32 = 1;

/// The state file's name in its directory.
const STATE_FILE: &str = "state.json";

/// How the names of files begin that are to become the state file.
const UNFINISHED: &str = "unfinished-";

/// Everything that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    version: u32,
    /// The files, each once.
    pub(crate) files: Vec<FileState>,
}

/// What is remembered of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileState {
    pub(crate) id: FileId,
    /// When it was made, in nanoseconds since the epoch, if that is known.
    #[serde(default)]
    pub(crate) born: Option<u64>,
    /// Where it was seen last.
    pub(crate) path: PathBuf,
    /// Whose its records are, if that is known.
    pub(crate) service: Option<String>,
    /// How it is read.
    pub(crate) reading: Reading,
    /// How many bytes it had when it was looked at last.
    pub(crate) size: u64,
    /// Of what was sent of it.
    pub(crate) fingerprint: Fingerprint,
    /// Up to which byte it is acknowledged.
    pub(crate) position: u64,
    /// How many parts of the line at the position were sent before: of a line that is longer than what is read at a time.
    #[serde(default)]
    pub(crate) parts: u32,
    /// When something of it was acknowledged last, RFC 3339.
    #[serde(default)]
    pub(crate) acknowledged_at: Option<String>,
    /// Since when it is not found any more, in microseconds since the epoch.
    #[serde(default)]
    pub(crate) missing_since: Option<i64>,
    /// What is decided and not acknowledged.
    #[serde(default)]
    pub(crate) pending: Option<Pending>,
}

/// A batch: from the file's position up to a byte, under a key. Its body follows from this and the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// Where it ends.
    pub(crate) end: u64,
    /// Its `Idempotency-Key`.
    pub(crate) key: String,
    /// How the bytes are read.
    pub(crate) reading: Reading,
    /// Whether it is a piece of a line.
    pub(crate) piece: Option<Piece>,
    /// What its records have in common.
    pub(crate) origin: Origin,
}

impl Default for State {
    fn default() -> Self {
        Self { version: VERSION, files: Vec::new() }
    }
}

impl FileState {
    /// Says whether a file with the same device and inode was made at another time than this one: it is another file, however
    /// it begins.
    pub(crate) fn is_another(&self, metadata: &Metadata) -> bool {
        self.born.zip(birth(metadata)).is_some_and(|(this, that)| this != that)
    }

    /// Returns how many bytes are not acknowledged.
    pub(crate) fn lag(&self) -> u64 {
        self.size.saturating_sub(self.position)
    }
}

impl State {
    /// Reads the state in a directory; the empty one if there is none.
    ///
    /// # Errors
    /// When it cannot be read. It is never guessed: that would send everything again.
    pub(crate) fn read(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(STATE_FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let state: Self = serde_json::from_slice(&text).with_context(|| {
            format!("{} is no state of a shipper; without it everything is sent again", path.display())
        })?;
        ensure!(state.version <= VERSION, "{} was written by a newer version", path.display());
        Ok(state)
    }
}

/// A directory that this process alone keeps its state in.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    path: PathBuf,
    _lock: File,
}

impl StateDirectory {
    /// Makes the directory if it is not there, and locks it.
    ///
    /// # Errors
    /// When that cannot be done, or another process has it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot use the state directory {}", path.display());
        fs::create_dir_all(path).with_context(cannot)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.with_context(cannot)?;
        match lock.try_lock() {
            Ok(()) => {
                remove_unfinished(path).with_context(cannot)?;
                Ok(Self { path: path.to_owned(), _lock: lock })
            }
            Err(TryLockError::WouldBlock) => {
                bail!("another process ships with the state directory {}", path.display())
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
        }
    }

    /// Reads the state.
    ///
    /// # Errors
    /// As [`State::read`].
    pub(crate) fn read(&self) -> anyhow::Result<State> {
        State::read(&self.path)
    }

    /// Says whether there is a state.
    pub(crate) fn has_state(&self) -> bool {
        self.path.join(STATE_FILE).exists()
    }

    /// Replaces the state, durably.
    ///
    /// # Errors
    /// When it cannot be written; then the old one is still there.
    pub(crate) fn write(&self, state: &State) -> anyhow::Result<()> {
        self.replace(state).with_context(|| format!("cannot write the state in {}", self.path.display()))
    }

    fn replace(&self, state: &State) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.path)?;
        serde_json::to_writer(io::BufWriter::new(&mut file), state)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(self.path.join(STATE_FILE))?;
        File::open(&self.path)?.sync_all()
    }
}

/// Removes what a process left behind that was killed while it wrote.
fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_a_state_directory_and_a_damaged_state_is_not_guessed() {
        let directory = tempfile::tempdir().unwrap();
        let first = StateDirectory::open(directory.path()).unwrap();
        assert_eq!((first.read().unwrap(), first.has_state()), (State::default(), false));
        first.write(&State::default()).unwrap();
        assert!(first.has_state());
        fs::write(directory.path().join("unfinished-x"), "{").unwrap();

        let second = StateDirectory::open(directory.path()).unwrap_err();
        assert!(second.to_string().contains("another process"), "{second}");
        drop(first);
        let again = StateDirectory::open(directory.path()).unwrap();
        assert!(!directory.path().join("unfinished-x").exists());
        fs::write(directory.path().join(STATE_FILE), "{\"ver").unwrap();
        assert!(again.read().is_err());
    }
}
