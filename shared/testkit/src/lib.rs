//! What tests share: builders of records, strategies for random ones, a settable clock, waiting for a
//! condition. Only ever a dev-dependency.

pub mod build;
pub mod clock;
pub mod strategy;
pub mod wait;

pub use build::RecordBuilder;
pub use clock::ManualClock;
pub use wait::wait_until;
