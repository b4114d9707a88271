//! What tests share: builders of records, strategies for random ones, waiting for a
//! condition. Only ever a dev-dependency.

pub mod build;
pub mod strategy;
pub mod wait;

pub use build::RecordBuilder;
pub use wait::wait_until;
