//! All files in turn: decide, remember, deliver, move on. One batch at a time is in memory, whatever the backlog.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::Clock;
use rand::rngs::StdRng;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::discovery::{Discovery, find_beside};
use super::envelope::Envelopes;
use super::file::{Circumstances, Decision, Followed, Target};
use super::identity::FileId;
use super::progress::Progress;
use super::state::{FileState, State, StateDirectory};
use crate::deliver::{Courier, Delivery, Parcel, random_key};

/// How often files are looked at where there is nothing to do.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often it is looked for new files.
const DISCOVER_EVERY: Duration = Duration::from_secs(2);

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
    /// Whether it ends when everything that is there is acknowledged.
    pub(crate) is_once: bool,
}

/// Ships files.
pub(crate) struct Shipper {
    pub(crate) settings: Settings,
    pub(crate) directory: StateDirectory,
    pub(crate) courier: Courier,
    pub(crate) stop: CancellationToken,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: StdRng,
    pub(crate) progress: Arc<Progress>,
    files: BTreeMap<FileId, Followed>,
    /// What is remembered of files that are not found.
    missing: BTreeMap<FileId, FileState>,
    /// Whether the state on the disk is an older one.
    is_behind: bool,
    has_discovered: bool,
    /// What hindered reading since it was looked for files last, and what of that was said last.
    complaint: String,
    said: String,
}

/// What came of a file's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// There was nothing to do.
    Idle,
    /// Something was done, and there may be more.
    Moved,
    /// The process was asked to stop.
    Stopped,
}

/// What a shipper works with.
pub(crate) struct Tools {
    pub(crate) courier: Courier,
    pub(crate) stop: CancellationToken,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: StdRng,
    pub(crate) progress: Arc<Progress>,
}

impl Shipper {
    /// Prepares shipping, with what is remembered in a directory.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) fn new(settings: Settings, directory: StateDirectory, tools: Tools) -> anyhow::Result<Self> {
        let remembered = directory.read()?.files;
        let Tools { courier, stop, clock, rng, progress } = tools;
        Ok(Self {
            settings,
            directory,
            courier,
            stop,
            clock,
            rng,
            progress,
            files: BTreeMap::new(),
            missing: remembered.into_iter().map(|file| (file.id, file)).collect(),
            is_behind: false,
            has_discovered: false,
            complaint: String::new(),
            said: String::new(),
        })
    }

    /// Ships until it is asked to stop, or, once, until everything that is there is acknowledged. Returns whether all could
    /// be read.
    ///
    /// # Errors
    /// When the state cannot be written at the end.
    pub(crate) async fn run(&mut self) -> anyhow::Result<bool> {
        let mut discovered_at: Option<Instant> = None;
        while !self.stop.is_cancelled() {
            if discovered_at.is_none_or(|at| at.elapsed() >= DISCOVER_EVERY) {
                if !std::mem::take(&mut self.complaint).is_empty() {
                    self.progress.set_trouble(None);
                }
                self.discover();
                discovered_at = Some(Instant::now());
                // What was found is known from now on, whatever becomes of its name while others are delivered.
                if self.is_behind
                    && let Err(error) = self.remember()
                {
                    self.complain(&error);
                }
            }
            let turn = self.turns().await;
            let lag = self.files.values().map(|file| file.state.lag()).sum();
            self.progress.set_files(self.files.len(), lag);
            match turn {
                Turn::Stopped => break,
                Turn::Moved => continue,
                Turn::Idle => {}
            }
            let remembered = if self.is_behind { self.remember() } else { Ok(()) };
            if self.settings.is_once {
                return remembered.map(|()| self.complaint.is_empty());
            }
            if let Err(error) = remembered {
                self.complain(&error);
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = self.stop.cancelled() => {}
            }
        }
        self.remember()?;
        Ok(true)
    }

    /// Gives each file a turn.
    async fn turns(&mut self) -> Turn {
        let ids: Vec<FileId> = self.files.keys().copied().collect();
        let mut all = Turn::Idle;
        for id in ids {
            match self.turn(id).await {
                Ok(Turn::Idle) => {}
                Ok(Turn::Moved) => all = Turn::Moved,
                Ok(Turn::Stopped) => return Turn::Stopped,
                Err(error) => self.complain(&error),
            }
        }
        all
    }

    async fn turn(&mut self, id: FileId) -> anyhow::Result<Turn> {
        let Some(file) = self.files.get_mut(&id) else { return Ok(Turn::Idle) };
        let cannot_read = format!("cannot read {}", file.path.display());
        let now = Instant::now();
        if file.state.pending.is_some() {
            let Some(envelopes) = file.rebuild(now).context(cannot_read)? else {
                file.begin_anew(
                    "what was about to be sent when the shipper ended is no longer in it, and is lost",
                );
                self.is_behind = true;
                return Ok(Turn::Moved);
            };
            return self.deliver(id, envelopes).await;
        }
        let (time, rng) = (self.clock.now().to_string(), &mut self.rng);
        let circumstances = Circumstances {
            now,
            time: &time,
            source: &self.settings.source,
            batch_size: self.settings.batch_size,
            is_last_look: self.settings.is_once,
        };
        match file.decide(&circumstances, || random_key("ship", rng)).context(cannot_read)? {
            Decision::Idle => {
                if file.is_over(now) {
                    self.forget(id);
                }
                Ok(Turn::Idle)
            }
            Decision::Moved => {
                self.is_behind = true;
                Ok(Turn::Moved)
            }
            Decision::Send(envelopes) => {
                // From here on it is this batch under this key, whatever happens to the process.
                if let Err(error) = self.remember() {
                    self.files.entry(id).and_modify(|file| file.state.pending = None);
                    return Err(error);
                }
                self.deliver(id, envelopes).await
            }
        }
    }

    /// Delivers what is pending of a file, and moves on.
    async fn deliver(&mut self, id: FileId, envelopes: Envelopes) -> anyhow::Result<Turn> {
        let Some(file) = self.files.get_mut(&id) else { return Ok(Turn::Idle) };
        let Some(pending) = file.state.pending.clone() else { return Ok(Turn::Idle) };
        let (records, path) = (envelopes.count, file.path.display().to_string());
        let mut parcel = Parcel::pack(pending.key, envelopes.ndjson)?;
        let delivery = loop {
            match self.courier.deliver(&parcel).await {
                Delivery::KeyReused(reason) => {
                    tracing::error!(
                        path,
                        key = parcel.key,
                        "{path} is not what it was when a batch was sent: the batch is sent under a new key, and may \
                         be there twice: {reason}"
                    );
                    parcel.key = random_key("ship", &mut self.rng);
                    if let Some(pending) =
                        self.files.get_mut(&id).and_then(|file| file.state.pending.as_mut())
                    {
                        pending.key.clone_from(&parcel.key);
                    }
                    self.remember()?;
                }
                delivery => break delivery,
            }
        };
        let Some(file) = self.files.get_mut(&id) else { return Ok(Turn::Idle) };
        self.is_behind = true;
        match delivery {
            Delivery::Stopped | Delivery::KeyReused(_) => return Ok(Turn::Stopped),
            Delivery::Stored(stored) => {
                file.state.acknowledged_at = Some(self.clock.now().to_string());
                file.moved_on(records);
                let first = stored.errors.first().map(|error| error.detail.as_str());
                self.count(stored.accepted, stored.rejected, &path, first.unwrap_or_default());
            }
            Delivery::Rejected { reason, .. } => {
                file.moved_on(records);
                self.count(0, records, &path, &reason);
            }
            Delivery::TooLarge(reason) => {
                if !file.take_less(records) {
                    file.moved_on(records);
                    self.count(0, records, &path, &reason);
                }
            }
        }
        Ok(Turn::Moved)
    }

    /// Counts what was stored and what was not; the first of the latter is said.
    fn count(&self, stored: u64, rejected: u64, path: &str, reason: &str) {
        if rejected > 0 && self.progress.counts().1 == 0 {
            tracing::error!(
                path,
                rejected,
                "{rejected} records of {path} are not valid for the service and are left out: {reason}; further ones \
                 are only counted"
            );
        }
        self.progress.count(stored, rejected);
    }

    fn complain(&mut self, error: &anyhow::Error) {
        self.complaint = format!("{error:#}");
        self.progress.set_trouble(Some(&self.complaint));
        if self.complaint != self.said {
            tracing::warn!("{}", self.complaint);
            self.said.clone_from(&self.complaint);
        }
    }

    /// Writes the state to the disk.
    fn remember(&mut self) -> anyhow::Result<()> {
        let mut state = State::default();
        state.files.extend(self.files.values().map(|file| file.state.clone()));
        state.files.extend(self.missing.values().cloned());
        self.directory.write(&state)?;
        self.is_behind = false;
        Ok(())
    }

    /// Closes a file that is over.
    fn forget(&mut self, id: FileId) {
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
        if !std::mem::replace(&mut self.has_discovered, true) {
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
            Some(state) => Followed::resume(handle, target, state, now),
            None => {
                // A file that took the place of one that is remembered is new since then.
                let is_new = self.has_discovered || self.is_remembered(&target.path);
                let begins = if self.settings.is_from_end && !is_new { metadata.len() } else { 0 };
                Followed::open(handle, target, begins, now)?
            }
        };
        self.files.insert(id, file);
        self.is_behind = true;
        Ok(())
    }

    fn is_remembered(&self, path: &Path) -> bool {
        let live = self.files.values().map(|file| &file.state);
        live.chain(self.missing.values()).any(|state| state.path == path)
    }

    /// Finds the files that were renamed while no shipper ran.
    fn follow_renamed(&mut self) {
        for state in std::mem::take(&mut self.missing).into_values() {
            if let Some(file) = open_renamed(&state) {
                self.files.insert(state.id, file);
                continue;
            }
            if state.missing_since.is_none() && state.lag() > 0 {
                let (path, bytes) = (state.path.display().to_string(), state.lag());
                tracing::warn!(path, bytes, "{path} is gone; {bytes} bytes of it were not sent and are lost");
            }
            self.missing.insert(state.id, self.missing_now(state));
        }
    }
}

/// Opens a remembered file under the name that it has now, if it is still the same.
fn open_renamed(state: &FileState) -> Option<Followed> {
    let handle = File::open(find_beside(&state.path, state.id)?).ok()?;
    if !state.fingerprint.matches(&handle).ok()? {
        return None;
    }
    // Its lines keep the name that the file had when they were written.
    let target = Target { path: state.path.clone(), service: state.service.clone(), reading: state.reading };
    let mut file = Followed::resume(handle, target, state.clone(), Instant::now());
    file.found(None);
    Some(file)
}

#[cfg(test)]
mod tests;
