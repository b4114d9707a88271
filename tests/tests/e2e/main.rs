//! The end-to-end tests: the real programs over HTTP.

mod backup;
mod bad_input;
mod bench;
mod cli;
mod compat;
mod crash;
mod export;
mod files;
mod given_keys;
mod idempotency;
mod key_routes;
mod keys;
mod loghub;
mod metrics;
mod queries;
mod retention;
mod scopes;
mod secrets;
mod shutdown;
mod simulate;
mod tail;
mod tenants;
mod torture;
mod two_writers;
mod up;
mod visibility;
