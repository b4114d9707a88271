//! One file: what of it is sent next, and what is known of it.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::cut::{Piece, WINDOW_BYTES, cut, envelopes};
use super::envelope::{Envelopes, Origin};
use super::identity::{FileId, Fingerprint, birth};
use super::records::{Ending, RECORD_MAX_BYTES, Reading};
use super::state::{FileState, Pending};

/// How long the last record of a file waits for lines that belong to it.
pub(crate) const RECORD_WAITS: Duration = Duration::from_secs(1);

/// How long a line without its end waits in a file that was rotated away.
const ROTATED_LINE_WAITS: Duration = Duration::from_secs(5);

/// How long a rotated file that nothing is written to is still looked at: a logger may write to it until it opens the new one.
const ROTATED_KEPT: Duration = Duration::from_secs(3600);
/// The same for one that was deleted, whose space is only free once it is closed.
const DELETED_KEPT: Duration = Duration::from_secs(60);

/// A file that is followed.
#[derive(Debug)]
pub(crate) struct Followed {
    /// What is remembered of it.
    pub(crate) state: FileState,
    /// Where it is.
    pub(crate) path: PathBuf,
    handle: File,
    modified: (i64, i64),
    grown_at: Instant,
    /// Whether no pattern finds it any more.
    is_rotated: bool,
    /// In which state there was nothing to take.
    waited: Option<(u64, Ending)>,
    /// Most records of the next batch: fewer after one was too large.
    most: usize,
    /// Most bytes of the next batch.
    window: usize,
}

/// Whose records a file's are, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) path: PathBuf,
    pub(crate) service: Option<String>,
    pub(crate) reading: Reading,
}

/// What is decided with.
pub(crate) struct Circumstances<'a> {
    pub(crate) now: Instant,
    /// The time, RFC 3339.
    pub(crate) time: &'a str,
    pub(crate) source: &'a str,
    /// Most records of a batch.
    pub(crate) batch_size: usize,
    /// Whether what may go on is taken as it is.
    pub(crate) is_last_look: bool,
}

/// What is to be done with a file.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Nothing.
    Idle,
    /// Nothing is to be sent, but the position has moved.
    Moved,
    /// This is to be sent, as the state's `pending` says.
    Send(Envelopes),
}

impl Followed {
    /// Follows a file from a position.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn open(handle: File, target: Target, position: u64, now: Instant) -> io::Result<Self> {
        let state = FileState {
            id: FileId::of(&handle.metadata()?),
            born: None,
            path: PathBuf::new(),
            service: None,
            reading: target.reading,
            size: 0,
            fingerprint: Fingerprint::read(&handle, position)?,
            position,
            parts: 0,
            acknowledged_at: None,
            missing_since: None,
            pending: None,
        };
        Ok(Self::resume(handle, target, state, now))
    }

    /// Goes on with a file that is remembered.
    pub(crate) fn resume(handle: File, target: Target, state: FileState, now: Instant) -> Self {
        let born = state.born.or_else(|| birth(&handle.metadata().ok()?));
        let mut file = Self {
            state: FileState { born, missing_since: None, ..state },
            path: PathBuf::new(),
            handle,
            modified: (0, 0),
            grown_at: now,
            is_rotated: false,
            waited: None,
            most: usize::MAX,
            window: WINDOW_BYTES,
        };
        file.found(Some(target));
        file
    }

    /// Takes note of where it is found now; `None`: by no pattern.
    pub(crate) fn found(&mut self, target: Option<Target>) {
        self.is_rotated = target.is_none();
        if let Some(Target { path, service, reading }) = target {
            // The state file is JSON, which has no other paths.
            self.state.path = PathBuf::from(&*path.to_string_lossy());
            (self.path, self.state.service, self.state.reading) = (path, service, reading);
        }
    }

    /// Says whether it was rotated away, is acknowledged to its end and need not be looked at any more.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let is_deleted = self.handle.metadata().is_ok_and(|metadata| metadata.nlink() == 0);
        let kept = if is_deleted { DELETED_KEPT } else { ROTATED_KEPT };
        self.is_rotated && self.state.lag() == 0 && now.duration_since(self.grown_at) >= kept
    }

    /// Looks at the file, and decides what is sent of it next.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn decide(
        &mut self,
        circumstances: &Circumstances<'_>,
        key: impl FnOnce() -> String,
    ) -> io::Result<Decision> {
        if self.notice_new_content(circumstances.now)? {
            return Ok(Decision::Moved);
        }
        let ending = self.ending(circumstances);
        if self.state.lag() == 0 || self.waited == Some((self.state.size, ending)) {
            return Ok(Decision::Idle);
        }
        let bytes = self.read(self.state.position, self.window)?;
        if !self.is_the_same()? {
            self.begin_anew("it was emptied while it was read");
            return Ok(Decision::Moved);
        }
        let most = self.most.min(circumstances.batch_size);
        let Some((end, piece)) =
            cut(&bytes, self.state.parts, bytes.len() == self.window, self.state.reading, most, ending)
        else {
            self.waited = Some((self.state.size, ending));
            return Ok(Decision::Idle);
        };
        let bytes = &bytes[..end];
        let pending = Pending {
            end: self.state.position + end as u64,
            key: String::new(),
            reading: self.state.reading,
            piece,
            origin: Origin {
                source: circumstances.source.to_owned(),
                file_path: Some(self.path.to_string_lossy().into_owned()),
                shipper_timestamp: circumstances.time.to_owned(),
                service: self.state.service.clone(),
            },
        };
        let envelopes = self.envelopes(bytes, &pending);
        self.state.fingerprint = if self.state.position == 0 {
            Fingerprint::of(bytes)
        } else {
            self.state.fingerprint.grown(&self.handle, pending.end)?
        };
        if envelopes.count == 0 {
            self.state.pending = Some(pending);
            self.moved_on(0);
            return Ok(Decision::Moved);
        }
        self.state.pending = Some(Pending { key: key(), ..pending });
        Ok(Decision::Send(envelopes))
    }

    /// Begins anew if the file was emptied or written anew; says whether it was.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn notice_new_content(&mut self, now: Instant) -> io::Result<bool> {
        if self.state.pending.is_some() || !self.is_changed(now)? || self.is_the_same()? {
            return Ok(false);
        }
        self.begin_anew("it was emptied or written anew");
        Ok(true)
    }

    /// Makes the body of what is pending again, from the file; `None`: the file no longer has it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn rebuild(&mut self, now: Instant) -> io::Result<Option<Envelopes>> {
        let Some(pending) = self.state.pending.clone() else { return Ok(None) };
        self.is_changed(now)?;
        if self.state.size < pending.end || !self.is_the_same()? {
            return Ok(None);
        }
        let length = usize::try_from(pending.end - self.state.position).unwrap_or(usize::MAX);
        let bytes = self.read(self.state.position, length.min(WINDOW_BYTES))?;
        Ok((bytes.len() == length).then(|| self.envelopes(&bytes, &pending)))
    }

    /// Moves the position behind what was pending, of which so many records were sent.
    pub(crate) fn moved_on(&mut self, records: u64) {
        let Some(pending) = self.state.pending.take() else { return };
        self.state.position = pending.end;
        self.state.parts = match pending.piece {
            Some(Piece::Inner) => self.state.parts.saturating_add(u32::try_from(records).unwrap_or(u32::MAX)),
            _ => 0,
        };
        (self.most, self.window) = (self.most.saturating_mul(2), WINDOW_BYTES);
        self.waited = None;
    }

    /// Gives up what is pending, of so many records, for a smaller batch; `false`: there is none.
    pub(crate) fn take_less(&mut self, records: u64) -> bool {
        if records <= 1 || self.window < WINDOW_BYTES {
            return false;
        }
        self.state.pending = None;
        self.most = self.most.min(usize::try_from(records).unwrap_or(usize::MAX)) / 2;
        if self.most <= 1 {
            // Of a long line a single part.
            (self.most, self.window) = (1, RECORD_MAX_BYTES + 1);
        }
        self.waited = None;
        true
    }

    /// Begins at the first byte, because what was there is gone.
    pub(crate) fn begin_anew(&mut self, why: &str) {
        let file = self.path.display().to_string();
        tracing::warn!(file, position = self.state.position, "{file} is read from its beginning: {why}");
        self.state.fingerprint = Fingerprint::of(&[]);
        (self.state.position, self.state.parts, self.state.pending) = (0, 0, None);
        self.waited = None;
    }

    /// Looks at size and time; says whether they are others than before.
    fn is_changed(&mut self, now: Instant) -> io::Result<bool> {
        let metadata = self.handle.metadata()?;
        let (size, modified) = (metadata.len(), (metadata.mtime(), metadata.mtime_nsec()));
        if (size, modified) == (self.state.size, self.modified) {
            return Ok(false);
        }
        if size != self.state.size {
            self.grown_at = now;
        }
        (self.state.size, self.modified) = (size, modified);
        self.waited = None;
        Ok(true)
    }

    fn is_the_same(&self) -> io::Result<bool> {
        let is_long_enough = self.handle.metadata()?.len() >= self.state.position;
        Ok(is_long_enough && self.state.fingerprint.matches(&self.handle)?)
    }

    fn envelopes(&self, bytes: &[u8], pending: &Pending) -> Envelopes {
        envelopes(bytes, self.state.parts, pending.reading, pending.piece, &pending.origin)
    }

    fn ending(&self, circumstances: &Circumstances<'_>) -> Ending {
        let quiet = circumstances.now.duration_since(self.grown_at);
        if circumstances.is_last_look || (self.is_rotated && quiet >= ROTATED_LINE_WAITS) {
            Ending::All
        } else if quiet >= RECORD_WAITS {
            Ending::Records
        } else {
            Ending::Waits
        }
    }

    /// Reads at most so many bytes.
    fn read(&self, position: u64, most: usize) -> io::Result<Vec<u8>> {
        let there = usize::try_from(self.state.size.saturating_sub(position)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; most.min(there)];
        let mut length = 0;
        while length < bytes.len() {
            match self.handle.read_at(&mut bytes[length..], position + length as u64) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
