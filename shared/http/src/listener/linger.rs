//! A socket that tells its connection's pulse what passes, and that closes slowly.
//!
//! To close a socket with unread bytes in it resets the connection. A peer that is still sending then meets an
//! error and, as most clients do, does not look for an answer any more: who sends a body that is too large
//! would see a broken connection instead of a 413. So what still arrives is read and dropped, for a moment,
//! after our side is closed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::places::Place;
use super::pulse::Pulse;

/// How long a peer has for reading the last answer and closing its side.
const LINGER_AT_MOST: Duration = Duration::from_secs(2);

/// Most bytes that are read and dropped in that time.
const LINGER_MAX_BYTES: u64 = 128 * 1024 * 1024;

/// The socket of a connection, with its place among them.
pub(super) struct LingeringStream {
    open: Option<(TcpStream, Place)>,
    pulse: Arc<Pulse>,
    is_answered: bool,
}

impl LingeringStream {
    pub(super) fn new(stream: TcpStream, place: Place, pulse: Arc<Pulse>) -> Self {
        Self { open: Some((stream, place)), pulse, is_answered: false }
    }

    fn stream(&mut self) -> Pin<&mut TcpStream> {
        let (stream, _) = self.open.as_mut().expect("it is taken only by drop");
        Pin::new(stream)
    }
}

impl Drop for LingeringStream {
    fn drop(&mut self) {
        // If our side was not shut down the connection was cut, and is not worth the time.
        let (Some((stream, place)), true) = (self.open.take(), self.is_answered) else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(linger(stream, place));
        }
    }
}

async fn linger(mut stream: TcpStream, _place: Place) {
    let drop_what_comes = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_MAX_BYTES), &mut tokio::io::sink()).await
    };
    let _ = timeout(LINGER_AT_MOST, drop_what_comes).await;
}

impl AsyncRead for LingeringStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.stream().poll_read(cx, buffer);
        if read.is_ready() {
            self.pulse.received();
        }
        read
    }
}

impl AsyncWrite for LingeringStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(cx, bytes);
        self.pulse.sent(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_answered = true;
        self.stream().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write_vectored(cx, slices);
        self.pulse.sent(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
