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

/// Whether a service shows the description of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Docs {
    /// Serve it.
    On,
    /// Do not.
    Off,
}

/// The option that chooses [`Docs`].
#[derive(Debug, Clone, Args)]
pub struct DocsOption {
    /// Serve /docs and /openapi.json
    #[arg(
        long,
        env = "SENTINEL_DOCS",
        value_name = "on|off",
        default_value = "on",
        hide_possible_values = true
    )]
    pub docs: Docs,
}

/// The options that every service has. It listens on `PORT` if it is not told otherwise.
#[derive(Debug, Clone, Args)]
pub struct ServiceOptions<const PORT: u16> {
    /// Where the data lies.
    #[command(flatten)]
    pub data_dir: DataDir,
    /// Where to listen.
    #[command(flatten)]
    pub listen: Listen<PORT>,
    /// How the service's own log looks.
    #[command(flatten)]
    pub log: LogOptions,
    /// Whether it describes itself.
    #[command(flatten)]
    pub docs: DocsOption,
    /// Print the OpenAPI document and exit
    #[arg(long)]
    pub print_openapi: bool,
    /// Ask the service on this machine whether it is ready, and exit with 0 or 1
    #[arg(long)]
    pub healthcheck: bool,
}

impl LogOptions {
    /// Returns the format that was asked for, or else the one that suits where stderr leads.
    #[must_use]
    pub fn format(&self) -> LogFormat {
        self.log_format.unwrap_or(if io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json })
    }
}

impl DocsOption {
    /// Says whether the description is served.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.docs == Docs::On
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
        service: ServiceOptions<8001>,
    }

    fn read(arguments: &[&str]) -> Result<ServiceOptions<8001>, clap::Error> {
        let arguments = ["service"].iter().chain(arguments);
        Options::try_parse_from(arguments).map(|options| options.service)
    }

    #[test]
    fn every_option_has_a_default() {
        let options = read(&[]).unwrap();
        assert_eq!(options.data_dir.data_dir, PathBuf::from("./data"));
        assert_eq!(options.listen.listen.to_string(), "127.0.0.1:8001");
        assert_eq!(options.log.log_format, None);
        assert!(options.docs.is_on() && !options.print_openapi && !options.healthcheck);
    }

    #[test]
    fn flags_are_read() {
        let options =
            read(&["--data-dir", "/d", "--listen", "[::]:0", "--log-format", "json", "--docs", "off"])
                .unwrap();
        assert_eq!(options.data_dir.data_dir, PathBuf::from("/d"));
        assert_eq!(options.listen.listen.to_string(), "[::]:0");
        assert_eq!(options.log.format(), LogFormat::Json);
        assert!(!options.docs.is_on());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for arguments in [["--listen", "localhost"], ["--docs", "maybe"], ["--log-format", "xml"]] {
            assert!(read(&arguments).is_err(), "{arguments:?}");
        }
    }
}
