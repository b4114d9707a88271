//! How long the write-ahead log gets: the writers copy it into the database file between their transactions.
//!
//! A commit only appends to the WAL. What has been copied lies in it until it starts over, and it starts over only
//! when no reader is in it. So there are three steps:
//!
//! * above [`WalLimits::copy_above`] it is copied as far as the readers let it (PASSIVE: nobody waits)
//! * above [`WalLimits::restart_above`] it has to start over (RESTART: new readers read the database file, and those
//!   that are still in the WAL are waited for, [`RESTART_WAIT`] at most). While some reader stays longer, it is
//!   tried again when the WAL has grown by a step, or after [`RETRY_AFTER`]
//! * above [`WalLimits::refuse_above`] writers are refused until it is shorter. Reads go on
//!
//! A page that cannot be copied stops nobody: it is in the WAL, whose own writes and fsyncs are another matter, and
//! nothing is overwritten there before everything is copied. So after a failed write or without room a checkpoint is
//! only put off. A failed fsync or read stops the store, here as everywhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sqlx::SqliteConnection;
use store::StoreError;

use super::error::cannot_copy;
use super::{busy, classify};

/// A page of 4 KiB, which is what SQLite makes, and its header in the WAL.
const FRAME_BYTES: u64 = 4096 + 24;

/// What was copied is copied on when so many bytes more are in the WAL (4 MiB): every time costs an fsync.
const COPY_STEP_BYTES: u64 = 4 * 1024 * 1024;

/// How long the readers that are in the WAL are waited for: an acknowledgement waits so much longer, at most.
const RESTART_WAIT: &str = "PRAGMA busy_timeout = 50";

/// Whoever uses the WAL is not waited for.
const NO_WAIT: &str = "PRAGMA busy_timeout = 0";

/// How long who uses the WAL is waited for when the store closes: a question is rarely longer in it.
const LAST_WAIT: &str = "PRAGMA busy_timeout = 5000";

/// How long a writer waits for another one, otherwise; see `connect`.
const WRITER_WAIT: &str = "PRAGMA busy_timeout = 5000";

/// After waiting for readers in vain, the WAL grows by so much until the next try (4 MiB)...
const RESTART_STEP_BYTES: u64 = 4 * 1024 * 1024;

/// ... or by so much, once it is longer than it should be (64 MiB).
const LATE_RESTART_STEP_BYTES: u64 = 64 * 1024 * 1024;

/// The file is made shorter than this when the WAL starts over; below, its room is used again.
const KEPT_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// After so long it is tried again, however little the WAL has grown.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The same while writers are refused.
const RETRY_WHEN_REFUSING_AFTER: Duration = Duration::from_secs(1);

/// Someone should know when the WAL is longer than this (256 MiB).
const ALARM_ABOVE_BYTES: u64 = 256 * 1024 * 1024;

/// What the lengths of the WAL lead to, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WalLimits {
    /// It is copied.
    pub(crate) copy_above: u64,
    /// It has to start over.
    pub(crate) restart_above: u64,
    /// Nothing more is written. One transaction more fits below 1 GiB.
    pub(crate) refuse_above: u64,
}

/// Takes care of the WAL of one file, for one writer.
#[derive(Debug)]
pub(super) struct Wal {
    file: PathBuf,
    pub(super) limits: WalLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// A transaction was committed since anybody looked.
    is_due: bool,
    /// The length at which starting over is tried next; `None`: at the limit.
    next_restart_bytes: Option<u64>,
    /// When a checkpoint waited for readers in vain.
    last_blocked: Option<Instant>,
    /// When a checkpoint could not copy.
    last_error: Option<Instant>,
    alarm: Alarm,
    /// The file as it was when it was looked at last, without a request in between.
    seen: Option<(u64, Option<SystemTime>)>,
}

/// What was said of the WAL's length last: everything is said once.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    #[default]
    None,
    Long,
    Refusing,
}

/// What `PRAGMA wal_checkpoint` answers.
#[derive(Debug, Clone, Copy)]
struct Frames {
    is_blocked: bool,
    /// How many bytes of the file hold pages that are not yet overwritten.
    bytes: u64,
    copied_bytes: u64,
}

impl Default for WalLimits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self { copy_above: 16 * MIB, restart_above: 40 * MIB, refuse_above: 768 * MIB }
    }
}

impl Wal {
    /// The WAL of the database at `path`.
    pub(super) fn new(path: &Path) -> Self {
        let mut file = path.as_os_str().to_owned();
        file.push("-wal");
        Self { file: file.into(), limits: WalLimits::default(), state: Mutex::default() }
    }

    /// Says that something was committed.
    pub(super) fn has_grown(&self) {
        self.state().is_due = true;
    }

    /// Copies the WAL and lets it start over, if it is time to. To be called outside of a transaction. After an
    /// error the connection must not be used again.
    pub(super) async fn tend(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let length = self.file_bytes();
        let is_due = std::mem::take(&mut self.state().is_due) || length > self.limits.refuse_above;
        if is_due && length > self.limits.copy_above {
            let tended = self.checkpoint(connection, length).await;
            self.sound_alarm();
            return tended.map_err(|error| self.weigh(error));
        }
        self.sound_alarm();
        Ok(())
    }

    /// Refuses a writer when the WAL is too long.
    pub(super) fn admit(&self) -> Result<(), StoreError> {
        if self.file_bytes() > self.limits.refuse_above { Err(busy()) } else { Ok(()) }
    }

    /// Empties the WAL, unless somebody uses it.
    pub(super) async fn empty(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        empty(connection, NO_WAIT).await.map_err(|error| self.weigh(error))
    }

    /// Empties the WAL for the last time, and waits for who uses it, [`LAST_WAIT`] at most.
    pub(super) async fn empty_at_the_end(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        empty(connection, LAST_WAIT).await.map_err(|error| self.weigh(error))
    }

    /// Says whether there is a WAL to empty, and no process has written to it since the last call.
    pub(super) fn is_quiet(&self) -> bool {
        let found = fs::metadata(&self.file).map(|file| (file.len(), file.modified().ok())).ok();
        let before = std::mem::replace(&mut self.state().seen, found);
        found.is_some_and(|(bytes, _)| bytes > 0) && found == before
    }

    async fn checkpoint(&self, connection: &mut SqliteConnection, length: u64) -> Result<(), sqlx::Error> {
        let error_pause =
            if length > self.limits.refuse_above { RETRY_WHEN_REFUSING_AFTER } else { RETRY_AFTER };
        if is_within(error_pause, self.state().last_error) {
            return Ok(());
        }
        let found = frames(connection, "PRAGMA wal_checkpoint(NOOP)").await?;
        let has_to_start_over = found.bytes > self.limits.restart_above || length > self.limits.refuse_above;
        if has_to_start_over && self.may_restart(found.bytes, length) {
            let restart = if length > KEPT_MAX_BYTES {
                "PRAGMA wal_checkpoint(TRUNCATE)"
            } else {
                "PRAGMA wal_checkpoint(RESTART)"
            };
            // First without the lock that keeps the other process from writing.
            frames(connection, "PRAGMA wal_checkpoint(PASSIVE)").await?;
            sqlx::query(RESTART_WAIT).execute(&mut *connection).await?;
            let left = frames(connection, restart).await?;
            sqlx::query(WRITER_WAIT).execute(&mut *connection).await?;
            self.remember(left);
        } else if found.bytes > self.limits.copy_above && found.bytes - found.copied_bytes > COPY_STEP_BYTES {
            frames(connection, "PRAGMA wal_checkpoint(PASSIVE)").await?;
        }
        Ok(())
    }

    /// Says whether it is time to try to start over.
    fn may_restart(&self, bytes: u64, length: u64) -> bool {
        let state = self.state();
        if length > self.limits.refuse_above {
            return !is_within(RETRY_WHEN_REFUSING_AFTER, state.last_blocked);
        }
        let has_grown = state.next_restart_bytes.is_none_or(|next| bytes >= next);
        has_grown || !is_within(RETRY_AFTER, state.last_blocked)
    }

    /// Remembers how starting over went.
    fn remember(&self, left: Frames) {
        let mut state = self.state();
        if left.is_blocked {
            let step = if left.bytes < KEPT_MAX_BYTES { RESTART_STEP_BYTES } else { LATE_RESTART_STEP_BYTES };
            state.next_restart_bytes = Some(left.bytes + step);
            state.last_blocked = Some(Instant::now());
        } else {
            state.next_restart_bytes = None;
            state.last_blocked = None;
        }
    }

    /// Decides what a failed checkpoint means for the store.
    fn weigh(&self, error: sqlx::Error) -> StoreError {
        if !cannot_copy(&error) {
            return classify(error);
        }
        self.state().last_error = Some(Instant::now());
        StoreError::Unavailable(error.into())
    }

    /// Says it once when the WAL is too long, and once when it is short again.
    fn sound_alarm(&self) {
        let wal_bytes = self.file_bytes();
        let alarm = match wal_bytes {
            bytes if bytes > self.limits.refuse_above => Alarm::Refusing,
            bytes if bytes > ALARM_ABOVE_BYTES => Alarm::Long,
            _ => Alarm::None,
        };
        let before = std::mem::replace(&mut self.state().alarm, alarm);
        match alarm {
            same if same == before => {}
            Alarm::Refusing => tracing::error!(
                wal_bytes,
                "the write-ahead log is too long: nothing is stored until it is shorter; a reader that does not end, \
                 or a disk that cannot be written, keeps it from being emptied"
            ),
            Alarm::Long => tracing::warn!(wal_bytes, "the write-ahead log is long"),
            Alarm::None => tracing::info!(wal_bytes, "the write-ahead log is short again"),
        }
    }

    fn file_bytes(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |file| file.len())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_within(time: Duration, since: Option<Instant>) -> bool {
    since.is_some_and(|at| at.elapsed() < time)
}

async fn empty(connection: &mut SqliteConnection, wait: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(wait).execute(&mut *connection).await?;
    frames(connection, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
    sqlx::query(WRITER_WAIT).execute(connection).await?;
    Ok(())
}

/// Runs a checkpoint; NOOP only looks.
async fn frames(connection: &mut SqliteConnection, checkpoint: &'static str) -> Result<Frames, sqlx::Error> {
    let (is_blocked, frames, copied): (bool, i64, i64) =
        sqlx::query_as(checkpoint).fetch_one(connection).await?;
    // -1 where there is no WAL.
    let bytes = |frames: i64| u64::try_from(frames).unwrap_or(0) * FRAME_BYTES;
    Ok(Frames { is_blocked, bytes: bytes(frames), copied_bytes: bytes(copied) })
}

#[cfg(test)]
mod tests;
