//! What comes through a pipe. There is no position in it that could be gone back to: a batch is kept, under one key, until it
//! is acknowledged, and while it is, the pipe waits.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use domain::Clock;
use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::cut::{Piece, WINDOW_BYTES, cut, envelopes};
use super::envelope::Origin;
use super::file::RECORD_WAITS;
use super::progress::Progress;
use super::records::{Ending, Reading};
use super::shipper::Tools;
use crate::deliver::{Courier, Delivery, Parcel, random_key};

/// What the file is called that records are from: without a service they are called by its name, `stdin`.
const DEVICE: &str = "/dev/stdin";

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;

/// How much may have been read and not yet looked at, in reads.
const READS_AHEAD: usize = 4;

/// What a shipper of stdin is told.
pub(crate) struct StdinSettings {
    pub(crate) source: String,
    pub(crate) service: Option<String>,
    pub(crate) batch_size: usize,
    pub(crate) is_multiline: bool,
}

/// Ships stdin.
pub(crate) struct Stdin {
    settings: StdinSettings,
    courier: Courier,
    stop: CancellationToken,
    clock: Arc<dyn Clock>,
    rng: StdRng,
    progress: Arc<Progress>,
    /// What was read and is not acknowledged.
    bytes: Vec<u8>,
    /// How many parts of the line at its beginning were sent.
    parts: u32,
    /// Most records of the next batch.
    most: usize,
}

impl Stdin {
    /// Prepares shipping.
    pub(crate) fn new(settings: StdinSettings, tools: Tools) -> Self {
        let Tools { courier, stop, clock, rng, progress } = tools;
        let most = settings.batch_size;
        Self { settings, courier, stop, clock, rng, progress, bytes: Vec::new(), parts: 0, most }
    }

    /// Ships to the end of the input, or until it is asked to stop. Returns whether everything that was read is acknowledged.
    ///
    /// # Errors
    /// When stdin cannot be read.
    pub(crate) async fn run(mut self, input: impl Read + Send + 'static) -> anyhow::Result<bool> {
        let (reads, mut read) = mpsc::channel(READS_AHEAD);
        // A read cannot be taken back: the thread ends with the process.
        thread::spawn(move || read_all(input, &reads));
        let (mut read_at, mut is_over) = (Instant::now(), false);
        loop {
            while !is_over && self.bytes.len() < WINDOW_BYTES {
                match read.try_recv() {
                    Ok(more) => self.bytes.extend_from_slice(&more?),
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => is_over = true,
                }
                read_at = Instant::now();
            }
            let ending = match is_over {
                true => Ending::All,
                false if read_at.elapsed() >= RECORD_WAITS => Ending::Records,
                false => Ending::Waits,
            };
            if self.ship(ending).await? {
                continue;
            }
            if is_over || self.stop.is_cancelled() {
                break;
            }
            tokio::select! {
                more = timeout(RECORD_WAITS, read.recv()) => match more {
                    Ok(Some(more)) => {
                        self.bytes.extend_from_slice(&more?);
                        read_at = Instant::now();
                    }
                    Ok(None) => is_over = true,
                    Err(_) => {}
                },
                () = self.stop.cancelled() => {}
            }
        }
        if !self.bytes.is_empty() {
            let bytes = self.bytes.len();
            tracing::error!(bytes, "{bytes} bytes of stdin were read and not delivered");
        }
        Ok(self.bytes.is_empty())
    }

    /// Ships a batch; `false`: there is none, or it was not delivered.
    async fn ship(&mut self, ending: Ending) -> anyhow::Result<bool> {
        let reading = Reading { is_docker: false, is_multiline: self.settings.is_multiline };
        let is_full = self.bytes.len() >= WINDOW_BYTES;
        if self.bytes.is_empty() || self.stop.is_cancelled() {
            return Ok(false);
        }
        let Some((end, piece)) = cut(&self.bytes, self.parts, is_full, reading, self.most, ending) else {
            return Ok(false);
        };
        let origin = Origin {
            source: self.settings.source.clone(),
            file_path: Some(DEVICE.to_owned()),
            shipper_timestamp: self.clock.now().to_string(),
            service: self.settings.service.clone(),
        };
        let batch = envelopes(&self.bytes[..end], self.parts, reading, piece, &origin);
        let records = batch.count;
        if records == 0 {
            return Ok(self.moved_on(end, piece, 0));
        }
        let mut parcel = Parcel::pack(random_key("ship", &mut self.rng), batch.ndjson, records)?;
        loop {
            let (stored, rejected, reason) = match self.courier.deliver(&parcel).await {
                Delivery::Stopped => return Ok(false),
                Delivery::KeyReused(reason) => {
                    tracing::error!(key = parcel.key, "a batch of stdin is sent under a new key: {reason}");
                    parcel.renew_key(random_key("ship", &mut self.rng));
                    continue;
                }
                Delivery::TooLarge(_) if self.most > 1 => {
                    self.most = self.most.min(usize::try_from(records).unwrap_or(usize::MAX)).div_ceil(2);
                    return Ok(true);
                }
                Delivery::TooLarge(reason) | Delivery::Rejected { reason, .. } => (0, records, reason),
                Delivery::Stored(stored) => {
                    let first = stored.errors.into_iter().next();
                    (stored.accepted, stored.rejected, first.map(|error| error.detail).unwrap_or_default())
                }
            };
            if rejected > 0 && self.progress.counts().1 == 0 {
                tracing::error!(
                    rejected,
                    "{rejected} records of stdin are not valid for the service: {reason}"
                );
            }
            self.progress.count(stored, rejected);
            return Ok(self.moved_on(end, piece, records));
        }
    }

    fn moved_on(&mut self, end: usize, piece: Option<Piece>, records: u64) -> bool {
        self.bytes.drain(..end);
        self.parts = match piece {
            Some(Piece::Inner) => self.parts.saturating_add(u32::try_from(records).unwrap_or(u32::MAX)),
            _ => 0,
        };
        self.most = self.most.saturating_mul(2).min(self.settings.batch_size);
        true
    }
}

/// Reads to the end, or to an error, which is handed on.
fn read_all(mut input: impl Read, reads: &mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let mut bytes = vec![0; READ_BYTES];
        let read = match input.read(&mut bytes) {
            Ok(0) => return,
            Ok(length) => {
                bytes.truncate(length);
                Ok(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_last = read.is_err();
        if reads.blocking_send(read).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
