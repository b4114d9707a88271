//! How it goes: counters, and who shows them, as a line on a terminal or as log lines now and then.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often the line on a terminal is redrawn.
const REDRAW_EVERY: Duration = Duration::from_millis(500);
/// How often a line is logged where there is no terminal.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What a shipper has done, and has still to do.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Records that ingest-svc stored.
    stored: AtomicU64,
    /// Records that it did not take.
    rejected: AtomicU64,
    /// Bytes of files that are not acknowledged.
    lag: AtomicU64,
    files: AtomicU64,
    /// What hinders it.
    trouble: Mutex<Option<String>>,
}

impl Progress {
    /// Counts records.
    pub(crate) fn count(&self, stored: u64, rejected: u64) {
        self.stored.fetch_add(stored, Ordering::Relaxed);
        self.rejected.fetch_add(rejected, Ordering::Relaxed);
    }

    /// Takes note of how many files there are, and how many bytes of them are not acknowledged.
    pub(crate) fn set_files(&self, files: usize, lag: u64) {
        self.files.store(files as u64, Ordering::Relaxed);
        self.lag.store(lag, Ordering::Relaxed);
    }

    /// Takes note of what hinders it.
    pub(crate) fn set_trouble(&self, trouble: Option<&str>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble.map(str::to_owned);
    }

    /// Returns how many records were stored and rejected.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.stored.load(Ordering::Relaxed), self.rejected.load(Ordering::Relaxed))
    }

    fn line(&self, lines_per_s: f64) -> String {
        let ((stored, rejected), files) = (self.counts(), self.files.load(Ordering::Relaxed));
        let lag = HumanBytes(self.lag.load(Ordering::Relaxed));
        let mut line = format!("{stored} stored, {lines_per_s:.0}/s, {lag} to go in {files} files");
        if rejected > 0 {
            line += &format!(", {rejected} rejected");
        }
        if let Some(trouble) = &*self.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            line += &format!(", {trouble}");
        }
        line
    }
}

/// Shows it until it is dropped; where nothing happens, nothing is logged.
pub(crate) async fn show(progress: Arc<Progress>) {
    let bar = std::io::stderr().is_terminal().then(Bar::new);
    let mut ticks = interval(if bar.is_some() { REDRAW_EVERY } else { LOG_EVERY });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    let (mut last, mut last_at, mut shown) = (progress.counts().0, Instant::now(), String::new());
    loop {
        let now = ticks.tick().await;
        let stored = progress.counts().0;
        let line = progress.line((stored - last) as f64 / now.duration_since(last_at).as_secs_f64());
        (last, last_at) = (stored, now);
        match &bar {
            Some(Bar(bar)) => bar.set_message(line),
            None if line == shown => {}
            None => {
                tracing::info!("{line}");
                shown = line;
            }
        }
    }
}

/// The line on the terminal; it disappears with its owner.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
        let bar = ProgressBar::new_spinner();
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(REDRAW_EVERY);
        Self(bar)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
