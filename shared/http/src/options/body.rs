//! What request bodies may cost.

use clap::Args;
use domain::limits::{BODY_INFLATED_MAX_BYTES, BODY_MAX_BYTES};

use super::values::{Bytes, Seconds};
use crate::body::BodyLimits;
use crate::memory_limit::Share;

const BODY_MAX: Bytes = Bytes::new(BODY_MAX_BYTES);
const BODY_INFLATED_MAX: Bytes = Bytes::new(BODY_INFLATED_MAX_BYTES);
const BODY_TIME: Seconds = Seconds::new(30);
const BODY_MIN_RATE: Bytes = Bytes::new(1024);
const BODY_SLOW_START: Seconds = Seconds::new(5);
const BODY_MEMORY_BYTES: usize = 64 * 1024 * 1024;

/// The options of request bodies.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bodies")]
pub struct BodyOptions {
    /// Most bytes of a body as it arrives, a number and B, KiB, MiB or GiB: a larger one is answered 413
    #[arg(long, env = "SENTINEL_BODY_MAX", value_name = "SIZE", default_value_t = BODY_MAX)]
    pub body_max: Bytes,
    /// Most bytes of a body after decompression: a larger one is answered 413
    #[arg(long, env = "SENTINEL_BODY_INFLATED_MAX", value_name = "SIZE", default_value_t = BODY_INFLATED_MAX)]
    pub body_inflated_max: Bytes,
    /// How long a body may take to arrive, a number and s, m or h: a slower one is answered 408
    #[arg(long, env = "SENTINEL_BODY_TIME", value_name = "TIME", default_value_t = BODY_TIME)]
    pub body_time: Seconds,
    /// Fewest bytes per second of a body, on average, once it has taken --body-slow-start: a slower one is answered 408
    #[arg(long, env = "SENTINEL_BODY_MIN_RATE", value_name = "SIZE", default_value_t = BODY_MIN_RATE)]
    pub body_min_rate: Bytes,
    /// How long a body may be as slow as it likes: a number and s, m or h
    #[arg(long, env = "SENTINEL_BODY_SLOW_START", value_name = "TIME", default_value_t = BODY_SLOW_START)]
    pub body_slow_start: Seconds,
    /// Most bytes that all bodies hold together; what does not fit is answered 503. The default is 64MiB, or three
    /// sixteenths of the memory that the container may have if that is less
    #[arg(long, env = "SENTINEL_BODY_MEMORY", value_name = "SIZE", default_value_t = default_memory())]
    pub body_memory: Bytes,
}

impl Default for BodyOptions {
    fn default() -> Self {
        Self {
            body_max: BODY_MAX,
            body_inflated_max: BODY_INFLATED_MAX,
            body_time: BODY_TIME,
            body_min_rate: BODY_MIN_RATE,
            body_slow_start: BODY_SLOW_START,
            body_memory: default_memory(),
        }
    }
}

impl From<&BodyOptions> for BodyLimits {
    fn from(options: &BodyOptions) -> Self {
        Self {
            wire_max_bytes: options.body_max.get(),
            inflated_max_bytes: options.body_inflated_max.get(),
            total_time: options.body_time.duration(),
            slow_start: options.body_slow_start.duration(),
            min_bytes_per_second: u32::try_from(options.body_min_rate.get()).unwrap_or(u32::MAX),
            shared_max_bytes: options.body_memory.get(),
            ..Self::default()
        }
    }
}

fn default_memory() -> Bytes {
    Bytes::new(Share::Bodies.or_less(BODY_MEMORY_BYTES))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Options {
        #[command(flatten)]
        body: BodyOptions,
    }

    #[test]
    fn without_options_the_limits_are_what_they_are_by_themselves() {
        let options = Options::try_parse_from(["service"]).unwrap().body;
        let (asked, default) = (BodyLimits::from(&options), BodyLimits::default());
        assert_eq!(asked.wire_max_bytes, default.wire_max_bytes);
        assert_eq!(asked.inflated_max_bytes, default.inflated_max_bytes);
        assert_eq!((asked.total_time, asked.slow_start), (default.total_time, default.slow_start));
        assert_eq!(asked.min_bytes_per_second, default.min_bytes_per_second);
        assert!(asked.shared_max_bytes <= default.shared_max_bytes);
    }

    #[test]
    fn each_limit_can_be_another() {
        let flags = ["service", "--body-max", "1KiB", "--body-memory", "2KiB", "--body-min-rate", "1B"];
        let limits = BodyLimits::from(&Options::try_parse_from(flags).unwrap().body);
        assert_eq!((limits.wire_max_bytes, limits.shared_max_bytes), (1024, 2048));
        assert_eq!(limits.min_bytes_per_second, 1);
    }
}
