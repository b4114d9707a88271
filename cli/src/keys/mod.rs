//! `sentinel keys`: making, listing, replacing and revoking API keys, of all tenants: whoever runs it owns the machine.

mod bootstrap;
mod create;
mod lifetime;
mod list;
mod revoke;
mod rotate;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use domain::{ScopeSet, SystemClock, Tenant};
use runtime::DataDir;
use store::KeyStore;
use store::keys::rotation::Overlap;
use store_sqlite::{SqliteKeyStore, StoreDirectory};

pub(crate) use bootstrap::make_key_files;
pub(crate) use create::{KeyOptions, make_key};

/// Who does it, as the audit log has it.
const COMMAND_LINE: &str = "command line";

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes a key and prints it, alone, on stdout. It cannot be shown again
    Create {
        #[command(flatten)]
        data_dir: DataDir,
        #[command(flatten)]
        options: KeyOptions,
    },
    /// Lists the keys: id, name, tenant, scopes, service, last use, state. The keys themselves are not kept
    List {
        #[command(flatten)]
        data_dir: DataDir,
    },
    /// Revokes a key: it stops working within a second, everywhere
    Revoke {
        #[command(flatten)]
        data_dir: DataDir,
        /// The key's id, as `list` shows it
        id: String,
    },
    /// Replaces a key: prints its successor, alone, on stdout, and lets the key go on working for a while
    Rotate {
        #[command(flatten)]
        data_dir: DataDir,
        /// The key's id, as `list` shows it
        id: String,
        /// How long the key goes on working: a number and s, m, h, d or w; 0s: not at all
        #[arg(long, value_name = "TIME", default_value_t = Overlap::DEFAULT)]
        overlap: Overlap,
    },
    /// Makes the keys of an installation in containers: one file per simulated service, and one for a reader
    Bootstrap {
        #[command(flatten)]
        data_dir: DataDir,
    },
}

/// Makes a key of a tenant with every scope, in a directory that no service uses yet.
///
/// # Errors
/// When the directory cannot be used.
pub(crate) async fn make_full_key(data_dir: &Path, tenant: &str, name: &str) -> anyhow::Result<String> {
    let keys = SqliteKeyStore::open(&StoreDirectory::prepare(data_dir)?).await?;
    let options = KeyOptions {
        name: name.to_owned(),
        tenant: Tenant::parse(tenant)?,
        service: None,
        scopes: ScopeSet::ALL,
        expires: None,
    };
    let key = make_key(&keys, &keys.audit(), &SystemClock, &options).await?;
    keys.close().await.context("could not close the keys' file")?;
    Ok(key.text)
}

/// Runs the command.
///
/// # Errors
/// What a person has to mend.
pub(crate) async fn run(command: KeysCommand) -> anyhow::Result<()> {
    let (KeysCommand::Create { data_dir, .. }
    | KeysCommand::List { data_dir }
    | KeysCommand::Revoke { data_dir, .. }
    | KeysCommand::Rotate { data_dir, .. }
    | KeysCommand::Bootstrap { data_dir }) = &command;
    let data_dir: PathBuf = data_dir.data_dir.clone();
    let directory = StoreDirectory::prepare(&data_dir)?;
    let keys = SqliteKeyStore::open(&directory).await?;
    let audit = keys.audit();
    match command {
        KeysCommand::Create { options, .. } => create::run(&keys, &audit, &SystemClock, &options).await?,
        KeysCommand::List { .. } => list::run(&keys, &SystemClock).await?,
        KeysCommand::Revoke { id, .. } => revoke::run(&keys, &audit, &SystemClock, &id).await?,
        KeysCommand::Rotate { id, overlap, .. } => {
            rotate::run(&keys, &audit, &SystemClock, &id, overlap).await?;
        }
        KeysCommand::Bootstrap { .. } => bootstrap::run(&keys, &audit, &SystemClock, &data_dir).await?,
    }
    keys.close().await.context("could not close the keys' file")
}
