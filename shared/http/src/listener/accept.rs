//! The accept loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::endpoint::{DynEndpoint, ToDynEndpoint};
use poem::{EndpointExt, IntoEndpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use crate::problem::PROBLEM_CONTENT_TYPE;

/// What the listener grants its peers.
#[derive(Debug, Clone)]
pub struct ListenerLimits {
    /// Most connections at a time; a further one is told to come back. Default: 4,096.
    pub max_connections: usize,
    /// Longest time from the first byte of a request head, or from the start of a connection, to the head's
    /// end. Default: 10 s.
    pub head_time: Duration,
    /// Longest time between two requests of a connection. Default: 60 s.
    pub idle_time: Duration,
    /// Longest time for which a peer may take no byte of an answer that waits for it. Default: 60 s.
    pub stall_time: Duration,
}

/// Pause after an error of `accept`: when file descriptors run out it fails at once, again and again.
const ACCEPT_ERROR_PAUSE: Duration = Duration::from_millis(50);

/// What a connection beyond the limit is told before it is closed.
const BUSY_BODY: &str = r#"{"type":"about:blank","title":"Service Unavailable","status":503,"code":"overloaded","detail":"too many connections are open","error":"Service Unavailable"}"#;

/// The endpoint that all connections share.
pub(super) type SharedEndpoint = Arc<dyn DynEndpoint<Output = Response>>;

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            stall_time: Duration::from_secs(60),
        }
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
) -> io::Result<()>
where
    E: IntoEndpoint,
    E::Endpoint: 'static,
{
    serve_with_limits(listener, endpoint, ListenerLimits::default(), shutdown, drain).await
}

/// As [`serve`], with other limits.
///
/// # Errors
/// As [`serve`].
pub async fn serve_with_limits<E>(
    listener: TcpListener,
    endpoint: E,
    limits: ListenerLimits,
    shutdown: CancellationToken,
    drain: Duration,
) -> io::Result<()>
where
    E: IntoEndpoint,
    E::Endpoint: 'static,
{
    let local = listener.local_addr()?;
    tracing::info!(address = %local, "listening");
    let service = Service {
        endpoint: Arc::new(ToDynEndpoint(endpoint.into_endpoint().map_to_response())),
        slots: Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS))),
        limits: Arc::new(limits),
        local,
        shutdown: shutdown.clone(),
        cut: CancellationToken::new(),
        connections: TaskTracker::new(),
    };
    shutdown.run_until_cancelled(service.accept_for_ever(&listener)).await;
    drop(listener);
    service.drain(drain).await;
    Ok(())
}

/// What all connections of one listener have in common.
struct Service {
    endpoint: SharedEndpoint,
    slots: Arc<Semaphore>,
    limits: Arc<ListenerLimits>,
    local: SocketAddr,
    shutdown: CancellationToken,
    cut: CancellationToken,
    connections: TaskTracker,
}

impl Service {
    async fn accept_for_ever(&self, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => self.begin(stream, remote),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_ERROR_PAUSE).await;
                }
            }
        }
    }

    fn begin(&self, stream: TcpStream, remote: SocketAddr) {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            tracing::debug!(%remote, "too many connections");
            // What does not fit into an empty socket's buffer at once is not worth waiting for.
            let _ = stream.try_write(busy_answer().as_bytes());
            return;
        };
        // Small answers must not wait for the peer's acknowledgement of earlier ones.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%remote, %error, "cannot set TCP_NODELAY");
        }
        let connection = Connection {
            local: self.local,
            remote,
            endpoint: Arc::clone(&self.endpoint),
            limits: Arc::clone(&self.limits),
            shutdown: self.shutdown.clone(),
        };
        let cut = self.cut.clone();
        self.connections.spawn(async move {
            cut.run_until_cancelled(connection.serve(stream, slot)).await;
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

fn busy_answer() -> String {
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
         Content-Type: {PROBLEM_CONTENT_TYPE}\r\nContent-Length: {}\r\n\r\n{BUSY_BODY}",
        BUSY_BODY.len()
    )
}
