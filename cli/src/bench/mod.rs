//! `sentinel bench`: what a service answers under load, and what the engine costs.
//!
//! * `load` asks endpoints of a running service, as often and as many at a time as it is told
//! * `engine` starts both services on a directory of its own, and measures what they cost with a set of logs:
//!   `log_set` (`comparison_set`, `loghub`) makes them, `sender` posts them, `settle` waits for the engine to come
//!   to rest, `questions` asks, `found` looks for what was just acknowledged, `export` and `tails` read streams,
//!   `plain_rows` is what to compare with
//! * `neighbour` starts both, too, and measures what one tenant notices of another
//! * `doors` starts ingest-svc, and measures what the same logs cost by each protocol
//! * `services`, `process` child processes and what the system says of them; `durations`, `table` how it is said
//!
//! Nothing is asserted: figures belong in `docs/benchmarks.md`.

mod comparison_set;
mod doors;
mod durations;
mod engine;
mod export;
mod found;
mod load;
mod log_set;
mod loghub;
mod neighbour;
mod plain_rows;
mod process;
mod questions;
mod sender;
mod services;
mod settle;
mod table;
mod tails;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// What to measure: endpoints, unless a command says otherwise.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BenchOptions {
    #[command(subcommand)]
    command: Option<BenchCommand>,
    #[command(flatten)]
    load: load::LoadOptions,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Starts both services on a directory of their own and measures them with a million logs or more
    Engine(engine::EngineOptions),
    /// Starts both services on a directory of their own and measures what one tenant notices of another's flood
    Neighbour(neighbour::NeighbourOptions),
    /// Starts ingest-svc on directories of its own and measures what the same logs cost by each protocol
    Doors(doors::DoorsOptions),
}

/// Measures, and prints what was measured.
///
/// # Errors
/// What a person has to mend.
pub(crate) async fn run(options: BenchOptions) -> anyhow::Result<ExitCode> {
    match options.command {
        Some(BenchCommand::Engine(options)) => engine::run(options).await.map(|()| ExitCode::SUCCESS),
        Some(BenchCommand::Neighbour(options)) => neighbour::run(options).await.map(|()| ExitCode::SUCCESS),
        Some(BenchCommand::Doors(options)) => doors::run(options).await.map(|()| ExitCode::SUCCESS),
        None => load::run(&options.load).await,
    }
}
