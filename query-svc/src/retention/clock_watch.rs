//! Whether the wall clock can be trusted. It may be set, by hand or by a time server gone wrong; the time since the
//! process started cannot. While both agree, retention goes by the wall clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Clock, Timestamp};
use thiserror::Error;

/// How far the wall clock may stray (1 h), in microseconds. Time servers correct a clock by far less.
pub const STRAY_MAX_MICROS: i64 = 3600 * 1_000_000;

/// A source of time that only ever goes on, at its own pace.
pub trait Uptime: Send + Sync {
    /// Returns how long it has been since some moment that stays the same.
    fn elapsed(&self) -> Duration;
}

/// The machine's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemUptime(Instant);

impl Default for SystemUptime {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Uptime for SystemUptime {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A wall clock, and what it has to agree with.
pub struct ClockWatch {
    clock: Arc<dyn Clock>,
    uptime: Arc<dyn Uptime>,
    /// What the wall clock would show when the uptime was nothing, had it never been set.
    base_micros: i64,
}

/// The wall clock was set since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the clock was set: it is {ahead_seconds} s ahead of the time that passed")]
pub struct ClockWasSet {
    /// How far it is ahead; negative: behind.
    pub ahead_seconds: i64,
}

impl ClockWatch {
    /// Starts to watch: from now on both clocks have to move alike.
    pub fn start(clock: Arc<dyn Clock>, uptime: Arc<dyn Uptime>) -> Self {
        let base_micros = clock.now().as_micros() - micros(uptime.elapsed());
        Self { clock, uptime, base_micros }
    }

    /// Returns the wall clock's time.
    ///
    /// # Errors
    /// [`ClockWasSet`] while it strays further than [`STRAY_MAX_MICROS`].
    pub fn now(&self) -> Result<Timestamp, ClockWasSet> {
        let now = self.clock.now();
        let expected = self.base_micros.saturating_add(micros(self.uptime.elapsed()));
        let ahead = now.as_micros().saturating_sub(expected);
        if ahead.saturating_abs() > STRAY_MAX_MICROS {
            return Err(ClockWasSet { ahead_seconds: ahead / 1_000_000 });
        }
        Ok(now)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
