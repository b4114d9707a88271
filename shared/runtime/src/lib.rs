//! What every process of Log Sentinel needs around its own work, and what knows nothing of logs.
//!
//! * [`allocator`] what becomes of memory that is free
//! * [`config`] options that several commands share, [`dotenv`] the `.env` file
//! * [`metrics`] what the process counts
//! * [`telemetry`] the process's own log lines and, if asked for, spans over OTLP
//! * [`shutdown`] the token that SIGTERM and SIGINT cancel
//! * [`process`] all of it that comes before a service

pub mod allocator;
pub mod config;
pub mod dotenv;
pub mod metrics;
pub mod process;
pub mod shutdown;
pub mod telemetry;

pub use allocator::give_free_memory_back;
pub use config::{DataDir, Docs, DocsOption, Listen, LogFormat, LogOptions, ServiceOptions};
pub use dotenv::{DotenvError, load_dotenv};
pub use process::{Process, StartError, take_address};
pub use shutdown::signal_token;
pub use telemetry::TelemetryGuard;
