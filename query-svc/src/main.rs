//! Wires query-svc: options, telemetry, the app, an orderly end.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use domain::SystemClock;
use query_svc::{App, Config, SERVICE, app};
use sentinel_http::{LifeError, healthcheck};
use tokio::net::TcpListener;

fn main() -> anyhow::Result<ExitCode> {
    runtime::load_dotenv()?;
    let config = Config::parse();
    if config.print_openapi {
        std::io::stdout().write_all(app::document().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    tokio::runtime::Runtime::new()?.block_on(run(config))
}

async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let listen = config.listen.listen;
    if config.healthcheck {
        let is_ready = healthcheck(listen).await;
        return Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let _telemetry = runtime::telemetry::init(SERVICE, config.log.format());
    let shutdown = runtime::signal_token()?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let app = App::build(&config, listener, Arc::new(SystemClock)).await?;
    match app.run_until(shutdown).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(LifeError::StoreFailed) => Ok(ExitCode::from(runtime::EXIT_FATAL_STORE)),
        Err(error) => Err(error.into()),
    }
}
