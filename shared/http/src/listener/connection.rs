//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use poem::http::uri::Scheme;
use poem::http::{Request as HyperRequest, Response as HyperResponse};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::accept::{HeadLimits, ListenerLimits, SharedEndpoint};
use super::answer::AnswerBody;
use super::answers::{AnswerMemory, Asked};
use super::linger::LingeringStream;
use super::places::Place;
use super::pulse::{Lapse, Pulse};

/// Least of what hyper may read ahead, which is also the most that a request head can be for it. Heads have a lower
/// limit of their own, in the guard; this is what bodies want to be read quickly.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// How much larger than its limit a head may be and still be read, so that the guard can refuse it with a problem.
const READ_BEYOND_LIMIT: usize = 2;

/// Most requests at a time on one HTTP/2 connection.
const STREAMS_MAX_COUNT: u32 = 100;

/// Most requests on one HTTP/2 connection that a peer has begun and reset before we looked at them; beyond that it is
/// told to calm down, and closed.
const RESETS_MAX_COUNT: usize = 20;

/// Most mistakes of a peer on one HTTP/2 connection that each cost it a request; beyond that it is closed.
const ERRORS_MAX_COUNT: usize = 100;

/// When the service stops: how long a connection on which no request is being answered is kept, for one that
/// is on its way.
const LAST_REQUEST_TIME: Duration = Duration::from_millis(500);

/// When the service stops: how long a peer may take no byte of an answer. Who does not read at all does not see its
/// end either.
const LAST_STALL_TIME: Duration = Duration::from_secs(2);

/// When the peer has overstayed: how long it takes at most to tell it, where the protocol has words for that.
const FAREWELL_TIME: Duration = Duration::from_millis(50);

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) endpoint: SharedEndpoint,
    pub(super) limits: Arc<ListenerLimits>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) answers: AnswerMemory,
    pub(super) shutdown: CancellationToken,
}

impl Connection {
    /// Shakes hands, if that is how it is, and answers requests until either side has had enough.
    pub(super) async fn serve(self, stream: TcpStream, place: Place) {
        let pulse = Pulse::new();
        let stream = LingeringStream::new(stream, place, Arc::clone(&pulse));
        let Some(tls) = &self.tls else { return self.answer_all(stream, &pulse).await };
        // In a box, as what follows: a connection without TLS has no use for so much memory.
        let handshake = Box::pin(timeout(self.limits.head_time, tls.accept(stream)));
        match self.shutdown.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => Box::pin(self.answer_all(stream, &pulse)).await,
            Some(Ok(Err(error))) => tracing::debug!(remote = %self.remote, %error, "no handshake"),
            Some(Err(_)) => tracing::debug!(remote = %self.remote, "a handshake was too slow"),
            None => {}
        }
    }

    async fn answer_all(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        pulse: &Arc<Pulse>,
    ) {
        let service = service_fn(|request| self.answer(request, pulse));
        let builder = builder(self.limits.heads);
        let mut connection = Box::pin(builder.serve_connection(TokioIo::new(stream), service));

        let closing_time = tokio::select! {
            _ = connection.as_mut() => return,
            lapse = pulse.lapse(&self.limits) => {
                tracing::debug!(remote = %self.remote, ?lapse, "closing a connection");
                if lapse == Lapse::Stalled {
                    return;
                }
                FAREWELL_TIME
            }
            () = self.shutdown.cancelled() => LAST_REQUEST_TIME,
        };
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = connection => {}
            () = self.is_over(pulse, closing_time) => {}
        }
    }

    /// Waits until no request has been answered for `closing_time`, on a connection that takes no more of them.
    async fn is_over(&self, pulse: &Pulse, closing_time: Duration) {
        sleep(closing_time).await;
        let limits = ListenerLimits {
            head_time: closing_time,
            idle_time: closing_time,
            stall_time: self.limits.stall_time.min(LAST_STALL_TIME),
            ..(*self.limits).clone()
        };
        pulse.lapse(&limits).await;
    }

    fn answer(
        &self,
        request: HyperRequest<Incoming>,
        pulse: &Arc<Pulse>,
    ) -> impl Future<Output = Result<HyperResponse<AnswerBody>, Infallible>> + use<> {
        let in_flight = pulse.request(request.version());
        let local = LocalAddr(Addr::SocketAddr(self.local));
        let remote = RemoteAddr(Addr::SocketAddr(self.remote));
        let scheme = if self.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let asked = Asked::of(&request);
        let request = Request::from((request, local, remote, scheme));
        let (endpoint, answers) = (Arc::clone(&self.endpoint), self.answers.clone());
        async move {
            let response = HyperResponse::from(endpoint.get_response(request).await);
            let (response, hold) = answers.admit(response, &asked);
            Ok(response.map(|body| AnswerBody::new(body, in_flight, hold)))
        }
    }
}

fn builder(heads: HeadLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let (bytes, count) = (heads.max_bytes * READ_BEYOND_LIMIT, heads.max_count * READ_BEYOND_LIMIT);
    // The pulse keeps the time of heads; hyper's timer would not tell a slow head from an idle connection.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
    builder.http1().max_buf_size(bytes.max(READ_AHEAD_BYTES)).max_headers(count);
    let list_bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(list_bytes);
    builder.http2().max_concurrent_streams(STREAMS_MAX_COUNT);
    builder.http2().max_pending_accept_reset_streams(RESETS_MAX_COUNT);
    builder.http2().max_local_error_reset_streams(ERRORS_MAX_COUNT);
    builder
}
