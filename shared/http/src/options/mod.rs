//! The options that every service has about how it speaks HTTP, as blocks to flatten into a `clap` parser. Each is a flag
//! and an environment variable `SENTINEL_<FLAG>`; each limit has a unit, and the error that it causes states it.
//!
//! * [`listener`] how many connections, and how long they may take
//! * [`values`] how sizes and times are written

pub mod listener;
pub mod values;

use clap::Args;

pub use self::listener::ListenerOptions;

/// How a service speaks HTTP.
#[derive(Debug, Clone, Default, Args)]
pub struct HttpOptions {
    /// What the listener grants its peers
    #[command(flatten)]
    pub listener: ListenerOptions,
}
