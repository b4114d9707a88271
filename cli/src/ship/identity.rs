//! Which file it is, whatever its name: device and inode, when it was made and a fingerprint of its beginning, because inodes
//! are used again and files are emptied and written anew.

use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Most bytes of a file's beginning that its fingerprint is of.
const FINGERPRINT_MAX_BYTES: u64 = 1024;

/// A file's place on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl FileId {
    /// Reads it from what the system says of a file.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Reads when a file was made (statx's `btime`), in nanoseconds since the epoch; `None`: its file system does not say.
pub(crate) fn birth(metadata: &Metadata) -> Option<u64> {
    let since = metadata.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// What the first bytes of a file were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    /// How many.
    bytes: u64,
    /// Their SHA-256, in hexadecimal digits.
    sha256: String,
}

impl Fingerprint {
    /// Reads the fingerprint of the first bytes of a file, of at most `length` of them.
    ///
    /// # Errors
    /// When the file cannot be read, or is shorter than it was.
    pub(crate) fn read(file: &File, length: u64) -> io::Result<Self> {
        let bytes = length.min(FINGERPRINT_MAX_BYTES);
        let mut beginning = [0; FINGERPRINT_MAX_BYTES as usize];
        let beginning = &mut beginning[..usize::try_from(bytes).unwrap_or_default()];
        file.read_exact_at(beginning, 0)?;
        Ok(Self::of(beginning))
    }

    /// Makes the fingerprint of a file that begins with these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let most = usize::try_from(FINGERPRINT_MAX_BYTES).unwrap_or(usize::MAX);
        let beginning = &bytes[..bytes.len().min(most)];
        let mut sha256 = String::new();
        for byte in Sha256::digest(beginning) {
            let _ = write!(sha256, "{byte:02x}");
        }
        Self { bytes: beginning.len() as u64, sha256 }
    }

    /// Says whether a file still begins so.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn matches(&self, file: &File) -> io::Result<bool> {
        match Self::read(file, self.bytes) {
            Ok(now) => Ok(now == *self),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the fingerprint with more bytes, once a file has them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn grown(&self, file: &File, length: u64) -> io::Result<Self> {
        if self.bytes >= length.min(FINGERPRINT_MAX_BYTES) {
            return Ok(self.clone());
        }
        Self::read(file, length)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_grows_is_the_same_and_one_that_is_written_anew_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        fs::write(&path, "first\n").unwrap();
        let open = || File::open(&path).unwrap();
        let print = Fingerprint::read(&open(), 6).unwrap();

        fs::write(&path, "first\nsecond\n").unwrap();
        assert!(print.matches(&open()).unwrap());
        let grown = print.grown(&open(), 13).unwrap();
        assert!(grown != print && grown.matches(&open()).unwrap());

        fs::write(&path, "first\nother!\n").unwrap();
        assert!(print.matches(&open()).unwrap() && !grown.matches(&open()).unwrap());
        fs::write(&path, "fir").unwrap();
        assert!(!print.matches(&open()).unwrap());
    }
}
