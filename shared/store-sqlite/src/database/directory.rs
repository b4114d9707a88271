//! The directory that holds the store's files, and the check that its filesystem can keep the promise.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::OpenError;

/// Filesystems on which SQLite's WAL does not work: its shared memory needs every process on one kernel,
/// and its locks are not to be trusted there (<https://www.sqlite.org/wal.html>). Magic numbers of statfs(2).
const REFUSED_FILESYSTEMS: [(u32, &str); 12] = [
    (0x6969, "nfs"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x517B, "smb"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "fuse"),
    (0x00C3_6400, "ceph"),
    (0x0116_1970, "gfs2"),
    (0x7461_636F, "ocfs2"),
    (0x786F_4256, "vboxsf"),
    (0x5346_414F, "afs"),
    (0x0BD0_0BD3, "lustre"),
];

/// The directory that holds `logs.db` and `control.db`.
#[derive(Debug, Clone)]
pub struct StoreDirectory {
    path: PathBuf,
    #[cfg(feature = "faults")]
    pub(crate) weakened: Option<crate::faults::Synchronous>,
}

impl StoreDirectory {
    /// Takes this directory, and makes it if it is not there.
    ///
    /// # Errors
    /// [`OpenError`] when it cannot be made, or lies on a network filesystem.
    pub fn prepare(path: &Path) -> Result<Self, OpenError> {
        let directory = |source| OpenError::Directory { path: path.to_owned(), source };
        create_durably(path).map_err(directory)?;
        let found = rustix::fs::statfs(path).map_err(|errno| directory(errno.into()))?;
        #[expect(clippy::cast_possible_truncation, reason = "magic numbers have 32 bits on every platform")]
        let magic = found.f_type as u32;
        let refused = REFUSED_FILESYSTEMS.iter().find(|(number, _)| *number == magic);
        if let Some((_, filesystem)) = refused {
            return Err(OpenError::NetworkFilesystem { path: path.to_owned(), filesystem });
        }
        Ok(Self::of_existing(path))
    }

    /// Names a directory as it is, to copy from it: nothing is made or checked.
    pub(crate) fn of_existing(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            #[cfg(feature = "faults")]
            weakened: None,
        }
    }

    /// Returns the path of the file that holds the logs.
    #[must_use]
    pub fn logs_file(&self) -> PathBuf {
        self.path.join("logs.db")
    }

    /// Returns the path of the file that holds the API keys.
    #[must_use]
    pub fn control_file(&self) -> PathBuf {
        self.path.join("control.db")
    }

    /// Makes the names of the files in the directory durable. SQLite does this for a new WAL, not for a new
    /// database file.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// Makes a directory and its parents, and makes their names durable: a power cut must not take the directory
/// away with what was acknowledged in it.
pub(crate) fn create_durably(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    fs::create_dir_all(path)?;
    for created in missing {
        let parent = created.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
