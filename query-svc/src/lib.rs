//! The read path: search, count, delete; and the rules by which logs are deleted by themselves.
//!
//! * [`api`] the routes, on one page
//! * [`accounts`] people and their passwords
//! * [`params`] what query strings mean
//! * [`tail`] following logs as they come in
//! * [`export`] all logs of a filter as one file
//! * [`places`] places that tenants share, [`fair_store`] a store that each tenant asks so much of at a time
//! * [`memory`] what questions, exports and tails may take of it, [`turn`] a question's place and memory
//! * [`json_line`] a record's JSON on one line
//! * [`retention`] what applies retention rules
//! * [`app`] the service as a whole: the only place that names an engine
//! * [`config`] its options

pub mod accounts;
pub mod api;
pub mod app;
pub mod config;
pub mod export;
pub mod fair_store;
pub mod json_line;
pub mod memory;
pub mod params;
pub mod places;
pub mod retention;
pub mod tail;
#[cfg(test)]
pub(crate) mod test_store;
pub mod turn;

pub use config::Config;

/// The service's name, as it goes in logs, metrics and documents.
pub const SERVICE: &str = "query-svc";

/// What `/` says to a browser.
pub const PAGE: &str = include_str!("page/index.html");
