//! Messages over TCP: each connection is read as fast as its messages are stored.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use sentinel_http::{Problem, RequestId};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::framing::{self, Frame};
use super::{Batch, Inlet, LAST_TRIES, RETRY_AFTER};
use crate::admission::{Door, count_dropped};

/// How much of a connection is read at a time, and stored together (1 MiB), unless one message is longer.
const READ_MAX_BYTES: usize = 1024 * 1024;

/// How much room there is at least for the next bytes.
const READ_MIN_BYTES: usize = 16 * 1024;

/// How long accepting pauses after an error: there may be no descriptor left.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// What one connection has sent and was not stored yet.
struct Connection {
    stream: TcpStream,
    peer: IpAddr,
    inlet: Inlet,
    received: BytesMut,
    /// Bytes of a message that is too long, which are still to come.
    skipped: Skip,
}

/// What is left out of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skip {
    Nothing,
    Bytes(usize),
    Line,
}

/// Takes connections until `stop`, then ends what they have sent.
pub(super) async fn run(listener: TcpListener, inlet: Inlet, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(inlet.0.connections_max));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let connection = Connection::new(stream, peer, inlet.clone());
                let stop = stop.clone();
                connections.spawn(async move {
                    connection.run(stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted for syslog");
                sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Accepts a connection when there is a place for it; until then others wait.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, IpAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer.ip().to_canonical(), place))
}

impl Connection {
    fn new(stream: TcpStream, peer: IpAddr, inlet: Inlet) -> Self {
        Self { stream, peer, inlet, received: BytesMut::new(), skipped: Skip::Nothing }
    }

    async fn run(mut self, stop: CancellationToken) {
        loop {
            let read = tokio::select! {
                () = stop.cancelled() => None,
                read = self.read() => Some(read),
            };
            let is_whole = matches!(read, Some(Ok(0)));
            if is_whole {
                // The last line may have no line feed behind it. One that was cut has none, either, and is no line.
                self.received.extend_from_slice(b"\n");
            }
            if !self.store_all(&stop).await || !matches!(read, Some(Ok(1..))) {
                break;
            }
        }
        let is_rest = self.received.iter().any(|byte| !byte.is_ascii_whitespace());
        if is_rest || self.skipped != Skip::Nothing {
            count_dropped(Door::Syslog, 1, "incomplete");
            tracing::warn!(peer = %self.peer, "the last message of a connection was cut, or not taken any more");
        }
    }

    /// Stores all whole messages that were received; says whether the connection may go on.
    async fn store_all(&mut self, stop: &CancellationToken) -> bool {
        loop {
            let batch = self.take_batch();
            let is_last = batch.messages.len() < self.inlet.0.batch_max;
            if !batch.messages.is_empty() && !self.store(&batch, stop).await {
                return false;
            }
            if is_last {
                return true;
            }
        }
    }

    /// Reads what there is, up to the limit.
    async fn read(&mut self) -> io::Result<usize> {
        self.received.reserve(READ_MIN_BYTES);
        let read = self.stream.read_buf(&mut self.received).await?;
        while self.received.len() < READ_MAX_BYTES {
            self.received.reserve(READ_MIN_BYTES);
            match self.stream.try_read_buf(&mut self.received) {
                Ok(1..) => {}
                _ => break,
            }
        }
        Ok(read)
    }

    /// Takes the whole messages off what was received.
    fn take_batch(&mut self) -> Batch {
        let max_bytes = self.inlet.0.message_max_bytes;
        let (mut messages, mut at) = (Vec::new(), 0);
        loop {
            at += self.skip(at);
            if self.skipped != Skip::Nothing || messages.len() == self.inlet.0.batch_max {
                break;
            }
            match framing::first(&self.received[at..], max_bytes) {
                Frame::Message { start, end, next } => {
                    if end > start {
                        messages.push((at + start..at + end, self.peer));
                    }
                    at += next;
                }
                Frame::Incomplete => break,
                Frame::TooLong(bytes) => {
                    count_dropped(Door::Syslog, 1, "too_long");
                    tracing::warn!(peer = %self.peer, max_bytes, "a message of syslog is too long and left out");
                    self.skipped = bytes.map_or(Skip::Line, Skip::Bytes);
                }
            }
        }
        Batch { bytes: self.received.split_to(at).freeze(), messages }
    }

    /// Returns how many of the bytes from `at` on belong to a message that is left out.
    fn skip(&mut self, at: usize) -> usize {
        let rest = &self.received[at..];
        match self.skipped {
            Skip::Nothing => 0,
            Skip::Bytes(bytes) if bytes > rest.len() => {
                self.skipped = Skip::Bytes(bytes - rest.len());
                rest.len()
            }
            Skip::Bytes(bytes) => {
                self.skipped = Skip::Nothing;
                bytes
            }
            Skip::Line => match memchr::memchr2(b'\n', 0, rest) {
                Some(end) => {
                    self.skipped = Skip::Nothing;
                    end + 1
                }
                None => rest.len(),
            },
        }
    }

    /// Stores a batch, trying again as long as that may help; says whether the connection may go on.
    async fn store(&mut self, batch: &Batch, stop: &CancellationToken) -> bool {
        let repeat = RequestId::random();
        let mut wait = RETRY_AFTER.start;
        let tries = async {
            loop {
                let Err(problem) = self.inlet.admit(batch, Some(&repeat)).await else { return true };
                if !super::is_worth_retrying(&problem) {
                    self.give_up(batch, &problem);
                    return false;
                }
                sleep(wait).await;
                wait = (wait * 2).min(RETRY_AFTER.end);
            }
        };
        tokio::select! {
            stored = tries => stored,
            () = async { stop.cancelled().await; sleep(LAST_TRIES).await } => {
                count_dropped(Door::Syslog, batch.len(), "shutdown");
                tracing::error!(messages = batch.len(), "messages of syslog are lost: they could not be stored before the end");
                false
            }
        }
    }

    fn give_up(&self, batch: &Batch, problem: &Problem) {
        count_dropped(Door::Syslog, batch.len(), problem.code());
        problem.note();
        tracing::error!(peer = %self.peer, messages = batch.len(), %problem, "messages of syslog are lost");
    }
}
