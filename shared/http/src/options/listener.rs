//! What the listener grants its peers.

use clap::Args;

use super::values::{Bytes, Seconds};
use crate::client_address::{Network, TrustedProxies};
use crate::listener::{HeadLimits, ListenerLimits};
use crate::memory_limit::Share;

const MAX_CONNECTIONS: usize = 4096;
const MAX_CONNECTIONS_PER_ADDRESS: usize = 256;
const HEADERS_MAX_BYTES: Bytes = Bytes::new(16 * 1024);
const HEADERS_MAX_COUNT: usize = 100;
const HEAD_TIME: Seconds = Seconds::new(10);
const IDLE_TIME: Seconds = Seconds::new(60);
const STALL_TIME: Seconds = Seconds::new(60);
const ANSWER_MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// The options of the listener.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connections")]
pub struct ListenerOptions {
    /// Most connections at a time; a further one is answered 503 and closed
    #[arg(long, env = "SENTINEL_MAX_CONNECTIONS", value_name = "CONNECTIONS", default_value_t = MAX_CONNECTIONS)]
    pub max_connections: usize,
    /// Most connections at a time from one address (of IPv6: one /64); a further one is answered 503 and closed
    #[arg(
        long,
        env = "SENTINEL_MAX_CONNECTIONS_PER_ADDRESS",
        value_name = "CONNECTIONS",
        default_value_t = MAX_CONNECTIONS_PER_ADDRESS
    )]
    pub max_connections_per_address: usize,
    /// Most bytes of a request's target and headers, a number and B, KiB or MiB: a larger one is answered 431
    #[arg(long, env = "SENTINEL_HEADERS_MAX_BYTES", value_name = "SIZE", default_value_t = HEADERS_MAX_BYTES)]
    pub headers_max_bytes: Bytes,
    /// Most headers of a request: one with more is answered 431
    #[arg(long, env = "SENTINEL_HEADERS_MAX_COUNT", value_name = "HEADERS", default_value_t = HEADERS_MAX_COUNT)]
    pub headers_max_count: usize,
    /// How long the head of a request may take to arrive: a number and s, m or h
    #[arg(long, env = "SENTINEL_HEAD_TIME", value_name = "TIME", default_value_t = HEAD_TIME)]
    pub head_time: Seconds,
    /// How long a connection may stand idle between two requests: a number and s, m or h
    #[arg(long, env = "SENTINEL_IDLE_TIME", value_name = "TIME", default_value_t = IDLE_TIME)]
    pub idle_time: Seconds,
    /// How long a client may take no byte, or of one answer less than 16 KiB of what waits for it: a number and s, m or h
    #[arg(long, env = "SENTINEL_STALL_TIME", value_name = "TIME", default_value_t = STALL_TIME)]
    pub stall_time: Seconds,
    /// Most bytes of answers that wait for their clients, all together; a further one becomes a 503. The default is
    /// 256MiB, or an eighth of the memory that the container may have if that is less
    #[arg(long, env = "SENTINEL_ANSWER_MEMORY", value_name = "SIZE", default_value_t = default_answer_memory())]
    pub answer_memory: Bytes,
    /// Networks of the proxies that are believed what X-Forwarded-For and X-Forwarded-Proto say, such as
    /// 10.0.0.0/8,127.0.0.1: a list, with commas; default: none
    #[arg(long, env = "SENTINEL_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,
}

impl ListenerOptions {
    /// Returns who is believed for whom a request comes.
    #[must_use]
    pub fn proxies(&self) -> TrustedProxies {
        TrustedProxies::new(self.trusted_proxies.clone())
    }
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            max_connections: MAX_CONNECTIONS,
            max_connections_per_address: MAX_CONNECTIONS_PER_ADDRESS,
            headers_max_bytes: HEADERS_MAX_BYTES,
            headers_max_count: HEADERS_MAX_COUNT,
            head_time: HEAD_TIME,
            idle_time: IDLE_TIME,
            stall_time: STALL_TIME,
            answer_memory: default_answer_memory(),
            trusted_proxies: Vec::new(),
        }
    }
}

impl From<&ListenerOptions> for ListenerLimits {
    fn from(options: &ListenerOptions) -> Self {
        Self {
            max_connections: options.max_connections,
            max_connections_per_address: options.max_connections_per_address,
            head_time: options.head_time.duration(),
            idle_time: options.idle_time.duration(),
            stall_time: options.stall_time.duration(),
            heads: HeadLimits {
                max_bytes: options.headers_max_bytes.get(),
                max_count: options.headers_max_count,
            },
            answers_max_bytes: options.answer_memory.get(),
        }
    }
}

fn default_answer_memory() -> Bytes {
    Bytes::new(Share::Answers.or_less(ANSWER_MEMORY_BYTES))
}
