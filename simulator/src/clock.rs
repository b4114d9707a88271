//! Where the time of the records comes from: a function that a test can replace.

use chrono::{DateTime, Utc};

/// Returns the current time.
pub type Now = fn() -> DateTime<Utc>;

/// The machine's wall clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
#[must_use]
pub fn system_now() -> DateTime<Utc> {
    Utc::now()
}
