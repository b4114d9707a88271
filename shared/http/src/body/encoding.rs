//! `Content-Encoding`: which one a body has, and taking it off.
//!
//! Inflating stops one byte past the limit, so that a bomb costs no more than the largest body that is
//! accepted. Several gzip members or zstd frames in one body are one body, under the one limit.

use std::io::{self, Read};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use poem::http::HeaderMap;
use poem::http::header::CONTENT_ENCODING;

use crate::Problem;

/// What a client may send, as `Accept-Encoding` lists it.
pub const SUPPORTED: &str = "gzip, zstd, deflate, identity";

/// Largest window of zstd, as a power of 2: 8 MiB, what RFC 9659 allows over HTTP. A frame that asks for more
/// would make us allocate it.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip, RFC 1952.
    Gzip,
    /// zstd, RFC 8878.
    Zstd,
    /// zlib, RFC 1950, which HTTP calls deflate.
    Deflate,
}

/// How large a decompressed body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InflatedLimit {
    /// Most bytes.
    pub bytes: usize,
    /// If the limit follows from the size on the wire: the ratio, and the bytes up to which it does not count.
    pub ratio: Option<(usize, usize)>,
}

impl InflatedLimit {
    fn exceeded(self) -> Problem {
        let Some((ratio, free_bytes)) = self.ratio else {
            return Problem::body_too_large("the decompressed body", self.bytes);
        };
        let what = format!(
            "the decompressed body, which beyond {free_bytes} bytes may be {ratio} times as large as the compressed one,"
        );
        Problem::body_too_large(&what, self.bytes)
    }
}

/// Least and most bytes that are inflated at a time, between two looks at what there is room for.
const STEP_BYTES: std::ops::RangeInclusive<usize> = 4 * 1024..=1024 * 1024;

/// Free bytes behind what is read, with which `Vec` is content to see the end of a reader.
const PROBE_BYTES: usize = 32;

impl Encoding {
    /// Returns the encoding of a body with these headers.
    ///
    /// # Errors
    /// 415 for one that is not supported, and for several: an encoding inside another serves only bombs.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut encodings = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            let names = value.to_str().map_err(|_| unsupported("the Content-Encoding is not text"))?;
            for name in names.split(',').map(|name| name.trim().to_ascii_lowercase()) {
                match name.as_str() {
                    "" | "identity" => {}
                    "gzip" | "x-gzip" => encodings.push(Self::Gzip),
                    "zstd" => encodings.push(Self::Zstd),
                    "deflate" => encodings.push(Self::Deflate),
                    _ => return Err(unsupported("the Content-Encoding is unknown")),
                }
            }
        }
        match encodings[..] {
            [] => Ok(Self::Identity),
            [encoding] => Ok(encoding),
            _ => Err(unsupported("the body has several encodings")),
        }
    }

    /// Takes the encoding off `body`, which may become as long as `limit` says. An empty body is empty in every
    /// encoding. `reserve` is told, before it is so, how many bytes there will be, and may refuse.
    ///
    /// # Errors
    /// 413 past the limit, 400 when it is not what its encoding says or ends too early, and what `reserve` says.
    pub fn inflate(
        self,
        body: &[u8],
        limit: InflatedLimit,
        reserve: impl FnMut(usize) -> Result<(), Problem>,
    ) -> Result<Vec<u8>, Problem> {
        if body.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::Identity => read_within(body, limit, reserve),
            Self::Gzip => read_within(MultiGzDecoder::new(body), limit, reserve),
            Self::Zstd => read_within(zstd_decoder(body).map_err(broken)?, limit, reserve),
            Self::Deflate => {
                let mut decoder = ZlibDecoder::new(body);
                let inflated = read_within(&mut decoder, limit, reserve)?;
                let is_whole = decoder.into_inner().is_empty();
                if is_whole { Ok(inflated) } else { Err(broken(io::ErrorKind::InvalidData.into())) }
            }
        }
    }
}

fn zstd_decoder(body: &[u8]) -> io::Result<impl Read> {
    let mut decoder = zstd::Decoder::with_buffer(body)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

fn read_within(
    mut reader: impl Read,
    limit: InflatedLimit,
    mut reserve: impl FnMut(usize) -> Result<(), Problem>,
) -> Result<Vec<u8>, Problem> {
    let mut inflated = Vec::new();
    loop {
        let one_past_limit = limit.bytes - inflated.len() + 1;
        let step = inflated.len().clamp(*STEP_BYTES.start(), *STEP_BYTES.end()).min(one_past_limit);
        make_room(&mut inflated, step, limit, &mut reserve)?;
        let read = reader.by_ref().take(step as u64).read_to_end(&mut inflated).map_err(broken)?;
        if inflated.len() > limit.bytes {
            return Err(limit.exceeded());
        }
        if read < step {
            return Ok(inflated);
        }
    }
}

/// Makes room for `step` bytes and, so that `read_to_end` need not look for the end in a larger place, a few more.
/// What is reserved is what is allocated.
fn make_room(
    inflated: &mut Vec<u8>,
    step: usize,
    limit: InflatedLimit,
    reserve: &mut impl FnMut(usize) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let needed = inflated.len() + step + PROBE_BYTES;
    if needed > inflated.capacity() {
        let at_most = (limit.bytes + 1 + PROBE_BYTES).max(needed);
        let room = needed.max(2 * inflated.capacity()).min(at_most);
        reserve(room)?;
        inflated.reserve_exact(room - inflated.len());
    }
    Ok(())
}

fn broken(cause: io::Error) -> Problem {
    Problem::bad_request("malformed_encoding", "the compressed body is broken or incomplete")
        .with_cause(cause)
}

fn unsupported(detail: &str) -> Problem {
    Problem::unsupported_encoding(detail, SUPPORTED)
}
