//! Messages over UDP: one of them is a datagram. They are received all the time and stored in batches; while that takes
//! too long they wait, and what finds no room is lost and counted, as is what the kernel had no room for.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

use super::{Batch, Inlet, LAST_TRIES, RETRY_AFTER, is_worth_retrying};
use crate::admission::{Door, count_dropped};

/// Most bytes of a datagram.
const DATAGRAM_MAX_BYTES: usize = 65_535;

/// A batch is as large as this (256 KiB), or whatever has come.
const BATCH_BYTES: usize = 256 * 1024;

/// So many full batches may wait to be stored.
const WAITING_MAX: usize = 32;

/// What the kernel is asked to keep of what was not received yet (8 MiB; it grants what `net.core.rmem_max` allows).
const KERNEL_BYTES: usize = 8 * 1024 * 1024;

/// How often it is looked what the kernel lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Takes the address.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, KERNEL_BYTES)?;
    UdpSocket::from_std(socket)
}

/// What was received and waits to be stored. While a batch is stored the next one grows: messages that come one by one are
/// not stored one by one.
struct Backlog {
    full: VecDeque<Batch>,
    bytes: BytesMut,
    messages: Vec<(Range<usize>, IpAddr)>,
    /// Most messages of a batch.
    batch_max: usize,
}

/// Receives until `stop`, and stores what came until then.
pub(super) async fn run(socket: UdpSocket, inlet: Inlet, stop: CancellationToken) {
    // One batch is ready when the one before it is stored; the others stay where they can grow.
    let (ready, batches) = mpsc::channel(1);
    let backlog = Backlog::new(inlet.0.batch_max);
    tokio::join!(receive(socket, backlog, ready, stop.clone()), store(&inlet, batches, &stop));
}

async fn receive(
    socket: UdpSocket,
    mut backlog: Backlog,
    ready: mpsc::Sender<Batch>,
    stop: CancellationToken,
) {
    let mut losses = KernelLosses::of(&socket);
    let mut look = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = look.tick() => losses.count(),
            Ok(place) = ready.reserve(), if !backlog.is_empty() => {
                if let Some(batch) = backlog.take_batch() {
                    place.send(batch);
                }
            }
            readable = socket.readable() => {
                if let Err(error) = readable {
                    tracing::error!(%error, "no message of syslog can be received over UDP");
                    break;
                }
                backlog.receive(&socket);
            }
        }
    }
    // What has arrived by now is stored as well: the kernel keeps no more than may wait.
    for _ in 0..WAITING_MAX {
        if !backlog.receive(&socket) {
            break;
        }
    }
    losses.count();
    while let Some(batch) = backlog.take_batch() {
        if ready.send(batch).await.is_err() {
            break;
        }
    }
}

impl Backlog {
    fn new(batch_max: usize) -> Self {
        Self { full: VecDeque::new(), bytes: BytesMut::new(), messages: Vec::new(), batch_max }
    }

    fn is_empty(&self) -> bool {
        self.full.is_empty() && self.messages.is_empty()
    }

    /// Takes what the kernel has, without waiting, until a batch is full. Says whether it is: there may be more.
    fn receive(&mut self, socket: &UdpSocket) -> bool {
        while self.bytes.len() < BATCH_BYTES && self.messages.len() < self.batch_max {
            self.bytes.reserve(DATAGRAM_MAX_BYTES);
            let start = self.bytes.len();
            match socket.try_recv_buf_from(&mut self.bytes) {
                Ok((_, peer)) => {
                    let length = self.bytes[start..].trim_ascii_end().len();
                    self.bytes.truncate(start + length);
                    if length > 0 {
                        self.messages.push((start..start + length, peer.ip().to_canonical()));
                    }
                }
                // A datagram of ours that could not be delivered is told to us here; we send none.
                Err(_) => return false,
            }
        }
        let batch = self.close_batch();
        if self.full.len() < WAITING_MAX {
            self.full.push_back(batch);
        } else {
            count_dropped(Door::Syslog, batch.len(), "queue_full");
        }
        true
    }

    fn close_batch(&mut self) -> Batch {
        Batch { bytes: self.bytes.split().freeze(), messages: std::mem::take(&mut self.messages) }
    }

    /// Takes the oldest batch; the last one as it is.
    fn take_batch(&mut self) -> Option<Batch> {
        let full = self.full.pop_front();
        full.or_else(|| (!self.messages.is_empty()).then(|| self.close_batch()))
    }
}

async fn store(inlet: &Inlet, mut batches: mpsc::Receiver<Batch>, stop: &CancellationToken) {
    while let Some(batch) = batches.recv().await {
        let give_up = async {
            stop.cancelled().await;
            sleep(LAST_TRIES).await;
        };
        tokio::select! {
            () = store_batch(inlet, &batch) => {}
            () = give_up => count_dropped(Door::Syslog, batch.len(), "shutdown"),
        }
    }
}

/// Stores a batch, trying again while it is certain that it was not stored: others wait meanwhile.
async fn store_batch(inlet: &Inlet, batch: &Batch) {
    let mut wait = RETRY_AFTER.start;
    while let Err(problem) = inlet.admit(batch, None).await {
        if !is_worth_retrying(&problem) || problem.code() == "outcome_unknown" {
            count_dropped(Door::Syslog, batch.len(), problem.code());
            problem.note();
            return;
        }
        sleep(wait).await;
        wait = (wait * 2).min(RETRY_AFTER.end);
    }
}

/// What the kernel lost for want of room, as `/proc/net/udp` counts it.
struct KernelLosses {
    inode: Option<String>,
    counted: u64,
}

impl KernelLosses {
    fn of(socket: &UdpSocket) -> Self {
        Self { inode: inode_of(socket), counted: 0 }
    }

    fn count(&mut self) {
        let Some(lost) = self.inode.as_deref().and_then(losses_of) else { return };
        let more = lost.saturating_sub(self.counted);
        if more > 0 {
            tracing::warn!(messages = more, "messages of syslog are lost: the kernel had no room for them");
            count_dropped(Door::Syslog, more, "kernel");
        }
        self.counted = lost;
    }
}

fn inode_of(socket: &UdpSocket) -> Option<String> {
    Some(rustix::fs::fstat(socket).ok()?.st_ino.to_string())
}

/// Reads the last column of the socket's line: its tenth is the inode.
fn losses_of(inode: &str) -> Option<u64> {
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let mut lines = tables.iter().flat_map(|table| table.lines());
    lines.find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        (columns.get(9) == Some(&inode)).then(|| columns.last()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH_MAX: usize = 40;

    async fn send_one_by_one(
        sender: &std::net::UdpSocket,
        socket: &UdpSocket,
        count: usize,
        backlog: &mut Backlog,
    ) {
        let address = socket.local_addr().expect("it is bound");
        for n in 0..count {
            sender.send_to(format!("n {n}\n").as_bytes(), address).expect("a datagram can be sent");
            socket.readable().await.expect("a datagram comes");
            backlog.receive(socket);
        }
    }

    fn texts(batch: &Batch) -> Vec<&str> {
        let text = |(range, _): &(Range<usize>, IpAddr)| range.clone();
        let ranges = batch.messages.iter().map(text);
        ranges.map(|range| std::str::from_utf8(&batch.bytes[range]).expect("text was sent")).collect()
    }

    #[tokio::test]
    async fn messages_that_come_one_by_one_wait_together() {
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut backlog = Backlog::new(BATCH_MAX);

        send_one_by_one(&sender, &socket, BATCH_MAX + 3, &mut backlog).await;

        let (first, second) = (backlog.take_batch().unwrap(), backlog.take_batch().unwrap());
        let all: Vec<_> = texts(&first).into_iter().chain(texts(&second)).map(str::to_owned).collect();
        assert_eq!((first.messages.len(), second.messages.len()), (BATCH_MAX, 3));
        assert_eq!(all, (0..BATCH_MAX + 3).map(|n| format!("n {n}")).collect::<Vec<_>>());
        assert!(backlog.is_empty() && backlog.take_batch().is_none());
    }

    #[tokio::test]
    async fn no_more_wait_than_may() {
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut backlog = Backlog::new(1);

        send_one_by_one(&sender, &socket, WAITING_MAX + 5, &mut backlog).await;

        let waiting: Vec<_> = std::iter::from_fn(|| backlog.take_batch()).collect();
        assert_eq!(waiting.len(), WAITING_MAX);
        assert_eq!(texts(&waiting[0]), ["n 0"]);
    }
}
