//! For tests only (feature `faults`): a store that promises less, so that a test which looks for lost records is
//! seen to find some, and whose WAL is copied into the file far more often than a test has data for.

use std::path::Path;

use sqlx::SqliteConnection;
use store::{StoreLimits, Stores};

use crate::{OpenError, StoreDirectory, open_in};

/// The WAL is copied into the database file when it has more pages than this.
const CHECKPOINT_OFTEN: &str = "PRAGMA wal_autocheckpoint = 64";

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// For the disk, as every store that is shipped does.
    Full,
    /// For nothing; a checkpoint waits for the disk.
    Normal,
    /// Nothing ever waits.
    Off,
}

/// As [`open`](crate::open), but a connection that writes is set to this once it has passed the start-up gate, and
/// checkpoints often.
///
/// # Errors
/// [`OpenError`].
pub async fn open_with_synchronous(data_dir: &Path, synchronous: Synchronous) -> Result<Stores, OpenError> {
    let mut directory = StoreDirectory::prepare(data_dir)?;
    directory.weakened = Some(synchronous);
    open_in(&directory, &StoreLimits::default()).await
}

impl Synchronous {
    pub(crate) async fn apply(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let set = match self {
            Self::Full => "PRAGMA synchronous = FULL",
            Self::Normal => "PRAGMA synchronous = NORMAL",
            Self::Off => "PRAGMA synchronous = OFF",
        };
        sqlx::query(set).execute(&mut *connection).await?;
        sqlx::query(CHECKPOINT_OFTEN).execute(connection).await?;
        Ok(())
    }
}
