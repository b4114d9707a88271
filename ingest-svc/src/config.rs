//! The options of ingest-svc.

use clap::Parser;
use runtime::ServiceOptions;
use sentinel_http::HttpOptions;

use crate::IngestOptions;

/// Takes logs over HTTP and stores them: a 2xx means on disk and visible to every query.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Config {
    /// What every service is told
    #[command(flatten)]
    pub service: ServiceOptions<8001>,
    /// How it speaks HTTP
    #[command(flatten)]
    pub http: HttpOptions,
    /// How it stores
    #[command(flatten)]
    pub ingest: IngestOptions,
}
