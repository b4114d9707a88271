//! What a process that serves has before its service: telemetry, the signals that stop it, and its address.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Listen, LogOptions, TelemetryGuard, signal_token, telemetry};

/// A process that is about to serve. Drop it last: its telemetry ends with it.
#[derive(Debug)]
pub struct Process {
    /// What listens on the address.
    pub listener: TcpListener,
    /// Cancelled by SIGTERM and SIGINT.
    pub shutdown: CancellationToken,
    _telemetry: TelemetryGuard,
}

/// Why a process could not start. A person has to mend it.
#[derive(Debug, Error)]
pub enum StartError {
    /// The signals cannot be listened to.
    #[error("cannot listen to signals")]
    Signals(#[source] io::Error),
    /// The address is in use, or not this machine's.
    #[error("cannot listen on {address}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl Process {
    /// Starts telemetry under the service's name, listens to the signals and takes the address.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start<const PORT: u16>(
        service_name: &'static str,
        listen: &Listen<PORT>,
        log: &LogOptions,
    ) -> Result<Self, StartError> {
        let telemetry = telemetry::init(service_name, log.format());
        let shutdown = signal_token().map_err(StartError::Signals)?;
        let listener = take_address(listen.listen).await?;
        Ok(Self { listener, shutdown, _telemetry: telemetry })
    }
}

/// Takes a further address to listen on.
///
/// # Errors
/// [`StartError::Address`] when it is in use, or not this machine's.
pub async fn take_address(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| StartError::Address { address, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogFormat;

    #[tokio::test]
    async fn an_address_in_use_is_an_error_that_names_it() {
        let log = LogOptions { log_format: Some(LogFormat::Text) };
        let any = Listen::<0> { listen: "127.0.0.1:0".parse().unwrap() };
        let first = Process::start("test", &any, &log).await.unwrap();
        let address = first.listener.local_addr().unwrap();

        let second = Process::start("test", &Listen::<0> { listen: address }, &log).await.unwrap_err();

        assert!(second.to_string().contains(&address.to_string()), "{second}");
    }
}
