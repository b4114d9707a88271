//! The reserve: a part of the filesystem that appends leave free. It is looked at every second; below it appends are
//! refused, and taken again when a tenth of it more is free, so that it does not go to and fro. Reads and deletes
//! never ask.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use store::{DiskReserve, StoreError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often the filesystem is asked.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// Appends are taken again when this part of the reserve is free beyond it: one in so many.
const RESUMED_AT_PART: u64 = 10;

/// How large a filesystem is, and how much of it a service may still use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    pub(crate) total_bytes: u64,
    pub(crate) free_bytes: u64,
}

/// Asks a filesystem.
pub(crate) type Look = Box<dyn Fn() -> io::Result<Space> + Send + Sync>;

/// Watches over the reserve. Clones share it.
#[derive(Clone)]
pub(crate) struct DiskWatch {
    shared: Arc<Shared>,
}

struct Shared {
    reserve: DiskReserve,
    look: Look,
    reserve_bytes: AtomicU64,
    is_below: AtomicBool,
}

/// Returns what asks the filesystem that a directory lies on.
pub(crate) fn look_at(directory: &Path) -> Look {
    let directory = directory.to_owned();
    Box::new(move || {
        let found = rustix::fs::statvfs(&directory)?;
        Ok(Space {
            total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
            free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        })
    })
}

impl DiskWatch {
    /// Makes a watch, and looks for the first time.
    pub(crate) fn new(reserve: DiskReserve, look: Look) -> Self {
        let (reserve_bytes, is_below) = Default::default();
        let watch = Self { shared: Arc::new(Shared { reserve, look, reserve_bytes, is_below }) };
        watch.look();
        watch
    }

    /// Says whether records may be appended.
    pub(crate) fn pass(&self) -> Result<(), StoreError> {
        if !self.shared.is_below.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(StoreError::BelowReserve { reserve_bytes: self.shared.reserve_bytes.load(Ordering::Relaxed) })
    }

    /// Looks every second, until the store closes.
    pub(crate) async fn run(self, closing: CancellationToken) {
        if self.shared.reserve == DiskReserve::Off {
            return;
        }
        let mut ticks = interval(LOOKED_AT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while closing.run_until_cancelled(ticks.tick()).await.is_some() {
            self.look();
        }
    }

    fn look(&self) {
        let Shared { reserve, look, reserve_bytes, is_below } = &*self.shared;
        let Ok(space) = look() else {
            // What was known is kept; a disk that is gone shows itself to whoever writes.
            return;
        };
        let reserved = reserve.of_filesystem(space.total_bytes);
        let was_below = is_below.load(Ordering::Relaxed);
        let wanted = if was_below { reserved + reserved / RESUMED_AT_PART } else { reserved };
        reserve_bytes.store(reserved, Ordering::Relaxed);
        is_below.store(space.free_bytes < wanted, Ordering::Relaxed);
        let free_bytes = space.free_bytes;
        match (was_below, free_bytes < wanted) {
            (false, true) => {
                tracing::error!(
                    free_bytes,
                    reserve_bytes = reserved,
                    "the disk is full but for the reserve: no logs are taken"
                );
            }
            (true, false) => {
                tracing::info!(
                    free_bytes,
                    reserve_bytes = reserved,
                    "the disk has room again: logs are taken"
                );
            }
            _ => {}
        }
    }
}

impl fmt::Debug for DiskWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskWatch").field("reserve", &self.shared.reserve).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk of 1,000 bytes of which the test says how many are free.
    fn disk(reserve: DiskReserve) -> (DiskWatch, Arc<AtomicU64>) {
        let free = Arc::new(AtomicU64::new(1000));
        let seen = Arc::clone(&free);
        let look = move || Ok(Space { total_bytes: 1000, free_bytes: seen.load(Ordering::Relaxed) });
        (DiskWatch::new(reserve, Box::new(look)), free)
    }

    fn takes_with(watch: &DiskWatch, free: &AtomicU64, free_bytes: u64) -> bool {
        free.store(free_bytes, Ordering::Relaxed);
        watch.look();
        watch.pass().is_ok()
    }

    #[test]
    fn below_the_reserve_nothing_is_taken_until_a_tenth_of_it_more_is_free() {
        let (watch, free) = disk(DiskReserve::Bytes(100));
        assert!(takes_with(&watch, &free, 100));
        assert!(!takes_with(&watch, &free, 99));
        assert!(matches!(watch.pass(), Err(StoreError::BelowReserve { reserve_bytes: 100 })));
        assert!(!takes_with(&watch, &free, 109));
        assert!(takes_with(&watch, &free, 110));
        assert!(takes_with(&watch, &free, 100));
    }

    #[test]
    fn without_a_reserve_everything_is_taken() {
        let (watch, free) = disk(DiskReserve::Off);
        assert!(takes_with(&watch, &free, 0));
    }

    #[test]
    fn a_disk_that_does_not_answer_changes_nothing() {
        let watch = DiskWatch::new(DiskReserve::Standard, Box::new(|| Err(io::ErrorKind::NotFound.into())));
        assert!(watch.pass().is_ok());
    }

    #[tokio::test]
    async fn the_disk_is_looked_at_again_by_itself() {
        let (watch, free) = disk(DiskReserve::Percent(50));
        let closing = CancellationToken::new();
        let running = tokio::spawn(watch.clone().run(closing.clone()));
        free.store(499, Ordering::Relaxed);
        testkit::wait_until("it is seen", Duration::from_secs(60), async || watch.pass().err()).await;
        free.store(550, Ordering::Relaxed);
        testkit::wait_until("it is seen", Duration::from_secs(60), async || watch.pass().ok()).await;
        closing.cancel();
        running.await.unwrap();
    }

    #[test]
    fn the_filesystem_of_a_directory_says_how_large_it_is() {
        let space = look_at(Path::new("/"))().unwrap();
        assert!(space.total_bytes > 0 && space.free_bytes <= space.total_bytes, "{space:?}");
    }
}
