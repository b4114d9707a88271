//! `Content-Encoding`: which one a body has, and taking it off.
//!
//! Inflating stops one byte past the limit, so that a bomb costs no more than the largest body that is
//! accepted. Several gzip members or zstd frames in one body are one body, under the one limit.
//!
//! Snappy is two formats under one name: the framed one, which begins with its stream identifier, and the block, which
//! begins with the length that it decompresses to and is what Prometheus's and Loki's clients send. That length is only
//! a claim: it is held against the limit before anything is allocated for it.

use std::io::{self, Read};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use poem::http::HeaderMap;
use poem::http::header::CONTENT_ENCODING;
use snap::raw;
use snap::read::FrameDecoder;

use crate::Problem;

/// What a client may send, as `Accept-Encoding` lists it.
pub const SUPPORTED: &str = "gzip, zstd, deflate, snappy, identity";

/// Largest window of zstd, as a power of 2: 8 MiB, what RFC 9659 allows over HTTP. A frame that asks for more
/// would make us allocate it.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How every framed snappy stream begins (framing format, section 4.1). No block begins so: it would copy from before its
/// own start.
const SNAPPY_STREAM_IDENTIFIER: &[u8] = b"\xff\x06\x00\x00sNaPpY";

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
    /// snappy, framed or a block.
    Snappy,
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
    /// All encodings.
    pub const ALL: [Self; 5] = [Self::Identity, Self::Gzip, Self::Zstd, Self::Deflate, Self::Snappy];

    /// Returns the encoding that a request's headers name, `None` if they name none.
    ///
    /// # Errors
    /// 415 for one that is not supported, and for several: an encoding inside another serves only bombs.
    pub fn named(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let (mut encodings, mut is_identity) = (Vec::new(), false);
        for value in headers.get_all(CONTENT_ENCODING) {
            let names = value.to_str().map_err(|_| unsupported("the Content-Encoding is not text"))?;
            for name in names.split(',').map(|name| name.trim().to_ascii_lowercase()) {
                match name.as_str() {
                    "" => {}
                    "identity" => is_identity = true,
                    "gzip" | "x-gzip" => encodings.push(Self::Gzip),
                    "zstd" => encodings.push(Self::Zstd),
                    "deflate" => encodings.push(Self::Deflate),
                    "snappy" | "x-snappy" => encodings.push(Self::Snappy),
                    _ => return Err(unsupported("the Content-Encoding is unknown")),
                }
            }
        }
        match encodings[..] {
            [] => Ok(is_identity.then_some(Self::Identity)),
            [encoding] => Ok(Some(encoding)),
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
            Self::Snappy if body.starts_with(SNAPPY_STREAM_IDENTIFIER) => {
                read_within(FrameDecoder::new(body), limit, reserve)
            }
            Self::Snappy => snappy_block(body, limit, reserve),
        }
    }
}

fn snappy_block(
    block: &[u8],
    limit: InflatedLimit,
    mut reserve: impl FnMut(usize) -> Result<(), Problem>,
) -> Result<Vec<u8>, Problem> {
    let announced = raw::decompress_len(block).map_err(|error| broken(error.into()))?;
    if announced > limit.bytes {
        return Err(limit.exceeded());
    }
    reserve(announced)?;
    let mut inflated = vec![0; announced];
    let length =
        raw::Decoder::new().decompress(block, &mut inflated).map_err(|error| broken(error.into()))?;
    inflated.truncate(length);
    Ok(inflated)
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
