//! Which files are followed: those that are found, those that were renamed, and those that are gone and remembered.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::Clock;

use super::discovery::{Discovery, find_beside};
use super::file::{Followed, Target};
use super::identity::FileId;
use super::progress::Progress;
use super::state::{FileState, State, StateDirectory};

/// How often it is looked for new files.
pub(crate) const DISCOVER_EVERY: Duration = Duration::from_secs(2);

/// How long a file that is gone is remembered, in microseconds (7 days): it may come back with a disk that is mounted again.
const MISSING_KEPT_MICROS: i64 = 7 * 24 * 3600 * 1_000_000;

/// What a shipper is told.
pub(crate) struct Settings {
    pub(crate) discovery: Discovery,
    /// The machine's name, as records have it.
    pub(crate) source: String,
    /// Most records of a batch.
    pub(crate) batch_size: usize,
    /// Whether files that are there at the first start are sent from their ends on only.
    pub(crate) is_from_end: bool,
    /// How often it is looked for new files.
    pub(crate) discover_every: Duration,
    /// Whether it ends when everything that is there is acknowledged.
    pub(crate) is_once: bool,
}

/// The files, and what is remembered of them.
pub(crate) struct Watch {
    pub(crate) settings: Settings,
    pub(crate) files: BTreeMap<FileId, Followed>,
    /// Whether the state on the disk is an older one.
    pub(crate) is_behind: bool,
    directory: StateDirectory,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
    /// What is remembered of files that are not found.
    missing: BTreeMap<FileId, FileState>,
    /// Whether nothing was remembered, not even that there was nothing, when it began.
    is_first_start: bool,
    discovered_at: Option<Instant>,
    /// What hindered reading since it was looked for files last, and what of that was said last.
    complaint: String,
    said: String,
}

impl Watch {
    /// Begins with what is remembered in a directory.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) fn new(
        settings: Settings,
        directory: StateDirectory,
        clock: Arc<dyn Clock>,
        progress: Arc<Progress>,
    ) -> anyhow::Result<Self> {
        let (remembered, is_first_start) = (directory.read()?.files, !directory.has_state());
        Ok(Self {
            settings,
            files: BTreeMap::new(),
            // That there was a first start is remembered, also if it finds no file.
            is_behind: is_first_start,
            directory,
            clock,
            progress,
            missing: remembered.into_iter().map(|file| (file.id, file)).collect(),
            is_first_start,
            discovered_at: None,
            complaint: String::new(),
            said: String::new(),
        })
    }

    /// Says whether nothing hindered reading.
    pub(crate) fn has_read_all(&self) -> bool {
        self.complaint.is_empty()
    }

    /// Looks for new files, and for new names of old ones, if that is due.
    pub(crate) fn look_around(&mut self) {
        if self.discovered_at.is_some_and(|at| at.elapsed() < self.settings.discover_every) {
            return;
        }
        if !std::mem::take(&mut self.complaint).is_empty() {
            self.progress.set_trouble(None);
        }
        self.discover();
        self.discovered_at = Some(Instant::now());
        self.notice_new_content();
        self.count_files();
        // What was found is known from now on, whatever becomes of its name while others are delivered.
        if let Err(error) = self.remember_what_changed() {
            self.complain(&error);
        }
    }

    /// Takes note of files that were emptied: under another name they would no longer be known for what they are.
    fn notice_new_content(&mut self) {
        let now = Instant::now();
        for file in self.files.values_mut() {
            // What cannot be read now is said when it is its turn.
            self.is_behind |= file.notice_new_content(now).unwrap_or(false);
        }
    }

    /// Takes note of how many files there are, and what is still to be sent of them.
    pub(crate) fn count_files(&self) {
        let lag = self.files.values().map(|file| file.state.lag()).sum();
        self.progress.set_files(self.files.len(), lag);
    }

    /// Takes note of what hinders reading or remembering, and says it once.
    pub(crate) fn complain(&mut self, error: &anyhow::Error) {
        self.complaint = format!("{error:#}");
        self.progress.set_trouble(Some(&self.complaint));
        if self.complaint != self.said {
            tracing::warn!("{}", self.complaint);
            self.said.clone_from(&self.complaint);
        }
    }

    /// Writes the state to the disk, if it is not there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn remember_what_changed(&mut self) -> anyhow::Result<()> {
        if self.is_behind { self.remember() } else { Ok(()) }
    }

    /// Writes the state to the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn remember(&mut self) -> anyhow::Result<()> {
        let mut state = State::default();
        state.files.extend(self.files.values().map(|file| file.state.clone()));
        state.files.extend(self.missing.values().cloned());
        self.directory.write(&state)?;
        self.is_behind = false;
        Ok(())
    }

    /// Closes a file that is over.
    pub(crate) fn forget(&mut self, id: FileId) {
        if let Some(file) = self.files.remove(&id) {
            self.missing.insert(id, self.missing_now(file.state));
            self.is_behind = true;
        }
    }

    fn missing_now(&self, state: FileState) -> FileState {
        let now = self.clock.now().as_micros();
        FileState { missing_since: state.missing_since.or(Some(now)), ..state }
    }

    /// Looks for files that are new, and for those that have another name now.
    fn discover(&mut self) {
        let mut found: BTreeMap<FileId, Target> = self.settings.discovery.find().into_iter().collect();
        for (id, file) in &mut self.files {
            file.found(found.remove(id));
        }
        for target in found.into_values() {
            let cannot = format!("cannot read {}", target.path.display());
            if let Err(error) = self.follow(target).context(cannot) {
                self.complain(&error);
            }
        }
        if self.discovered_at.is_none() {
            self.follow_renamed();
        }
        let now = self.clock.now().as_micros();
        let is_kept = |state: &FileState| {
            state.missing_since.is_none_or(|since| now.saturating_sub(since) < MISSING_KEPT_MICROS)
        };
        self.missing.retain(|_, state| is_kept(state));
    }

    /// Begins with a file, or goes on with one that is remembered.
    fn follow(&mut self, target: Target) -> std::io::Result<()> {
        let handle = File::open(&target.path)?;
        let metadata = handle.metadata()?;
        let (id, now) = (FileId::of(&metadata), Instant::now());
        if self.files.contains_key(&id) {
            return Ok(());
        }
        let file = match self.missing.remove(&id) {
            Some(state) if !state.is_another(&metadata) => Followed::resume(handle, target, state, now),
            gone => {
                if let Some(state) = gone {
                    say_gone(&state);
                }
                // What the first look of all does not find was written since.
                let is_first_look = self.is_first_start && self.discovered_at.is_none();
                let begins = if self.settings.is_from_end && is_first_look { metadata.len() } else { 0 };
                Followed::open(handle, target, begins, now)?
            }
        };
        self.files.insert(id, file);
        self.is_behind = true;
        Ok(())
    }

    /// Finds the files that were renamed while no shipper ran.
    fn follow_renamed(&mut self) {
        for state in std::mem::take(&mut self.missing).into_values() {
            if let Some(file) = open_renamed(&state) {
                self.files.insert(state.id, file);
                continue;
            }
            say_gone(&state);
            self.missing.insert(state.id, self.missing_now(state));
        }
    }
}

/// Says what is lost with a file that is gone, unless it was said when it went.
fn say_gone(state: &FileState) {
    if state.missing_since.is_none() && state.lag() > 0 {
        let (path, bytes) = (state.path.display().to_string(), state.lag());
        tracing::warn!(path, bytes, "{path} is gone; {bytes} bytes of it were not sent and are lost");
    }
}

/// Opens a remembered file under the name that it has now, if it is still the same.
fn open_renamed(state: &FileState) -> Option<Followed> {
    let handle = File::open(find_beside(&state.path, state.id)?).ok()?;
    if state.is_another(&handle.metadata().ok()?) || !state.fingerprint.matches(&handle).ok()? {
        return None;
    }
    // Its lines keep the name that the file had when they were written.
    let target = Target { path: state.path.clone(), service: state.service.clone(), reading: state.reading };
    let mut file = Followed::resume(handle, target, state.clone(), Instant::now());
    file.found(None);
    Some(file)
}
