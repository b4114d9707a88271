//! What can be asked for.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, value_parser};
use runtime::LogOptions;

use crate::deliver::EndpointOptions;

/// Where Docker keeps its containers.
const DOCKER_DIRECTORY: &str = "/var/lib/docker/containers";

/// What to ship, and where to
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ShipOptions {
    #[command(subcommand)]
    pub(crate) command: Option<ShipCommand>,
    #[command(flatten)]
    pub(crate) sources: SourceOptions,
    #[command(flatten)]
    pub(crate) endpoint: EndpointOptions,
    /// The service of all records [default: of a container its Compose service or its name; else the service that the key is
    /// bound to, or the file's name without its ending]
    #[arg(long, env = "SENTINEL_SERVICE", value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// The machine's name, as records have it in `host` [default: the system's]
    #[arg(long, env = "SENTINEL_SOURCE", value_name = "NAME")]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// Most records of a request, up to 10000
    #[arg(long, env = "SENTINEL_BATCH_SIZE", value_name = "RECORDS", default_value_t = 1000,
          value_parser = value_parser!(u32).range(1..=10_000))]
    pub(crate) batch_size: u32,
    /// Whether lines that belong together, such as those of a stack trace, are one record
    #[arg(long, env = "SENTINEL_MULTILINE", value_enum, value_name = "on|off", default_value_t = Switch::On,
          hide_possible_values = true)]
    pub(crate) multiline: Switch,
    /// Ship files that are seen for the first time from their beginning; that is the default
    #[arg(long, conflicts_with = "from_end")]
    pub(crate) from_beginning: bool,
    /// Of files that are there at the first start, ship only what is written from then on
    #[arg(long, env = "SENTINEL_FROM_END")]
    pub(crate) from_end: bool,
    /// Ship what is there, to the end of all files, and exit
    #[arg(long, env = "SENTINEL_ONCE")]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) log: LogOptions,
}

/// What is shipped
#[derive(Debug, Args)]
pub(crate) struct SourceOptions {
    /// A file; `*`, `?`, `[...]` and `**` stand for many, also for those that appear later; may be repeated, or be a list with
    /// commas
    #[arg(long, env = "SENTINEL_LOG_FILE", value_name = "PATH", value_delimiter = ',')]
    pub(crate) log_file: Vec<String>,
    /// What comes through stdin, to its end
    #[arg(long, env = "SENTINEL_STDIN")]
    pub(crate) stdin: bool,
    /// Docker's containers that log to json-files; without a directory: /var/lib/docker/containers
    #[arg(long, env = "SENTINEL_DOCKER", value_name = "DIR", num_args = 0..=1, default_missing_value = DOCKER_DIRECTORY)]
    pub(crate) docker: Option<PathBuf>,
    /// Only containers of this Compose project
    #[arg(long, env = "SENTINEL_DOCKER_PROJECT", value_name = "NAME")]
    pub(crate) docker_project: Option<String>,
    /// Not the containers of this Compose service, or of this name: the shipper's own, say; may be repeated, or be a list with
    /// commas
    #[arg(long, env = "SENTINEL_EXCLUDE_SERVICE", value_name = "NAME", value_delimiter = ',')]
    pub(crate) exclude_service: Vec<String>,
}

/// Where a shipper remembers
#[derive(Debug, Clone, Args)]
pub(crate) struct StateOptions {
    /// Directory that keeps how far each file is acknowledged; made if it does not exist
    #[arg(long, env = "SENTINEL_STATE_DIR", value_name = "DIR", default_value = "./ship-state")]
    pub(crate) state_dir: PathBuf,
}

/// What to do instead of shipping
#[derive(Debug, Subcommand)]
pub(crate) enum ShipCommand {
    /// Shows of each file its size, how far it is acknowledged, and what is under way
    Status {
        #[command(flatten)]
        state: StateOptions,
    },
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}
