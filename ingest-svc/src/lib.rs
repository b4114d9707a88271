//! The write path: authenticate, decode, validate, queue, commit, acknowledge. A 2xx means: on disk and
//! visible to every query.
//!
//! * [`api`] the routes, on one page
//! * [`admission`] the one way in, which all of them use: decode, validate, store, count
//! * [`decode`] from the bytes of a body to records
//! * [`syslog`] the door that is not HTTP
//! * [`app`] the service as a whole: the only place that names an engine
//! * `side_ports` ports of their own for protocols
//! * [`options`] the options of everything that stores logs, [`config`] all of the service's

pub mod admission;
pub mod api;
pub mod app;
pub mod config;
pub mod decode;
pub mod options;
mod side_ports;
pub mod syslog;

pub use config::Config;
pub use options::IngestOptions;
pub use side_ports::open_side_ports;

/// The service's name, as it goes in logs, metrics and documents.
pub const SERVICE: &str = "ingest-svc";
