//! Names, and what a file goes through until it has its own.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::BackupError;

/// How the name of a file ends that is not whole yet.
const UNFINISHED: &str = ".unfinished";

/// What SQLite keeps beside a file. A write-ahead log that lies there would be replayed into another file
/// that is given the same name.
const COMPANIONS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// A file that was written, and is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// A file on its way to its name. Dropped without [`Unfinished::publish`] it is removed.
#[derive(Debug)]
pub(super) struct Unfinished {
    target: PathBuf,
    path: PathBuf,
}

/// A directory in which nobody else makes or restores backups while this is held.
#[derive(Debug)]
pub(super) struct LockedDirectory {
    path: PathBuf,
    handle: File,
}

// === impl LockedDirectory ===

impl LockedDirectory {
    /// Locks a directory, and removes what an earlier run left there unfinished.
    pub(super) fn lock(path: &Path) -> Result<Self, BackupError> {
        let handle = File::open(path).map_err(BackupError::io("open", path))?;
        // Some network filesystems cannot lock a directory; whoever copies there has to take turns himself.
        if let Err(TryLockError::WouldBlock) = handle.try_lock() {
            return Err(BackupError::Locked { path: path.to_owned() });
        }
        let locked = Self { path: path.to_owned(), handle };
        locked.remove_unfinished().map_err(BackupError::io("tidy up", path))?;
        Ok(locked)
    }

    fn remove_unfinished(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if is_unfinished(&entry.file_name()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Makes the names in the directory durable.
    pub(super) fn sync(&self) -> Result<(), BackupError> {
        self.handle.sync_all().map_err(BackupError::io("sync", &self.path))
    }
}

/// Says whether a name is one of [`Unfinished`], or of what SQLite keeps beside such a file.
fn is_unfinished(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let is_ours =
        name.starts_with("logsentinel-") || ["logs.db", "control.db"].iter().any(|n| name.starts_with(n));
    let end = COMPANIONS
        .iter()
        .any(|companion| name.strip_suffix(companion).is_some_and(|n| n.ends_with(UNFINISHED)));
    is_ours && end
}

// === impl Unfinished ===

impl Unfinished {
    /// Begins the file that is to be called `target`.
    pub(super) fn begin(target: PathBuf) -> Result<Self, BackupError> {
        refuse_existing(&target)?;
        Ok(Self { path: with_suffix(&target, UNFINISHED), target })
    }

    /// Where it lies meanwhile.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes what was written durable.
    pub(super) async fn sync(&self) -> Result<(), BackupError> {
        let path = self.path.clone();
        let synced = tokio::task::spawn_blocking(move || File::open(path)?.sync_all()).await;
        synced
            .unwrap_or_else(|panic| Err(io::Error::other(panic)))
            .map_err(BackupError::io("sync", &self.path))
    }

    /// Copies a file to here, and makes the copy durable.
    pub(super) async fn copy_from(&self, source: &Path) -> Result<(), BackupError> {
        let (from, to) = (source.to_owned(), self.path.clone());
        let copied = tokio::task::spawn_blocking(move || copy_durably(&from, &to)).await;
        copied.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(BackupError::io("copy", source))
    }

    /// Gives the file its name, unless another one has it.
    pub(super) fn publish(self) -> Result<StoredFile, BackupError> {
        // `VACUUM INTO` keeps one while it runs; with it, the file would not be whole.
        refuse_live(&self.path)?;
        let found = fs::metadata(&self.path).map_err(BackupError::io("read", &self.path))?;
        rename_to_free_name(&self.path, &self.target)?;
        Ok(StoredFile { path: self.target.clone(), bytes: found.len() })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Not there once it has its name. What cannot be removed now is, by the next run.
        for companion in COMPANIONS {
            let _ = fs::remove_file(with_suffix(&self.path, companion));
        }
    }
}

/// Fails when there is a file of this name, or something that SQLite would take for a part of it.
pub(super) fn refuse_existing(file: &Path) -> Result<(), BackupError> {
    for companion in COMPANIONS {
        let path = with_suffix(file, companion);
        if path.try_exists().map_err(BackupError::io("look for", &path))? {
            return Err(BackupError::AlreadyThere { path });
        }
    }
    Ok(())
}

/// Fails when a file has a write-ahead log that holds something, or a journal, beside it.
pub(super) fn refuse_live(file: &Path) -> Result<(), BackupError> {
    for companion in ["-wal", "-journal"] {
        if fs::metadata(with_suffix(file, companion)).is_ok_and(|found| found.len() > 0) {
            return Err(BackupError::Live { path: file.to_owned() });
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut copy = File::create_new(to)?;
    io::copy(&mut source, &mut copy)?;
    copy.sync_all()
}

fn rename_to_free_name(from: &Path, to: &Path) -> Result<(), BackupError> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => Err(BackupError::AlreadyThere { path: to.to_owned() }),
        // A filesystem without this flag, such as NFS: the lock on the directory has to do.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            refuse_existing(to)?;
            fs::rename(from, to).map_err(BackupError::io("rename", from))
        }
        Err(errno) => Err(BackupError::io("rename", from)(errno.into())),
    }
}
