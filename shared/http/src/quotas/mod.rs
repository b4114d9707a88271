//! Quotas: what one caller may use of a service in a second. Each process counts for itself.
//!
//! * [`rate`] one quantity: so much a second, twice that at once
//! * [`key_quotas`] requests, records and bytes of each caller

pub mod key_quotas;
pub mod rate;

pub use self::key_quotas::{KeyQuotas, KeyRates};
