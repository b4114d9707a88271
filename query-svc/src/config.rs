//! The options of query-svc.

use clap::Parser;
use runtime::ServiceOptions;

use crate::retention::RetentionOptions;

/// Finds, counts and deletes logs over HTTP.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Config {
    /// What every service is told
    #[command(flatten)]
    pub service: ServiceOptions<8000>,
    /// How often old logs are deleted
    #[command(flatten)]
    pub retention: RetentionOptions,
}
