//! The file as a stream of bytes: pages are read and written ahead of the client, by one page.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{Filter, LogRecord, Order, Tenant};
use futures_util::{Stream, stream};
use store::{LogStore, Scan, StoreError};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::encoding::Encoder;
use super::exports::Place;
use super::{Encoding, Format};

/// Most records of a page.
pub const PAGE_RECORDS: usize = 8192;

/// Most bytes that are handed over at once (1 MiB).
const PIECE_MAX_BYTES: usize = 1024 * 1024;

/// How long a page may take: then the next read goes on where it stopped.
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);

/// What is to be exported.
pub struct Export {
    /// Where logs are kept.
    pub store: Arc<dyn LogStore>,
    /// Whose logs.
    pub tenant: Tenant,
    /// Which of them.
    pub filter: Filter,
    /// The last id of the export.
    pub until: i64,
    /// How the file looks.
    pub format: Format,
    /// How it travels.
    pub encoding: Encoding,
    /// Most records that are read at once.
    pub page_records: usize,
}

/// A piece of the file.
enum Piece {
    /// Some of its bytes.
    Bytes(Bytes),
    /// It is complete.
    End,
}

/// The pages of an export.
struct Pages {
    store: Arc<dyn LogStore>,
    tenant: Tenant,
    filter: Filter,
    until: i64,
    page_records: usize,
    page_max_bytes: usize,
    after: i64,
}

/// What makes a file of pages.
struct FileWriter {
    format: Format,
    encoder: Encoder,
}

impl Export {
    /// Makes the file, which holds its place until it ends. A file that cannot be completed ends with an error.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn into_stream(
        self,
        place: Place,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
        let Self { store, tenant, filter, until, format, encoding, page_records } = self;
        let writer = FileWriter { format, encoder: encoding.begin()? };
        let page_max_bytes = place.page_max_bytes;
        let pages = Pages { store, tenant, filter, until, page_records, page_max_bytes, after: 0 };
        // One piece waits for the client while the next page is read and written.
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let sender = Client { sender, timeout: place.timeout };
            tokio::select! {
                () = sender.sender.closed() => {}
                ended = write_file(pages, writer, &sender) => {
                    if let Err(error) = &ended {
                        tracing::warn!(%error, "an export breaks off");
                    }
                    // Whoever is gone needs to know no more.
                    let _ = sender.send(ended.map(|()| Piece::End)).await;
                }
            }
            drop(place);
        });
        Ok(stream::unfold(Some(receiver), |receiver| async {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(Ok(Piece::Bytes(bytes))) => Some((Ok(bytes), Some(receiver))),
                Some(Ok(Piece::End)) => None,
                Some(Err(error)) => Some((Err(error), None)),
                // Without its end it is not the whole file, whatever became of its writer.
                None => Some((Err(io::ErrorKind::UnexpectedEof.into()), None)),
            }
        }))
    }
}

/// Writes all pages, and reads the next one meanwhile.
async fn write_file(mut pages: Pages, mut writer: FileWriter, client: &Client) -> io::Result<()> {
    client.send_bytes(writer.head()?).await?;
    let mut page = pages.next().await.map_err(io::Error::other)?;
    while let Some(records) = page {
        let writing = spawn_blocking(move || {
            let written = writer.page(&records);
            (writer, written)
        });
        let (next, written) = tokio::join!(pages.next(), writing);
        let bytes;
        (writer, bytes) = written.map_err(io::Error::other)?;
        client.send_bytes(bytes?).await?;
        page = next.map_err(io::Error::other)?;
    }
    client.send_bytes(writer.encoder.finish()?).await
}

/// Who reads the file.
struct Client {
    sender: mpsc::Sender<io::Result<Piece>>,
    timeout: Duration,
}

impl Client {
    /// Hands bytes over in pieces, each of which has to be taken in time: so it is the client that counts, not how long
    /// the file is.
    async fn send_bytes(&self, bytes: Vec<u8>) -> io::Result<()> {
        let mut bytes = Bytes::from(bytes);
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_MAX_BYTES));
            self.send(Ok(Piece::Bytes(piece))).await?;
        }
        Ok(())
    }

    async fn send(&self, piece: io::Result<Piece>) -> io::Result<()> {
        match timeout(self.timeout, self.sender.send(piece)).await {
            // When the client is gone, everything here ends by itself.
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => {
                let seconds = self.timeout.as_secs();
                Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("its client read nothing for {seconds} s"),
                ))
            }
        }
    }
}

// === impl Pages ===

impl Pages {
    /// Returns the next page, which may be empty; `None`: there is none.
    async fn next(&mut self) -> Result<Option<Vec<LogRecord>>, StoreError> {
        if self.after >= self.until {
            return Ok(None);
        }
        let scan = Scan {
            after: self.after,
            order: Order::Ascending,
            limit: self.page_records,
            max_bytes: self.page_max_bytes,
        };
        let deadline = Instant::now() + PAGE_TIME_MAX;
        let page = self.store.scan(&self.tenant, &self.filter, &scan, deadline).await?;
        if page.reached <= self.after && !page.is_end {
            return Err(StoreError::DeadlineExceeded);
        }
        self.after = if page.is_end { self.until } else { page.reached };
        let mut records = page.records;
        records.truncate(records.partition_point(|record| record.id <= self.until));
        Ok(Some(records))
    }
}

// === impl FileWriter ===

impl FileWriter {
    fn head(&mut self) -> io::Result<Vec<u8>> {
        self.encoder.encode(self.format.head()?)
    }

    fn page(&mut self, records: &[LogRecord]) -> io::Result<Vec<u8>> {
        self.encoder.encode(self.format.page(records)?)
    }
}
