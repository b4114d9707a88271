//! The options of syslog.

use std::fs;
use std::io;
use std::net::SocketAddr;

use clap::{Args, value_parser};
use sentinel_http::Problem;
use thiserror::Error;

/// The options of syslog; without an address there is none.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "syslog")]
pub struct SyslogOptions {
    /// Where messages of syslog (RFC 5424, RFC 3164) are taken, over UDP and TCP, such as 0.0.0.0:514. Default: nowhere
    #[arg(long, env = "SENTINEL_SYSLOG_LISTEN", value_name = "ADDRESS")]
    pub syslog_listen: Option<SocketAddr>,
    /// A file with the API key in whose name they are stored; it has to have the scope ingest
    #[arg(long, env = "SENTINEL_SYSLOG_KEY_FILE", value_name = "FILE", default_value = "")]
    pub syslog_key_file: String,
    /// Most connections at a time
    #[arg(long, env = "SENTINEL_SYSLOG_MAX_CONNECTIONS", value_name = "CONNECTIONS", default_value_t = CONNECTIONS_MAX,
          value_parser = value_parser!(u32).range(1..))]
    pub syslog_max_connections: u32,
}

const CONNECTIONS_MAX: u32 = 128;

/// Why a service does not start with these options.
#[derive(Debug, Error)]
pub enum SyslogOptionsError {
    /// There is no file with a key.
    #[error("--syslog-listen needs --syslog-key-file: whose the messages are follows from a key")]
    NoKey,
    /// The file cannot be read.
    #[error("cannot read the file with the key for syslog, {path}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The key does not work.
    #[error("the key for syslog does not work")]
    Key(#[source] Problem),
    /// The address is in use, or not this machine's.
    #[error("cannot take syslog on {address}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl Default for SyslogOptions {
    fn default() -> Self {
        Self { syslog_listen: None, syslog_key_file: String::new(), syslog_max_connections: CONNECTIONS_MAX }
    }
}

impl SyslogOptions {
    /// Reads the key.
    ///
    /// # Errors
    /// [`SyslogOptionsError`] when there is none.
    pub fn key(&self) -> Result<String, SyslogOptionsError> {
        if self.syslog_key_file.is_empty() {
            return Err(SyslogOptionsError::NoKey);
        }
        let read = fs::read_to_string(&self.syslog_key_file);
        let text =
            read.map_err(|source| SyslogOptionsError::File { path: self.syslog_key_file.clone(), source })?;
        Ok(text.trim().to_owned())
    }
}
