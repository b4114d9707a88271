//! The options of query-svc.

use std::time::Duration;

use clap::{Args, Parser};
use domain::MaxAge;
use runtime::ServiceOptions;
use sentinel_http::HttpOptions;

use crate::export::ExportOptions;
use crate::memory::MemoryOptions;
use crate::retention::RetentionOptions;
use crate::tail::TailOptions;

/// Finds, counts and deletes logs over HTTP.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Config {
    /// What every service is told
    #[command(flatten)]
    pub service: ServiceOptions<8000>,
    /// How it speaks HTTP
    #[command(flatten)]
    pub http: HttpOptions,
    /// How it reads
    #[command(flatten)]
    pub read: ReadOptions,
    /// How often old logs are deleted
    #[command(flatten)]
    pub retention: RetentionOptions,
}

/// The options of everything that reads.
#[derive(Debug, Clone, Default, Args)]
pub struct ReadOptions {
    /// How long questions may take
    #[command(flatten)]
    pub query: QueryOptions,
    /// How many live tails there may be
    #[command(flatten)]
    pub tail: TailOptions,
    /// How long an export waits for its client, and how many there may be
    #[command(flatten)]
    pub export: ExportOptions,
    /// How much of the store a tenant asks at a time
    #[command(flatten)]
    pub tenant: TenantOptions,
    /// How much memory all that takes
    #[command(flatten)]
    pub memory: MemoryOptions,
}

/// Longest time that a question may be given, in seconds (1 h): its connection waits as long.
const QUERY_TIMEOUT_MAX_SECONDS: u64 = 3600;

/// How long a question may take, unless the service is told otherwise.
const QUERY_TIMEOUT: &str = "30s";

/// The option that says how long questions may take.
#[derive(Debug, Clone, Copy, Args)]
pub struct QueryOptions {
    /// How long a search or a count may take, from 1s to 1h: a number and s, m or h. Then it answers what it has
    #[arg(
        long,
        env = "SENTINEL_QUERY_TIMEOUT",
        value_name = "TIME",
        default_value = QUERY_TIMEOUT,
        value_parser = read_query_timeout
    )]
    pub query_timeout: MaxAge,
}

/// How many questions a tenant asks at a time, unless the service is told otherwise. With two exports and two readers of live
/// tails it is one less than the engine reads at a time, so that whoever floods leaves others a reader.
const TENANT_MAX_QUERIES: usize = 3;

/// How many more of a tenant's wait, unless the service is told otherwise.
const TENANT_MAX_WAITING_QUERIES: usize = 64;

/// The options that say how much of the store one tenant asks at a time.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Questions of a tenant")]
pub struct TenantOptions {
    /// Most questions of a tenant at a time: searches, counts, metrics and deletes
    #[arg(long, env = "SENTINEL_TENANT_MAX_QUERIES", value_name = "QUERIES", default_value_t = TENANT_MAX_QUERIES,
          value_parser = at_least_one)]
    pub tenant_max_queries: usize,
    /// Most questions of a tenant that wait for those, each for at most 3 seconds; a further one is answered 429
    #[arg(long, env = "SENTINEL_TENANT_MAX_WAITING_QUERIES", value_name = "QUERIES",
          default_value_t = TENANT_MAX_WAITING_QUERIES)]
    pub tenant_max_waiting_queries: usize,
}

impl Default for TenantOptions {
    fn default() -> Self {
        Self {
            tenant_max_queries: TENANT_MAX_QUERIES,
            tenant_max_waiting_queries: TENANT_MAX_WAITING_QUERIES,
        }
    }
}

/// Reads a number of places of which there has to be one.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "expected a number, at least 1".to_owned())
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self { query_timeout: MaxAge::parse(QUERY_TIMEOUT).expect("it is a time") }
    }
}

impl QueryOptions {
    /// Returns how long a question may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.query_timeout.as_seconds())
    }
}

fn read_query_timeout(text: &str) -> Result<MaxAge, String> {
    let timeout =
        MaxAge::parse(text).ok().filter(|timeout| timeout.as_seconds() <= QUERY_TIMEOUT_MAX_SECONDS);
    timeout.ok_or_else(|| "expected a number and s, m or h, such as 30s: from 1s to 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_may_take_from_a_second_to_an_hour() {
        let seconds = |text| read_query_timeout(text).map(MaxAge::as_seconds);
        assert_eq!([seconds("1s"), seconds("2m"), seconds("1h")], [Ok(1), Ok(120), Ok(3600)]);
        for text in ["", "0s", "30", "-1s", "3601s", "1d", "soon"] {
            assert!(seconds(text).is_err_and(|error| error.contains("from 1s to 1h")), "{text}");
        }
    }

    #[test]
    fn without_the_option_it_is_half_a_minute() {
        let config = Config::try_parse_from(["query-svc"]).unwrap();
        assert_eq!(config.read.query.timeout(), Duration::from_secs(30));
    }
}
