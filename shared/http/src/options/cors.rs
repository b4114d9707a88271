//! Which pages of other origins may ask.

use clap::Args;

use crate::guard::cors::{AllowedOrigin, Cors};

/// The options of CORS.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Browsers")]
pub struct CorsOptions {
    /// Origins whose pages may ask and read the answers, such as https://a.example: a list, with commas, or * for
    /// every one; default: none
    #[arg(long, env = "SENTINEL_CORS_ALLOW_ORIGIN", value_name = "ORIGINS", value_delimiter = ',')]
    pub cors_allow_origin: Vec<AllowedOrigin>,
}

impl CorsOptions {
    /// Returns what other origins are told.
    #[must_use]
    pub fn cors(&self) -> Cors {
        Cors::new(&self.cors_allow_origin)
    }
}
