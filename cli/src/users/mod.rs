//! `sentinel users`: for the owner of the machine, who may list all users and let himself in.

mod list;

use anyhow::Context;
use clap::Subcommand;
use domain::SystemClock;
use query_svc::accounts::set_up_link::make_link;
use runtime::DataDir;
use store::KeyStore;
use store_sqlite::{SqliteKeyStore, StoreDirectory};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Lists all users: name, role, tenant, when they were made, when their passwords were set
    List {
        #[command(flatten)]
        data_dir: DataDir,
    },
    /// Prints a new set-up link: with it, whoever opens it makes a user with the role admin, once, within 24 hours
    SetupLink {
        #[command(flatten)]
        data_dir: DataDir,
        /// Where a browser reaches query-svc
        #[arg(long, env = "SENTINEL_URL", value_name = "URL", default_value = "http://127.0.0.1:8000")]
        url: String,
    },
}

/// Runs the command.
///
/// # Errors
/// What a person has to mend.
pub(crate) async fn run(command: UsersCommand) -> anyhow::Result<()> {
    let (UsersCommand::List { data_dir } | UsersCommand::SetupLink { data_dir, .. }) = &command;
    let keys = SqliteKeyStore::open(&StoreDirectory::prepare(&data_dir.data_dir)?).await?;
    let users = keys.users();
    match command {
        UsersCommand::List { .. } => list::run(&users).await?,
        UsersCommand::SetupLink { url, .. } => crate::say(&make_link(&users, &SystemClock, &url).await?),
    }
    keys.close().await.context("could not close the file of keys and users")
}
