//! `sentinel up`: both services in one process on one address, with simulated services if asked for.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use domain::{Clock, ScopeSet, SystemClock, Tenant};
use ingest_svc::{IngestOptions, open_side_ports};
use query_svc::accounts::set_up_link::first_link;
use query_svc::config::ReadOptions;
use query_svc::retention::{self, RetentionOptions};
use runtime::{DataDir, DocsOption, Listen, LogOptions, Process};
use sentinel_http::{HttpOptions, exit_code};
use simulator::{ApiKey, KeySource, Summary};
use store::{AuditStore, KeyStore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app;
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
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    listen: Listen<8000>,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    pub(crate) docs: DocsOption,
    #[command(flatten)]
    pub(crate) http: HttpOptions,
    #[command(flatten)]
    pub(crate) ingest: IngestOptions,
    #[command(flatten)]
    pub(crate) read: ReadOptions,
    #[command(flatten)]
    retention: RetentionOptions,
    /// How many replicas of the simulator to run; each plays several services and sends 20 logs a second
    #[arg(long, env = "SENTINEL_SIMULATE", value_name = "N", default_value_t = 0)]
    simulate: u32,
}

/// The simulators that run in this process.
type Simulators = JoinSet<anyhow::Result<Summary>>;

/// Runs until it is told to stop.
///
/// # Errors
/// What a person has to mend.
pub(crate) async fn run(options: UpOptions) -> anyhow::Result<ExitCode> {
    let process = Process::start(app::SERVICE, &options.listen, &options.log).await?;
    let given = options.http.keys.read()?;
    let (address, shutdown) = (process.listener.local_addr()?, process.shutdown);
    let is_tls = options.http.tls.files().is_some();
    anyhow::ensure!(
        options.simulate == 0 || !is_tls,
        "--simulate sends without TLS; leave out --tls-cert, or it"
    );
    let side_ports = open_side_ports(&options.ingest).await?;
    let service = app::build(&options, Arc::new(SystemClock), side_ports).await?;
    let keys = Arc::clone(&service.stores.keys);

    let audit = Arc::clone(&service.stores.audit);
    let scheme = options.http.tls.scheme();
    let origin = format!("{scheme}://{address}");
    let set_up = first_link(&*service.stores.users, &SystemClock, scheme, address).await?;
    welcome(&*keys, &*audit, &origin, &options.docs, set_up.as_deref()).await?;
    // After the first start's own key, which is made when there is none at all.
    given.keep_in(&*keys, &*audit, SystemClock.now()).await?;
    let simulators = start_simulators(&options, &*keys, &*audit, address, &shutdown).await?;
    let interval = options.retention.retention_interval;
    let until = retention::start(&service.stores, interval, Arc::new(SystemClock), shutdown.clone());
    let lived = service.run_until(process.listener, until).await;
    // Without a service there is nobody to send to, whatever ended it.
    shutdown.cancel();
    wait_for_all(simulators).await;
    Ok(exit_code(lived)?)
}

async fn start_simulators(
    options: &UpOptions,
    keys: &dyn KeyStore,
    audit: &dyn AuditStore,
    address: SocketAddr,
    shutdown: &CancellationToken,
) -> anyhow::Result<Simulators> {
    let mut simulators = JoinSet::new();
    if options.simulate == 0 {
        return Ok(simulators);
    }
    let files = make_key_files(keys, audit, &SystemClock, &options.data_dir.data_dir).await?;
    let keys = files.senders.into_iter().map(|(service, key)| (service, ApiKey::new(key))).collect();
    let keys = KeySource::PerService(keys);
    for replica in 1..=options.simulate {
        let config = simulator_config(replica, address, keys.clone());
        simulators.spawn(simulator::run(config, shutdown.clone()));
    }
    Ok(simulators)
}

/// Waits until every simulator has ended. How they end does not decide how the process does.
async fn wait_for_all(mut simulators: Simulators) {
    while let Some(ended) = simulators.join_next().await {
        match ended {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(error = format!("{error:#}"), "a simulator failed"),
            Err(error) => tracing::error!(%error, "a simulator panicked"),
        }
    }
}

/// Says where everything is, and how the first user comes in (`set_up`). At the first start, when there is no key at all,
/// makes one and shows it.
async fn welcome(
    keys: &dyn KeyStore,
    audit: &dyn AuditStore,
    origin: &str,
    docs: &DocsOption,
    set_up: Option<&str>,
) -> anyhow::Result<()> {
    let page = if docs.is_on() { "/docs" } else { "/" };
    say(&format!("Log Sentinel: open {origin}{page}"));
    if let Some(line) = set_up {
        say(line);
    }
    if !keys.list().await?.is_empty() {
        say("There are keys already. The key was shown at the first start, or when it was made. \
             Make another one: sentinel keys create --scopes ingest,read,delete");
        return Ok(());
    }
    let options = KeyOptions {
        name: FIRST_KEY_NAME.to_owned(),
        tenant: Tenant::parse(Tenant::DEFAULT_NAME)?,
        service: None,
        scopes: ScopeSet::ALL,
        expires: None,
    };
    let key = make_key(keys, audit, &SystemClock, &options).await?.text;
    say(&format!("Your key, shown only now: {key}"));
    say("Paste this to see the newest logs:");
    say(&format!("  curl -H 'Authorization: Bearer {key}' '{origin}/logs?limit=5'"));
    say("and this to send one:");
    say(&format!(
        "  curl -H 'Authorization: Bearer {key}' '{origin}/logs' \
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
