//! `sentinel keys create`

use anyhow::ensure;
use clap::Args;
use domain::limits::KEYS_MAX;
use domain::{Clock, ScopeSet, ServiceName, Tenant};
use sentinel_http::random_key;
use store::keys::GeneratedKey;
use store::{AuditStore, By, InsertOutcome, KeyDigest, KeyStore, NewKey, NotedKeys};

use super::COMMAND_LINE;
use super::lifetime::Lifetime;

/// What a new key is for.
#[derive(Debug, Args)]
pub(crate) struct KeyOptions {
    /// What to call the key
    #[arg(long, default_value = "unnamed")]
    pub(crate) name: String,
    /// Whose logs the key reaches: 1 to 64 of a-z, 0-9, '-' and '_'
    #[arg(long, default_value = Tenant::DEFAULT_NAME, value_parser = Tenant::parse)]
    pub(crate) tenant: Tenant,
    /// Bind the key to one service: it fills in a missing `service` and rejects another one
    #[arg(long, value_parser = ServiceName::parse)]
    pub(crate) service: Option<ServiceName>,
    /// What the key may be used for: a comma list of ingest, read, delete, alerts, admin
    #[arg(long, default_value = "ingest", value_parser = ScopeSet::parse)]
    pub(crate) scopes: ScopeSet,
    /// When the key stops working, counted from now: 30m, 12h, 90d, 52w [default: never]
    #[arg(long)]
    pub(crate) expires: Option<Lifetime>,
}

/// Makes a key, keeps its digest, and prints it.
pub(super) async fn run(
    keys: &dyn KeyStore,
    audit: &dyn AuditStore,
    clock: &dyn Clock,
    options: &KeyOptions,
) -> anyhow::Result<()> {
    let key = make_key(keys, audit, clock, options).await?;
    crate::say(&key.text);
    Ok(())
}

/// Makes a key and keeps its digest. The text is nowhere but in what is returned.
///
/// # Errors
/// The stores', or that there are as many keys as there may be.
pub(crate) async fn make_key(
    keys: &dyn KeyStore,
    audit: &dyn AuditStore,
    clock: &dyn Clock,
    options: &KeyOptions,
) -> anyhow::Result<GeneratedKey> {
    let key = random_key();
    let now = clock.now();
    let new_key = NewKey {
        id: key.id.clone(),
        digest: KeyDigest::of(&key.text),
        name: options.name.clone(),
        tenant: options.tenant.clone(),
        scopes: options.scopes,
        service: options.service.clone(),
        created_at: now,
        expires_at: options.expires.map(|lifetime| lifetime.end(now)),
    };
    let tenant = options.tenant.clone();
    let made = NotedKeys { keys, audit, by: By::means(COMMAND_LINE), at: now }.create(new_key).await?;
    ensure!(made != InsertOutcome::AlreadyThere, "a key with the id {} exists already", key.id);
    ensure!(
        made != InsertOutcome::LimitReached,
        "the tenant {tenant} has {KEYS_MAX} keys that work, the most there may be; revoke one first"
    );
    Ok(key)
}
