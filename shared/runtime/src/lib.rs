//! What every process of Log Sentinel needs around its own work, and what knows nothing of logs.
//!
//! * [`config`] options that several commands share, [`dotenv`] the `.env` file
//! * [`telemetry`] the process's own log lines and, if asked for, spans over OTLP
//! * [`shutdown`] the token that SIGTERM and SIGINT cancel
//! * [`tasks`] background tasks that have an owner, a stop signal, and whose failure is noticed
//! * [`exit`] exit codes

pub mod config;
pub mod dotenv;
pub mod exit;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;

pub use config::{DataDir, Listen, LogFormat, LogOptions};
pub use dotenv::{DotenvError, load_dotenv};
pub use exit::EXIT_FATAL_STORE;
pub use shutdown::signal_token;
pub use tasks::{Supervisor, TaskFailure};
pub use telemetry::TelemetryGuard;
