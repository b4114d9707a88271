//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use poem::http::uri::Scheme;
use poem::http::{Request as HyperRequest, Response as HyperResponse};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Request};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::accept::{ListenerLimits, SharedEndpoint};
use super::linger::LingeringStream;
use super::pulse::{InFlight, Lapse, Pulse};

/// Most bytes that hyper reads ahead, and so the most that a request head can be for it. Heads have a lower
/// limit of their own, in the guard; this is what bodies want to be read quickly.
const READ_AHEAD_MAX_BYTES: usize = 64 * 1024;

/// Most headers of a request.
const HEADERS_MAX_COUNT: usize = 100;

/// Most bytes of a request head over HTTP/2.
const HEAD_MAX_BYTES: u32 = 16 * 1024;

/// Most requests at a time on one HTTP/2 connection.
const STREAMS_MAX_COUNT: u32 = 100;

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
    pub(super) shutdown: CancellationToken,
}

/// The body of an answer. Its request is in flight until the body is gone: only then has the answer left.
struct AnswerBody {
    body: BoxBody<Bytes, io::Error>,
    _in_flight: InFlight,
}

impl Connection {
    /// Answers requests until either side has had enough.
    pub(super) async fn serve(self, stream: TcpStream, slot: OwnedSemaphorePermit) {
        let pulse = Pulse::new();
        let io = TokioIo::new(LingeringStream::new(stream, slot, Arc::clone(&pulse)));
        let service = service_fn(|request| self.answer(request, &pulse));
        let builder = builder();
        let mut connection = pin!(builder.serve_connection(io, service));

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
            () = self.is_over(&pulse, closing_time) => {}
        }
    }

    /// Waits until no request has been answered for `closing_time`, on a connection that takes no more of them.
    async fn is_over(&self, pulse: &Pulse, closing_time: Duration) {
        sleep(closing_time).await;
        let limits = ListenerLimits {
            head_time: closing_time,
            idle_time: closing_time,
            stall_time: self.limits.stall_time.min(LAST_STALL_TIME),
            ..*self.limits
        };
        pulse.lapse(&limits).await;
    }

    fn answer(
        &self,
        request: HyperRequest<Incoming>,
        pulse: &Arc<Pulse>,
    ) -> impl Future<Output = Result<HyperResponse<AnswerBody>, Infallible>> + use<> {
        let in_flight = pulse.request();
        let local = LocalAddr(Addr::SocketAddr(self.local));
        let remote = RemoteAddr(Addr::SocketAddr(self.remote));
        let request = Request::from((request, local, remote, Scheme::HTTP));
        let endpoint = Arc::clone(&self.endpoint);
        async move {
            let response = HyperResponse::from(endpoint.get_response(request).await);
            Ok(response.map(|body| AnswerBody { body, _in_flight: in_flight }))
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The pulse keeps the time of heads; hyper's timer would not tell a slow head from an idle connection.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
    builder.http1().max_buf_size(READ_AHEAD_MAX_BYTES).max_headers(HEADERS_MAX_COUNT);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD_MAX_BYTES);
    builder.http2().max_concurrent_streams(STREAMS_MAX_COUNT);
    builder
}
