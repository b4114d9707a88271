//! Reads a body: bounded in bytes, in time and in slowness.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use domain::limits::{BODY_INFLATED_MAX_BYTES, BODY_MAX_BYTES};
use futures_util::StreamExt;
use poem::http::HeaderMap;
use poem::http::header::CONTENT_LENGTH;
use poem::{Body, Request, RequestBody};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::encoding::{Encoding, InflatedLimit};
use super::memory::{BodyMemory, Share};
use crate::Problem;

/// What a body may cost.
#[derive(Debug, Clone)]
pub struct BodyLimits {
    /// Most bytes as they arrive. Default: 8 MiB.
    pub wire_max_bytes: usize,
    /// Most bytes after decompression. Default: 32 MiB.
    pub inflated_max_bytes: usize,
    /// How many times as large as on the wire a body may become by decompression, once it is larger than
    /// `ratio_free_bytes`. Default: 200.
    pub inflated_max_ratio: usize,
    /// How large a decompressed body may be whatever it was on the wire. Default: 1 MiB.
    pub ratio_free_bytes: usize,
    /// Longest time for the whole body. Default: 30 s.
    pub total_time: Duration,
    /// How long a body may be as slow as it likes. Default: 5 s.
    pub slow_start: Duration,
    /// Least speed after that, on average, in bytes per second. Default: 1 KiB.
    pub min_bytes_per_second: u32,
    /// Most bytes that all bodies hold together, until they are dropped. Default: 64 MiB.
    pub shared_max_bytes: usize,
}

/// Compressed bodies from this size on are inflated on a thread that may block: below it, even a bomb is done
/// in about the time that handing it over takes.
const INFLATE_INLINE_BELOW_BYTES: usize = 8 * 1024;

/// Reads bodies.
#[derive(Debug, Clone)]
pub struct BodyReader {
    limits: BodyLimits,
    memory: BodyMemory,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            wire_max_bytes: BODY_MAX_BYTES,
            inflated_max_bytes: BODY_INFLATED_MAX_BYTES,
            inflated_max_ratio: 200,
            ratio_free_bytes: 1024 * 1024,
            total_time: Duration::from_secs(30),
            slow_start: Duration::from_secs(5),
            min_bytes_per_second: 1024,
            shared_max_bytes: 64 * 1024 * 1024,
        }
    }
}

impl BodyLimits {
    /// Returns how large a body of so many bytes on the wire may become.
    fn inflated_limit(&self, wire_bytes: usize) -> InflatedLimit {
        let by_ratio = wire_bytes.saturating_mul(self.inflated_max_ratio).max(self.ratio_free_bytes);
        if by_ratio < self.inflated_max_bytes {
            let Self { inflated_max_ratio: ratio, ratio_free_bytes: free_bytes, .. } = *self;
            return InflatedLimit { bytes: by_ratio, ratio: Some((ratio, free_bytes)) };
        }
        InflatedLimit { bytes: self.inflated_max_bytes, ratio: None }
    }
}

impl Default for BodyReader {
    fn default() -> Self {
        Self::new(BodyLimits::default())
    }
}

impl BodyReader {
    /// Makes a reader; its clones share the memory that bodies may hold.
    #[must_use]
    pub fn new(limits: BodyLimits) -> Self {
        let memory = BodyMemory::new(limits.shared_max_bytes);
        Self { limits, memory }
    }

    /// Reads the body of a request that an extractor is given, and takes its encoding off.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_request(&self, request: &Request, body: &mut RequestBody) -> Result<Bytes, Problem> {
        let body = body.take().map_err(Problem::internal)?;
        self.read(request.headers(), body).await
    }

    /// Reads a body and takes its encoding off.
    ///
    /// # Errors
    /// 413 `body_too_large` as soon as it is, on the wire or inflated; 408 when it comes too slowly; 415 for an
    /// encoding that is not supported; 400 when it breaks off or is not what its encoding says; 503 when all
    /// bodies together hold too much.
    pub async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        self.read_encoded(headers, body, Encoding::Identity).await
    }

    /// As [`Self::read`], of a body that is encoded as `unless_named` where the headers name no encoding.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_encoded(
        &self,
        headers: &HeaderMap,
        body: Body,
        unless_named: Encoding,
    ) -> Result<Bytes, Problem> {
        let encoding = Encoding::named(headers)?.unwrap_or(unless_named);
        let announced = announced_bytes(headers);
        if announced.is_some_and(|bytes| bytes > self.limits.wire_max_bytes as u64) {
            return Err(self.too_large());
        }
        let mut share = self.memory.share();
        let wire = self.collect(body, announced, &mut share).await?;
        if encoding == Encoding::Identity {
            return Ok(share.hold(wire));
        }
        self.inflate(encoding, wire, share).await
    }

    async fn collect(
        &self,
        body: Body,
        announced: Option<u64>,
        share: &mut Share,
    ) -> Result<Vec<u8>, Problem> {
        let mut chunks = pin!(body.into_bytes_stream());
        let mut wire: Vec<u8> = Vec::new();
        let started = Instant::now();
        loop {
            let deadline = started + self.time_for(wire.len());
            let Ok(next) = timeout_at(deadline, chunks.next()).await else { return Err(self.too_slow()) };
            let Some(chunk) = next else { return Ok(wire) };
            let chunk = chunk.map_err(|error| {
                Problem::bad_request("incomplete_body", "the body broke off").with_cause(error)
            })?;
            if chunk.len() > self.limits.wire_max_bytes - wire.len() {
                return Err(self.too_large());
            }
            self.make_room(&mut wire, chunk.len(), announced, share)?;
            wire.extend_from_slice(&chunk);
        }
    }

    /// Makes room for `more` bytes. What is taken from the shared memory is what is allocated: the first time what
    /// the first bytes need, then twice as much, and never more than what was announced or is allowed.
    fn make_room(
        &self,
        wire: &mut Vec<u8>,
        more: usize,
        announced: Option<u64>,
        share: &mut Share,
    ) -> Result<(), Problem> {
        let needed = wire.len() + more;
        if needed <= wire.capacity() {
            return Ok(());
        }
        let announced = announced.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX);
        let at_most = announced.min(self.limits.wire_max_bytes).min(self.memory.max_bytes()).max(needed);
        let room = needed.max(2 * wire.capacity()).min(at_most);
        share.grow_to(room)?;
        wire.reserve_exact(room - wire.len());
        Ok(())
    }

    /// Returns how long after the start the byte behind the first `received` has to be there.
    fn time_for(&self, received: usize) -> Duration {
        let micros = 1_000_000 * received as u64 / u64::from(self.limits.min_bytes_per_second.max(1));
        Duration::from_micros(micros).max(self.limits.slow_start).min(self.limits.total_time)
    }

    async fn inflate(&self, encoding: Encoding, wire: Vec<u8>, mut share: Share) -> Result<Bytes, Problem> {
        let limit = self.limits.inflated_limit(wire.len());
        let is_small = wire.len() < INFLATE_INLINE_BELOW_BYTES;
        let inflate = move || -> Result<Bytes, Problem> {
            let reserve = |inflated_bytes| share.grow_to(wire.len() + inflated_bytes);
            let inflated = encoding.inflate(&wire, limit, reserve)?;
            Ok(share.hold(inflated))
        };
        if is_small {
            return inflate();
        }
        spawn_blocking(inflate).await.map_err(Problem::internal)?
    }

    fn too_large(&self) -> Problem {
        Problem::body_too_large("the body", self.limits.wire_max_bytes)
    }

    fn too_slow(&self) -> Problem {
        let BodyLimits { total_time, slow_start, min_bytes_per_second, .. } = &self.limits;
        let (total, start) = (total_time.as_secs(), slow_start.as_secs());
        let detail = format!(
            "the body came too slowly: at most {total} s in all, and at least {min_bytes_per_second} bytes per \
             second after {start} s"
        );
        Problem::request_timeout("body_too_slow", detail)
    }
}

/// Returns what `Content-Length` says, which is never trusted to be enough, only to be too much.
fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
