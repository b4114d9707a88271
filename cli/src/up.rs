//! `sentinel up`: both services in one process on one address, with simulated services if asked for.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use domain::{ScopeSet, SystemClock, Tenant};
use runtime::{DataDir, Listen, LogOptions};
use sentinel_http::LifeError;
use simulator::{ApiKey, KeySource};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::app::App;
use crate::keys::{KeyOptions, make_key, make_key_files};
use crate::say;

/// How fast each replica of the simulator sends.
const SIMULATED_LOGS_PER_S: f64 = 20.0;

/// The name of the key that the first start makes.
const FIRST_KEY_NAME: &str = "first-start";

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct UpOptions {
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    listen: Listen<8000>,
    #[command(flatten)]
    log: LogOptions,
    /// How many replicas of the simulator to run; each plays several services and sends 20 logs a second
    #[arg(long, env = "SENTINEL_SIMULATE", value_name = "N", default_value_t = 0)]
    simulate: u32,
}

/// Runs until it is told to stop.
///
/// # Errors
/// What a person has to mend.
pub(crate) async fn run(options: UpOptions) -> anyhow::Result<ExitCode> {
    let _telemetry = runtime::telemetry::init("sentinel", options.log.format());
    let shutdown = runtime::signal_token()?;
    let listen = options.listen.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    let data_dir = &options.data_dir.data_dir;
    let app = App::build(data_dir, Arc::new(SystemClock)).await?;

    welcome(&app, address).await?;
    let mut simulators = JoinSet::new();
    if options.simulate > 0 {
        let keys = make_key_files(app.keys(), &SystemClock, data_dir).await?;
        let keys = keys.senders.into_iter().map(|(service, key)| (service, ApiKey::new(key))).collect();
        let keys = KeySource::PerService(keys);
        for replica in 1..=options.simulate {
            let config = simulator_config(replica, address, keys.clone());
            simulators.spawn(simulator::run(config, shutdown.clone()));
        }
    }
    let lived = app.run_until(listener, shutdown).await;
    while let Some(ended) = simulators.join_next().await {
        if let Err(error) = ended? {
            tracing::warn!(%error, "a simulator failed");
        }
    }
    match lived {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(LifeError::StoreFailed) => Ok(ExitCode::from(runtime::EXIT_FATAL_STORE)),
        Err(error) => Err(error.into()),
    }
}

/// Says where everything is. At the first start, when there is no key yet, makes one and shows it.
async fn welcome(app: &App, address: SocketAddr) -> anyhow::Result<()> {
    say(&format!("Log Sentinel: open http://{address}/docs"));
    let has_key = app.keys().list().await?.iter().any(|key| key.name == FIRST_KEY_NAME);
    if has_key {
        say(
            "The key was shown at the first start. Make another one: sentinel keys create --scopes ingest,read,delete",
        );
        return Ok(());
    }
    let options = KeyOptions {
        name: FIRST_KEY_NAME.to_owned(),
        tenant: Tenant::parse(Tenant::DEFAULT_NAME)?,
        service: None,
        scopes: ScopeSet::ALL,
        expires: None,
    };
    let key = make_key(app.keys(), &SystemClock, &options).await?.text;
    say(&format!("Your key, shown only now: {key}"));
    say("Paste this to see the newest logs:");
    say(&format!("  curl -H 'Authorization: Bearer {key}' 'http://{address}/logs?limit=5'"));
    say("and this to send one:");
    say(&format!(
        "  curl -H 'Authorization: Bearer {key}' 'http://{address}/logs' \
         -d '{{\"service\":\"me\",\"message\":\"hello\"}}'"
    ));
    Ok(())
}

fn simulator_config(replica: u32, address: SocketAddr, keys: KeySource) -> simulator::Config {
    let mut config = simulator::Config::new(format!("http://{address}"), keys);
    config.name = Some(format!("simulator-{replica}"));
    config.rate = Some(SIMULATED_LOGS_PER_S);
    config
}
