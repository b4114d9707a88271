//! The command `simulator`: parses, runs, exits.

use std::io::Write as _;
use std::process::ExitCode;

use simulator::{Cli, Command, SimulateOptions, VerifyOptions, verify};

/// The exit status of a run that was not acknowledged in full, and of a check that found something.
const EXIT_NOT_CLEAN: u8 = 1;
/// The exit status when it could not be done at all.
const EXIT_FAILED: u8 = 2;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "simulator: {error:#}");
        ExitCode::from(EXIT_FAILED)
    })
}

fn run() -> anyhow::Result<ExitCode> {
    runtime::load_dotenv()?;
    let cli = Cli::from_environment();
    tokio::runtime::Runtime::new()?.block_on(async {
        let _telemetry = runtime::telemetry::init("simulator", cli.log.format());
        match cli.command {
            Some(Command::Verify(options)) => check(options).await,
            None => simulate(cli.simulate).await,
        }
    })
}

async fn simulate(options: SimulateOptions) -> anyhow::Result<ExitCode> {
    let must_be_complete = options.count.is_some();
    let config = options.into_config()?;
    let shutdown = runtime::signal_token()?;
    let summary = simulator::run(config, shutdown.clone()).await?;
    writeln!(std::io::stderr(), "{summary}")?;
    if must_be_complete && !shutdown.is_cancelled() && !summary.is_complete() {
        return Ok(ExitCode::from(EXIT_NOT_CLEAN));
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(options: VerifyOptions) -> anyhow::Result<ExitCode> {
    let report = verify::verify(options.into_config()?).await?;
    write!(std::io::stdout(), "{report}")?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NOT_CLEAN) })
}
