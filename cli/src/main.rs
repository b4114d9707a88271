//! `sentinel`: everything that is not a service of its own. `up` runs both services in one process, `keys`
//! keeps API keys, `users` lists people, `search`, `tail`, `stats` and `export` ask a running service, `send`, `import` and `ship` send to one, `backup` and `restore` copy the data
//! away and back, `verify` looks for damage, `bench` measures.

mod app;
mod ask;
mod backup;
mod bench;
mod deliver;
mod import;
mod keys;
mod send;
mod ship;
mod up;
mod users;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Log Sentinel: systems fall, logs survive.
#[derive(Debug, Parser)]
#[command(name = "sentinel", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs both services in one process, on one address
    Up(Box<up::UpOptions>),
    /// Makes, lists, replaces and revokes API keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Lists users, and makes a set-up link for an owner who is locked out
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Searches logs and prints them
    Search(ask::search::SearchOptions),
    /// Prints logs as they come, until it is interrupted
    Tail(ask::tail::TailOptions),
    /// Counts logs per level and service
    Stats(ask::stats::StatsOptions),
    /// Writes all logs that are selected as CSV or JSON
    Export(ask::export::ExportOptions),
    /// Sends one log, and prints its id
    Send(send::SendOptions),
    /// Sends the logs in a file: JSON, NDJSON, CSV or lines of text; exit code 1 when any was rejected
    Import(import::ImportOptions),
    /// Ships log files, stdin or Docker's containers, every line exactly once; `status` shows how far it is
    Ship(Box<ship::ShipOptions>),
    /// Copies logs and keys into a directory while services write, and verifies the copy
    Backup(backup::BackupOptions),
    /// Verifies a backup and puts it into a data directory that has no logs yet
    Restore(backup::RestoreOptions),
    /// Measures how fast a running service answers; `engine` measures what the services cost
    Bench(bench::BenchOptions),
    /// Decodes and recounts all logs, beside services that may run; exit code 1 and a list when anything is wrong
    Verify(verify::VerifyOptions),
}

fn main() -> anyhow::Result<ExitCode> {
    runtime::load_dotenv()?;
    let cli = Cli::parse();
    // A shipper is a guest on somebody else's machine.
    if sentinel_http::memory_limit().is_some() || matches!(cli.command, Command::Ship(_)) {
        runtime::give_free_memory_back();
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        match cli.command {
            Command::Up(options) => up::run(*options).await,
            Command::Keys(command) => keys::run(command).await.map(|()| ExitCode::SUCCESS),
            Command::Users(command) => users::run(command).await.map(|()| ExitCode::SUCCESS),
            Command::Search(options) => ask::search::run(options).await.map(|()| ExitCode::SUCCESS),
            Command::Tail(options) => ask::tail::run(options).await.map(|()| ExitCode::SUCCESS),
            Command::Stats(options) => ask::stats::run(options).await.map(|()| ExitCode::SUCCESS),
            Command::Export(options) => ask::export::run(options).await.map(|()| ExitCode::SUCCESS),
            Command::Send(options) => send::run(options).await,
            Command::Import(options) => import::run(options).await,
            Command::Ship(options) => ship::run(*options).await,
            Command::Backup(options) => backup::backup(options).await.map(|()| ExitCode::SUCCESS),
            Command::Bench(options) => bench::run(options).await,
            Command::Restore(options) => backup::restore(options).await.map(|()| ExitCode::SUCCESS),
            Command::Verify(options) => verify::run(options).await,
        }
    })
}

/// Writes a line for a person, or for a pipe, to stdout.
#[expect(clippy::print_stdout, reason = "what a command prints is its answer")]
fn say(line: &str) {
    println!("{line}");
}

/// Writes rows as a table whose columns stand below each other.
fn show_table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) {
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        say(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
