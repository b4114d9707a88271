//! Options that several commands share, as blocks to flatten into a `clap` parser. Each is a flag and an
//! environment variable `SENTINEL_<FLAG>`; the flag wins.

use std::io::{self, IsTerminal};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where the data lies.
#[derive(Debug, Clone, Args)]
pub struct DataDir {
    /// Directory that holds the logs and the keys; made if it does not exist.
    #[arg(long, env = "SENTINEL_DATA_DIR", value_name = "DIR", default_value = "./data")]
    pub data_dir: PathBuf,
}

/// Where a service listens: on `PORT` of the loopback interface if it is not told otherwise.
#[derive(Debug, Clone, Args)]
pub struct Listen<const PORT: u16> {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, env = "SENTINEL_LISTEN", value_name = "ADDR:PORT", default_value_t = loopback(PORT))]
    pub listen: SocketAddr,
}

/// How the process's own log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The option that chooses a [`LogFormat`].
#[derive(Debug, Clone, Args)]
pub struct LogOptions {
    /// Form of the process's own log lines on stderr; default: text on a terminal, else json.
    #[arg(long, env = "SENTINEL_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

impl LogOptions {
    /// Returns the format that was asked for, or else the one that suits where stderr leads.
    #[must_use]
    pub fn format(&self) -> LogFormat {
        self.log_format.unwrap_or(if io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json })
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Options {
        #[command(flatten)]
        data_dir: DataDir,
        #[command(flatten)]
        listen: Listen<8001>,
        #[command(flatten)]
        log: LogOptions,
    }

    #[test]
    fn every_option_has_a_default() {
        let options = Options::try_parse_from(["service"]).unwrap();
        assert_eq!(options.data_dir.data_dir, PathBuf::from("./data"));
        assert_eq!(options.listen.listen.to_string(), "127.0.0.1:8001");
        assert_eq!(options.log.log_format, None);
    }

    #[test]
    fn flags_are_read() {
        let arguments = ["service", "--data-dir", "/d", "--listen", "[::]:0", "--log-format", "json"];
        let options = Options::try_parse_from(arguments).unwrap();
        assert_eq!(options.data_dir.data_dir, PathBuf::from("/d"));
        assert_eq!(options.listen.listen.to_string(), "[::]:0");
        assert_eq!(options.log.format(), LogFormat::Json);
    }

    #[test]
    fn an_address_without_a_port_is_refused() {
        assert!(Options::try_parse_from(["service", "--listen", "localhost"]).is_err());
    }
}
