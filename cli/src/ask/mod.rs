//! Asking a running query-svc: `search`, `tail`, `stats`, `export`.
//!
//! * `server` where it is and with which key, `filters` which logs are meant: the same for all four
//! * `show` how a log is written: for a person in colour, for a pipe as JSON
//! * `search`, `tail`, `stats`, `export` the commands

pub(crate) mod export;
mod filters;
pub(crate) mod search;
mod server;
mod show;
pub(crate) mod stats;
pub(crate) mod tail;

pub(crate) use filters::name_and_value;
