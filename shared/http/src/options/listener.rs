//! What the listener grants its peers.

use clap::Args;

use super::values::Seconds;
use crate::listener::ListenerLimits;

const MAX_CONNECTIONS: usize = 4096;
const HEAD_TIME: Seconds = Seconds::new(10);
const IDLE_TIME: Seconds = Seconds::new(60);
const STALL_TIME: Seconds = Seconds::new(60);

/// The options of the listener.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connections")]
pub struct ListenerOptions {
    /// Most connections at a time; a further one is answered 503 and closed
    #[arg(long, env = "SENTINEL_MAX_CONNECTIONS", value_name = "CONNECTIONS", default_value_t = MAX_CONNECTIONS)]
    pub max_connections: usize,
    /// How long the head of a request may take to arrive: a number and s, m or h
    #[arg(long, env = "SENTINEL_HEAD_TIME", value_name = "TIME", default_value_t = HEAD_TIME)]
    pub head_time: Seconds,
    /// How long a connection may stand idle between two requests: a number and s, m or h
    #[arg(long, env = "SENTINEL_IDLE_TIME", value_name = "TIME", default_value_t = IDLE_TIME)]
    pub idle_time: Seconds,
    /// How long a client may take no byte of an answer that waits for it: a number and s, m or h
    #[arg(long, env = "SENTINEL_STALL_TIME", value_name = "TIME", default_value_t = STALL_TIME)]
    pub stall_time: Seconds,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            max_connections: MAX_CONNECTIONS,
            head_time: HEAD_TIME,
            idle_time: IDLE_TIME,
            stall_time: STALL_TIME,
        }
    }
}

impl From<&ListenerOptions> for ListenerLimits {
    fn from(options: &ListenerOptions) -> Self {
        Self {
            max_connections: options.max_connections,
            head_time: options.head_time.duration(),
            idle_time: options.idle_time.duration(),
            stall_time: options.stall_time.duration(),
        }
    }
}
