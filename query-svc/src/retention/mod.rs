//! Retention: applying the rules that say how long logs are kept.
//!
//! * `apply` what one rule deletes: by the time of arrival, by the server's clock
//! * [`clock_watch`] whether the wall clock can be trusted: one that jumps ahead a year must not delete everything
//! * [`scheduler`] every rule of every tenant, round after round
//! * [`options`] how often
//!
//! Several processes may apply the same rules to one store: a delete takes each record once, and what one process
//! has deleted the other no longer finds.

mod apply;
pub mod clock_watch;
pub mod options;
pub mod scheduler;
#[cfg(test)]
mod tests;

pub use apply::{Outcome, apply, rehearse};
pub use clock_watch::{ClockWatch, SystemUptime, Uptime};
pub use options::{RetentionInterval, RetentionOptions};
pub use scheduler::{Scheduler, start};
