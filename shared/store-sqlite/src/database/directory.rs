//! The directory that holds the store's files, and the check that its filesystem can keep the promise.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::OpenError;

/// Local filesystems whose locks, shared memory and fsync do what SQLite's WAL needs. Magic numbers of statfs(2);
/// overlayfs is the writable layer of a container.
const TAKEN_FILESYSTEMS: [u32; 8] = [
    0xEF53,      // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683E, // btrfs
    0x2FC1_2FC1, // zfs
    0xF2F5_2010, // f2fs
    0xCA45_1A4E, // bcachefs
    0x0102_1994, // tmpfs
    0x794C_7630, // overlayfs
];

/// Filesystems on which SQLite's WAL does not work: its shared memory needs every process on one kernel,
/// and its locks are not to be trusted there (<https://www.sqlite.org/wal.html>).
const REFUSED_FILESYSTEMS: [(u32, &str); 12] = [
    (0x6969, "nfs"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x517B, "smb"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "fuse or virtiofs"),
    (0x00C3_6400, "ceph"),
    (0x0116_1970, "gfs2"),
    (0x7461_636F, "ocfs2"),
    (0x786F_4256, "vboxsf"),
    (0x5346_414F, "afs"),
    (0x0BD0_0BD3, "lustre"),
];

/// Names the magic number of a filesystem that is in neither list, to take it all the same. A warning instead of a
/// refusal would be read after the first loss.
const ALLOWED_FILESYSTEM: &str = "SENTINEL_ALLOW_FILESYSTEM";

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
    /// [`OpenError`] when it cannot be made, or lies on a filesystem that is not known to keep the promise.
    pub fn prepare(path: &Path) -> Result<Self, OpenError> {
        let directory = |source| OpenError::Directory { path: path.to_owned(), source };
        create_durably(path).map_err(directory)?;
        let found = rustix::fs::statfs(path).map_err(|errno| directory(errno.into()))?;
        #[expect(clippy::cast_possible_truncation, reason = "magic numbers have 32 bits on every platform")]
        let magic = found.f_type as u32;
        let allowed = std::env::var(ALLOWED_FILESYSTEM).ok();
        judge(magic, allowed.as_deref(), path)?;
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

    /// Returns its own path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
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

/// Says whether files may lie on the filesystem with this magic number; `allowed` is what the environment allows.
fn judge(magic: u32, allowed: Option<&str>, path: &Path) -> Result<(), OpenError> {
    if let Some((_, filesystem)) = REFUSED_FILESYSTEMS.iter().find(|(number, _)| *number == magic) {
        return Err(OpenError::NetworkFilesystem { path: path.to_owned(), filesystem });
    }
    let is_allowed = allowed.is_some_and(|text| text.trim().eq_ignore_ascii_case(&format!("{magic:#x}")));
    if is_allowed || TAKEN_FILESYSTEMS.contains(&magic) {
        Ok(())
    } else {
        Err(OpenError::UnknownFilesystem { path: path.to_owned(), magic })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_filesystems_are_taken_network_ones_never_and_others_when_they_are_allowed_by_number() {
        let path = Path::new("data");
        let cases = [
            (0xEF53, None, None),
            (0x0102_1994, None, None),
            (0x794C_7630, Some("0x1"), None),
            (0x6969, None, Some("is on nfs")),
            (0x6573_5546, Some("0x65735546"), Some("is on fuse or virtiofs")),
            (0xABCD, None, Some("SENTINEL_ALLOW_FILESYSTEM=0xabcd")),
            (0xABCD, Some("0xabce"), Some("(0xabcd)")),
            (0xABCD, Some("0xABCD"), None),
        ];
        for (magic, allowed, refusal) in cases {
            let judged = judge(magic, allowed, path).map_err(|error| error.to_string());
            match refusal {
                None => assert_eq!(judged, Ok(()), "{magic:#x}"),
                Some(text) => assert!(judged.as_ref().is_err_and(|e| e.contains(text)), "{judged:?}"),
            }
        }
    }
}
