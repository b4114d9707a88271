//! Fake services that send logs to Log Sentinel, and the proof that what was acknowledged is there.
//!
//! A run plays several services at once. Each has a plan worked out from the seed: which records, when (`plan`). The
//! sender waits for the next batch (`sender`), the packer gives its records time and number (`parcel`), the courier posts it
//! until there is an answer (`delivery`, `ingest`; or its lines go into a file: `outfile`), and what was acknowledged goes into the ledger (`ledger`). [`verify`]
//! later compares ledgers with what is stored.
//!
//! It talks HTTP only, through a client generated from `openapi/ingest-svc.json`. Not here: anything of the services' insides.

mod backoff;
mod bursts;
mod catalogue;
mod clock;
mod config;
mod content;
mod counters;
mod delivery;
mod generated;
mod ingest;
mod keys;
mod ledger;
mod levels;
mod outfile;
mod parcel;
mod plan;
mod progress;
#[cfg(test)]
#[path = "../build/reduce.rs"]
mod reduce;
mod rhythm;
mod run;
mod seeds;
mod sender;
mod settings;
mod stop;
#[cfg(test)]
mod test_server;
pub mod verify;

pub use backoff::Backoff;
pub use catalogue::service_names;
pub use clock::{Now, system_now};
pub use config::{Cli, Command, Format, Mode, SimulateOptions, VerifyOptions};
pub use counters::Summary;
pub use ingest::{is_temporary, retry_after};
pub use keys::{ApiKey, KeySource};
pub use ledger::{LedgerEntry, read_ledgers};
pub use outfile::OutFile;
pub use run::run;
pub use settings::{Config, DEFAULT_BATCH_SIZE, DEFAULT_INTERVAL};
