//! All files in turn: decide, remember, deliver, move on. One batch at a time is in memory, whatever the backlog.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::Clock;
use rand::rngs::StdRng;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::envelope::Envelopes;
use super::file::{Circumstances, Decision};
use super::identity::FileId;
use super::progress::Progress;
use super::state::StateDirectory;
use super::watch::{Settings, Watch};
use crate::deliver::{Courier, Delivery, Parcel, random_key};

/// How often files are looked at where there is nothing to do.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Ships files.
pub(crate) struct Shipper {
    watch: Watch,
    courier: Courier,
    stop: CancellationToken,
    clock: Arc<dyn Clock>,
    rng: StdRng,
    progress: Arc<Progress>,
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
        let Tools { courier, stop, clock, rng, progress } = tools;
        let watch = Watch::new(settings, directory, Arc::clone(&clock), Arc::clone(&progress))?;
        Ok(Self { watch, courier, stop, clock, rng, progress })
    }

    /// Ships until it is asked to stop, or, once, until everything that is there is acknowledged. Returns whether all could
    /// be read.
    ///
    /// # Errors
    /// When the state cannot be written at the end.
    pub(crate) async fn run(&mut self) -> anyhow::Result<bool> {
        while !self.stop.is_cancelled() {
            self.watch.look_around();
            match self.turns().await {
                Turn::Stopped => break,
                Turn::Moved => continue,
                Turn::Idle => {}
            }
            self.watch.count_files();
            let remembered = self.watch.remember_what_changed();
            if self.watch.settings.is_once {
                return remembered.map(|()| self.watch.has_read_all());
            }
            if let Err(error) = remembered {
                self.watch.complain(&error);
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = self.stop.cancelled() => {}
            }
        }
        self.watch.remember()?;
        Ok(true)
    }

    /// Gives each file a turn.
    async fn turns(&mut self) -> Turn {
        let ids: Vec<FileId> = self.watch.files.keys().copied().collect();
        let mut all = Turn::Idle;
        for id in ids {
            match self.turn(id).await {
                Ok(Turn::Idle) => {}
                Ok(Turn::Moved) => all = Turn::Moved,
                Ok(Turn::Stopped) => return Turn::Stopped,
                Err(error) => self.watch.complain(&error),
            }
        }
        all
    }

    async fn turn(&mut self, id: FileId) -> anyhow::Result<Turn> {
        let Some(file) = self.watch.files.get_mut(&id) else { return Ok(Turn::Idle) };
        let cannot_read = format!("cannot read {}", file.path.display());
        let now = Instant::now();
        if file.state.pending.is_some() {
            let Some(envelopes) = file.rebuild(now).context(cannot_read)? else {
                file.begin_anew(
                    "what was about to be sent when the shipper ended is no longer in it, and is lost",
                );
                self.watch.is_behind = true;
                return Ok(Turn::Moved);
            };
            return self.deliver(id, envelopes).await;
        }
        let (time, rng) = (self.clock.now().to_string(), &mut self.rng);
        let circumstances = Circumstances {
            now,
            time: &time,
            source: &self.watch.settings.source,
            batch_size: self.watch.settings.batch_size,
            is_last_look: self.watch.settings.is_once,
        };
        match file.decide(&circumstances, || random_key("ship", rng)).context(cannot_read)? {
            Decision::Idle => {
                if file.is_over(now) {
                    self.watch.forget(id);
                }
                Ok(Turn::Idle)
            }
            Decision::Moved => {
                self.watch.is_behind = true;
                Ok(Turn::Moved)
            }
            Decision::Send(envelopes) => {
                // From here on it is this batch under this key, whatever happens to the process.
                if let Err(error) = self.watch.remember() {
                    self.watch.files.entry(id).and_modify(|file| file.state.pending = None);
                    return Err(error);
                }
                self.deliver(id, envelopes).await
            }
        }
    }

    /// Delivers what is pending of a file, and moves on.
    async fn deliver(&mut self, id: FileId, envelopes: Envelopes) -> anyhow::Result<Turn> {
        let Some(file) = self.watch.files.get_mut(&id) else { return Ok(Turn::Idle) };
        let Some(pending) = file.state.pending.clone() else { return Ok(Turn::Idle) };
        let (records, path) = (envelopes.count, file.path.display().to_string());
        let mut parcel = Parcel::pack(pending.key, envelopes.ndjson, records)?;
        let delivery = loop {
            match Self::deliver_watchfully(&mut self.courier, &mut self.watch, &parcel).await {
                Delivery::KeyReused(reason) => {
                    tracing::error!(
                        path,
                        key = parcel.key,
                        "{path} is not what it was when a batch was sent: the batch is sent under a new key, and may \
                         be there twice: {reason}"
                    );
                    parcel.renew_key(random_key("ship", &mut self.rng));
                    if let Some(pending) =
                        self.watch.files.get_mut(&id).and_then(|file| file.state.pending.as_mut())
                    {
                        pending.key.clone_from(&parcel.key);
                    }
                    self.watch.remember()?;
                }
                delivery => break delivery,
            }
        };
        let Some(file) = self.watch.files.get_mut(&id) else { return Ok(Turn::Idle) };
        self.watch.is_behind = true;
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

    /// Delivers, however long it takes, and meanwhile takes note of files that come and of names that go: a file that was
    /// rotated away twice during an outage would not be found any more.
    async fn deliver_watchfully(courier: &mut Courier, watch: &mut Watch, parcel: &Parcel) -> Delivery {
        let mut delivering = pin!(courier.deliver(parcel));
        loop {
            tokio::select! {
                biased;
                delivery = &mut delivering => return delivery,
                () = sleep(watch.settings.discover_every) => watch.look_around(),
            }
        }
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
}

#[cfg(test)]
mod tests;
