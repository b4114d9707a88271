//! What a connection is told for which there is no place.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::places::Full;
use crate::problem::PROBLEM_CONTENT_TYPE;

/// Most refused connections that are kept for a moment, so that their clients can read why: a socket that is closed
/// with unread bytes in it is reset, and the answer lost.
const KEPT_MAX_COUNT: usize = 64;

/// How long one is kept at most.
const KEPT_TIME: Duration = Duration::from_millis(500);

/// Most bytes that are read from one and dropped.
const DROPPED_MAX_BYTES: u64 = 64 * 1024;

/// The refused connections that are still open.
#[derive(Debug, Clone)]
pub(super) struct Refusals(Arc<Semaphore>);

impl Refusals {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(KEPT_MAX_COUNT)))
    }

    /// Tells a connection why it is closed, and closes it.
    pub(super) fn refuse(&self, mut stream: TcpStream, full: Full) {
        // What does not fit into an empty socket's buffer at once is not worth waiting for.
        let _ = stream.try_write(answer(full).as_bytes());
        let Ok(permit) = Arc::clone(&self.0).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let close = async {
                stream.shutdown().await?;
                tokio::io::copy(&mut stream.take(DROPPED_MAX_BYTES), &mut tokio::io::sink()).await
            };
            let _ = timeout(KEPT_TIME, close).await;
            drop(permit);
        });
    }
}

fn answer(full: Full) -> String {
    let detail = match full {
        Full::InAll(max) => format!("too many connections are open; the limit is {max}"),
        Full::ForAddress(max) => {
            format!("too many connections are open from this address; the limit is {max}")
        }
    };
    let body = format!(
        r#"{{"type":"about:blank","title":"Service Unavailable","status":503,"code":"overloaded","detail":"{detail}","error":"Service Unavailable"}}"#
    );
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
         Content-Type: {PROBLEM_CONTENT_TYPE}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
