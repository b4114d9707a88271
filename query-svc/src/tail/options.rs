//! The bounds of tails.

use std::time::Duration;

use clap::Args;
use sentinel_http::options::values::Seconds;

use crate::config::at_least_one;

/// Most tails of a service at a time, unless it is told otherwise.
pub const DEFAULT_MAX_TAILS: usize = 1000;

/// How long a tail may be behind, in seconds, unless the service is told otherwise.
pub const DEFAULT_TAIL_LAG_SECONDS: u64 = 10;

/// How long a tail goes on, unless the service is told otherwise (1 h).
pub const DEFAULT_TAIL_MAX_TIME: Seconds = Seconds::new(3600);

/// How far a tail has to be behind to be called slow, in ids: less than this is sent in a moment.
pub const LAG_IDS: i64 = 20_000;

/// How often a tail with nothing to say says so: proxies and clients give up on connections that are silent for a
/// minute, some for half of one.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// The options of tails.
#[derive(Debug, Clone, Copy, Args)]
pub struct TailOptions {
    /// Most live tails at a time; a further one is told to come back
    #[arg(long, env = "SENTINEL_MAX_TAILS", value_name = "TAILS", default_value_t = DEFAULT_MAX_TAILS)]
    pub max_tails: usize,
    /// Most live tails of a tenant at a time; a further one is answered 429. Default: three quarters of all
    #[arg(long, env = "SENTINEL_TENANT_MAX_TAILS", value_name = "TAILS", value_parser = at_least_one)]
    pub tenant_max_tails: Option<usize>,
    /// How long a live tail may be behind because its client does not read, in seconds, before it is moved to the present
    #[arg(
        long,
        env = "SENTINEL_TAIL_LAG_SECONDS",
        value_name = "SECONDS",
        default_value_t = DEFAULT_TAIL_LAG_SECONDS
    )]
    pub tail_lag_seconds: u64,
    /// How long a live tail goes on before its client has to come back, which clients do by themselves and without a gap: a
    /// number and s, m or h
    #[arg(long, env = "SENTINEL_TAIL_MAX_TIME", value_name = "TIME", default_value_t = DEFAULT_TAIL_MAX_TIME)]
    pub tail_max_time: Seconds,
}

/// The bounds of tails.
#[derive(Debug, Clone, Copy)]
pub struct TailLimits {
    /// Most tails at a time.
    pub max_tails: usize,
    /// Most tails of a tenant.
    pub tenant_max_tails: usize,
    /// How far a tail may be behind.
    pub lag: LagLimits,
    /// How often a tail with nothing to say says so.
    pub heartbeat_every: Duration,
    /// How long a tail goes on.
    pub max_time: Duration,
}

/// How far a tail may be behind that was at the present before: beyond both, it is too slow. A burst of records alone makes
/// no client slow, nor does a client that pauses while little happens.
#[derive(Debug, Clone, Copy)]
pub struct LagLimits {
    /// For how long.
    pub time: Duration,
    /// By how many ids.
    pub ids: i64,
}

impl Default for TailOptions {
    fn default() -> Self {
        Self {
            max_tails: DEFAULT_MAX_TAILS,
            tenant_max_tails: None,
            tail_lag_seconds: DEFAULT_TAIL_LAG_SECONDS,
            tail_max_time: DEFAULT_TAIL_MAX_TIME,
        }
    }
}

impl From<TailOptions> for TailLimits {
    fn from(options: TailOptions) -> Self {
        Self {
            max_tails: options.max_tails,
            tenant_max_tails: options.tenant_max_tails.unwrap_or(three_quarters(options.max_tails)),
            lag: LagLimits { time: Duration::from_secs(options.tail_lag_seconds), ids: LAG_IDS },
            heartbeat_every: HEARTBEAT_EVERY,
            max_time: options.tail_max_time.duration(),
        }
    }
}

/// Returns what one tenant may have, so that it cannot have all: who is alone hardly misses the rest.
fn three_quarters(all: usize) -> usize {
    all - all / 4
}
