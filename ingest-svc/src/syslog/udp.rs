//! Messages over UDP: one of them is a datagram. They are received all the time and stored in batches; while that takes
//! too long they wait, and what finds no room is lost and counted, as is what the kernel had no room for.

use std::fs;
use std::io;
use std::net::SocketAddr;
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

/// So many batches may wait to be stored.
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

/// Receives until `stop`, and stores what came until then.
pub(super) async fn run(socket: UdpSocket, inlet: Inlet, stop: CancellationToken) {
    let (waiting, batches) = mpsc::channel(WAITING_MAX);
    tokio::join!(receive(socket, &inlet, waiting, stop.clone()), store(&inlet, batches, &stop));
}

async fn receive(socket: UdpSocket, inlet: &Inlet, waiting: mpsc::Sender<Batch>, stop: CancellationToken) {
    let mut losses = KernelLosses::of(&socket);
    let mut look = interval(LOOK_EVERY);
    let mut received = BytesMut::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = look.tick() => losses.count(),
            ready = socket.readable() => if let Err(error) = ready {
                tracing::error!(%error, "no message of syslog can be received over UDP");
                return;
            },
        }
        pass_on(&waiting, take_batch(&socket, &mut received, inlet.0.batch_max));
    }
    // What has arrived by now is stored as well, as far as there is room for it.
    for _ in 0..WAITING_MAX {
        let batch = take_batch(&socket, &mut received, inlet.0.batch_max);
        if batch.messages.is_empty() {
            break;
        }
        pass_on(&waiting, batch);
    }
    losses.count();
}

/// Takes what the kernel has, without waiting.
fn take_batch(socket: &UdpSocket, received: &mut BytesMut, batch_max: usize) -> Batch {
    let mut messages = Vec::new();
    while received.len() < BATCH_BYTES && messages.len() < batch_max {
        received.reserve(DATAGRAM_MAX_BYTES);
        let start = received.len();
        match socket.try_recv_buf_from(received) {
            Ok((_, peer)) => {
                let length = received[start..].trim_ascii_end().len();
                if length > 0 {
                    messages.push((start..start + length, peer.ip().to_canonical()));
                }
            }
            // A datagram of ours that could not be delivered is told to us here; we send none.
            Err(_) => break,
        }
    }
    Batch { bytes: received.split().freeze(), messages }
}

fn pass_on(waiting: &mpsc::Sender<Batch>, batch: Batch) {
    if batch.messages.is_empty() {
        return;
    }
    if let Err(full) = waiting.try_send(batch) {
        count_dropped(Door::Syslog, full.into_inner().len(), "queue_full");
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
