//! The write path: authenticate, decode, validate, queue, commit, acknowledge. A 2xx means: on disk and
//! visible to every query.
//!
//! * [`api`] the routes, on one page
//! * [`decode`] from the bytes of a body to records
//! * [`app`] the service as a whole: the only place that names an engine
//! * [`config`] its options

pub mod api;
pub mod app;
pub mod config;
pub mod decode;

pub use config::Config;

/// The service's name, as it goes in logs, metrics and documents.
pub const SERVICE: &str = "ingest-svc";
