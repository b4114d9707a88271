//! What tests share: builders of records, strategies for random ones and for conditions on them, waiting for a
//! condition, HTTP/2 by hand. Only ever a dev-dependency.

pub mod build;
pub mod conditions;
pub mod http2;
pub mod strategy;
pub mod wait;

pub use build::RecordBuilder;
pub use wait::wait_until;
