//! The options of query-svc.

use clap::Parser;
use runtime::ServiceOptions;

/// Finds, counts and deletes logs over HTTP.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Config {
    /// What every service is told
    #[command(flatten)]
    pub service: ServiceOptions<8000>,
}
