//! The accept loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use poem::endpoint::{DynEndpoint, ToDynEndpoint};
use poem::{EndpointExt, IntoEndpoint, Response};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answers::AnswerMemory;
use super::connection::Connection;
use super::places::Places;
use super::refusal::Refusals;
use super::tls::{Tls, TlsError, TlsFiles};

/// What the listener grants its peers.
#[derive(Debug, Clone)]
pub struct ListenerLimits {
    /// Most connections at a time; a further one is told to come back. Default: 4,096.
    pub max_connections: usize,
    /// Most connections at a time from one address (of IPv6: from one network of 64 bits); a further one is told to
    /// come back. Default: 256.
    pub max_connections_per_address: usize,
    /// Longest time from the first byte of a request head, or from the start of a connection, to the head's
    /// end. Default: 10 s.
    pub head_time: Duration,
    /// Longest time between two requests of a connection. Default: 60 s.
    pub idle_time: Duration,
    /// Longest time for which a peer may take no byte, or of one answer less than 16 KiB of what waits for it. Default: 60 s.
    pub stall_time: Duration,
    /// How large request heads may be.
    pub heads: HeadLimits,
    /// Most bytes of answers that wait for their clients, all together. Default: 256 MiB.
    pub answers_max_bytes: usize,
}

/// How large a request head may be. Heads up to twice that size are read, so that they can be refused with a problem;
/// larger ones meet a bare 431.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Most bytes of the target and all headers. Default: 16 KiB.
    pub max_bytes: usize,
    /// Most headers. Default: 100.
    pub max_count: usize,
}

/// Why nothing can be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The socket's own address cannot be read.
    #[error("cannot use the socket")]
    Socket(#[from] io::Error),
    /// The certificate cannot be used.
    #[error("cannot serve TLS")]
    Tls(#[from] TlsError),
}

/// Pause after an error of `accept`: when file descriptors run out it fails at once, again and again.
const ACCEPT_ERROR_PAUSE: Duration = Duration::from_millis(50);

/// The endpoint that all connections share.
pub(super) type SharedEndpoint = Arc<dyn DynEndpoint<Output = Response>>;

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_connections_per_address: 256,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            stall_time: Duration::from_secs(60),
            heads: HeadLimits::default(),
            answers_max_bytes: 256 * 1024 * 1024,
        }
    }
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { max_bytes: 16 * 1024, max_count: 100 }
    }
}

/// Serves `endpoint` until `shutdown` is cancelled; then accepts nothing more, lets requests that were begun
/// end, and cuts what is left after `drain`.
///
/// # Errors
/// When the socket's own address cannot be read.
pub async fn serve<E>(
    listener: TcpListener,
    endpoint: E,
    shutdown: CancellationToken,
    drain: Duration,
) -> Result<(), ServeError>
where
    E: IntoEndpoint,
    E::Endpoint: 'static,
{
    serve_with_limits(listener, endpoint, ListenerLimits::default(), None, shutdown, drain).await
}

/// As [`serve`], with other limits, and with TLS if there are files for it.
///
/// # Errors
/// As [`serve`], and when the files cannot be used.
pub async fn serve_with_limits<E>(
    listener: TcpListener,
    endpoint: E,
    limits: ListenerLimits,
    tls: Option<TlsFiles>,
    shutdown: CancellationToken,
    drain: Duration,
) -> Result<(), ServeError>
where
    E: IntoEndpoint,
    E::Endpoint: 'static,
{
    serve_ports(vec![Port::new("all", listener, endpoint)], limits, tls, shutdown, drain).await
}

/// As [`serve_with_limits`], on several ports at once. The limits, the certificate and the end are theirs together.
///
/// # Errors
/// As [`serve_with_limits`].
pub async fn serve_ports(
    ports: Vec<Port>,
    limits: ListenerLimits,
    tls: Option<TlsFiles>,
    shutdown: CancellationToken,
    drain: Duration,
) -> Result<(), ServeError> {
    let tls = match tls {
        Some(files) => Some(Arc::new(Tls::load(files).await?)),
        None => None,
    };
    let service = Arc::new(Service {
        places: Places::new(&limits),
        refusals: Refusals::new(),
        answers: AnswerMemory::new(limits.answers_max_bytes),
        limits: Arc::new(limits),
        tls,
        shutdown: shutdown.clone(),
        cut: CancellationToken::new(),
        connections: TaskTracker::new(),
    });
    let mut doors = Vec::new();
    for Port { routes, listener, endpoint } in ports {
        let local = listener.local_addr()?;
        tracing::info!(address = %local, tls = service.tls.is_some(), routes, "listening");
        doors.push(Door { listener, local, endpoint, service: Arc::clone(&service) });
    }
    let accept = join_all(doors.iter().map(Door::accept_for_ever));
    let accept = async { tokio::join!(accept, service.follow_files()) };
    shutdown.run_until_cancelled(accept).await;
    drop(doors);
    service.drain(drain).await;
    Ok(())
}

/// A socket, and what answers there.
pub struct Port {
    routes: &'static str,
    listener: TcpListener,
    endpoint: SharedEndpoint,
}

impl Port {
    /// Makes a port of a socket; `routes` says in the log what is found there.
    pub fn new<E>(routes: &'static str, listener: TcpListener, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        let endpoint = Arc::new(ToDynEndpoint(endpoint.into_endpoint().map_to_response()));
        Self { routes, listener, endpoint }
    }
}

/// What all connections of a service have in common, whichever port they came to.
struct Service {
    places: Places,
    refusals: Refusals,
    answers: AnswerMemory,
    limits: Arc<ListenerLimits>,
    tls: Option<Arc<Tls>>,
    shutdown: CancellationToken,
    cut: CancellationToken,
    connections: TaskTracker,
}

/// A port that is listened on.
struct Door {
    listener: TcpListener,
    local: SocketAddr,
    endpoint: SharedEndpoint,
    service: Arc<Service>,
}

impl Door {
    async fn accept_for_ever(&self) {
        loop {
            match self.listener.accept().await {
                Ok((stream, remote)) => self.service.begin(self, stream, remote),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_ERROR_PAUSE).await;
                }
            }
        }
    }
}

impl Service {
    async fn follow_files(&self) {
        if let Some(tls) = &self.tls {
            tls.follow_files().await;
        }
    }

    fn begin(&self, door: &Door, stream: TcpStream, remote: SocketAddr) {
        let place = match self.places.take(remote.ip()) {
            Ok(place) => place,
            Err(full) => {
                tracing::debug!(%remote, ?full, "too many connections");
                return match self.tls {
                    // A peer that shakes hands first does not understand a word.
                    Some(_) => drop(stream),
                    None => self.refusals.refuse(stream, full),
                };
            }
        };
        // Small answers must not wait for the peer's acknowledgement of earlier ones.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%remote, %error, "cannot set TCP_NODELAY");
        }
        let connection = Connection {
            local: door.local,
            remote,
            endpoint: Arc::clone(&door.endpoint),
            limits: Arc::clone(&self.limits),
            tls: self.tls.as_ref().map(|tls| tls.acceptor()),
            answers: self.answers.clone(),
            shutdown: self.shutdown.clone(),
        };
        let cut = self.cut.clone();
        self.connections.spawn(async move {
            // In a box, or the task would have room for it twice.
            cut.run_until_cancelled(Box::pin(connection.serve(stream, place))).await;
        });
    }

    async fn drain(&self, at_most: Duration) {
        self.connections.close();
        if timeout(at_most, self.connections.wait()).await.is_err() {
            tracing::warn!(
                connections = self.connections.len(),
                "cutting connections that did not end in time"
            );
            self.cut.cancel();
            self.connections.wait().await;
        }
    }
}
