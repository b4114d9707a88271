//! Where the time comes from. Code that needs the time takes a [`Clock`], so that a test can set it.

use crate::Timestamp;

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// Returns the current time, UTC, to the microsecond. It may jump: never measure a duration with it.
    fn now(&self) -> Timestamp;
}

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::saturating_from_micros(chrono::Utc::now().timestamp_micros())
    }
}
