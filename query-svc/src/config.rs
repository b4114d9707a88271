//! The options of query-svc.

use clap::Parser;
use runtime::{DataDir, Listen, LogOptions};

/// Finds, counts and deletes logs over HTTP.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Config {
    /// Where the data lies
    #[command(flatten)]
    pub data_dir: DataDir,
    /// Where to listen
    #[command(flatten)]
    pub listen: Listen<8000>,
    /// How the service's own log looks
    #[command(flatten)]
    pub log: LogOptions,
    /// Do not serve /docs and /openapi.json
    #[arg(long, env = "SENTINEL_DOCS", value_parser = ["on", "off"], default_value = "on")]
    pub docs: String,
    /// Print the OpenAPI document and exit
    #[arg(long)]
    pub print_openapi: bool,
    /// Ask the service on this machine whether it is ready, and exit with 0 or 1
    #[arg(long)]
    pub healthcheck: bool,
}
