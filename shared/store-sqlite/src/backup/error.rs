//! Why a backup was not taken, or not put back.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::OpenError;

/// Why a backup was not taken or restored. Nothing that looks like one is left behind, and nothing that was
/// there before is changed.
#[derive(Debug, Error)]
pub enum BackupError {
    /// There is nothing to copy: the path is wrong, or nothing was ever stored there. Name another one.
    #[error("there is no {path}")]
    NotThere {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// The backup would lie among the store's own files. Name another directory, best on another disk.
    #[error("{path} is the data directory itself: a backup belongs elsewhere")]
    SameDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The file would be overwritten. Move it away, with everything beside it whose name begins the same.
    #[error("{path} is there already, and is not overwritten: move it away first")]
    AlreadyThere {
        /// The file.
        path: PathBuf,
    },
    /// Another backup or restore works in the directory. Wait until it has ended.
    #[error("another backup or restore works in {path}")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The file has a write-ahead log or a journal beside it: it is in use, or was not closed in order, and is no backup. Take
    /// a backup of its directory.
    #[error("{path} has a write-ahead log or a journal beside it: it is a live file, not a backup")]
    Live {
        /// The file.
        path: PathBuf,
    },
    /// SQLite takes no such path. Name one that is UTF-8.
    #[error("the path {path} is not UTF-8")]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// The file is damaged. If it is a backup, use another one; if it is the copy that was just made, the store
    /// or a disk is damaged: look at the store before anything else.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, and how.
        what: String,
        /// What said so.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The file is not this program's, or of a later version: its text says which.
    #[error(transparent)]
    Refused(#[from] OpenError),
    /// SQLite refused, for instance because the disk is full. Mend what the source says, and repeat.
    #[error("SQLite cannot read or copy {path}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The system refused. Mend what the source says, and repeat.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl BackupError {
    /// Says what the system refused.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Says which file SQLite could not work with.
    pub(super) fn sqlite(path: &Path) -> impl FnOnce(sqlx::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Sqlite { path, source }
    }

    /// Says where a file is damaged.
    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into(), source: None }
    }
}
