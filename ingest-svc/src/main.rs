//! Wires ingest-svc: options, the process, the service, an orderly end.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use domain::SystemClock;
use ingest_svc::{Config, SERVICE, app, open_side_ports};
use runtime::{Process, give_free_memory_back};
use sentinel_http::{exit_code, healthcheck, memory_limit};

fn main() -> anyhow::Result<ExitCode> {
    runtime::load_dotenv()?;
    let config = Config::parse();
    if config.service.print_openapi {
        std::io::stdout().write_all(app::document().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if memory_limit().is_some() {
        give_free_memory_back();
    }
    tokio::runtime::Runtime::new()?.block_on(run(config))
}

async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let options = &config.service;
    if options.healthcheck {
        let is_ready = healthcheck(options.listen.listen, &config.http.tls).await;
        return Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let process = Process::start(SERVICE, &options.listen, &options.log).await?;
    let side_ports = open_side_ports(&config.ingest).await?;
    let service = app::build(&config, Arc::new(SystemClock), side_ports).await?;
    Ok(exit_code(service.run_until(process.listener, process.shutdown).await)?)
}
