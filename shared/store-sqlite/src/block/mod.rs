//! Blocks: up to some thousand records of one tenant, column by column.
//!
//! A block is a row of `blocks`, and a row of `chunks` for each run of its records. The row holds three
//! kinds of knowledge, from cheap to dear:
//!
//! * plain columns: ids, count, and the span of both times: enough to skip most blocks
//! * `summary` (not compressed): which services, and per service × severity how many and until when:
//!   enough to skip by service and severity, and to count without reading further
//! * `head` (one zstd frame): ids, times, severities and services of every record: enough to decide which
//!   records are meant
//!
//! and the chunks hold the texts (one zstd frame each), read only for records that are returned.
//!
//! All numbers are unsigned LEB128 varints; a signed one is zigzag-coded first. zstd frames carry a checksum
//! of their content, and the row one of its columns and summary (CRC-32), so that a flipped bit is an error and
//! never another record.
//!
//! ```text
//! summary  = version=1, services, service*: (length, bytes), cells, cell*: (service, severity, count, max_timestamp - cell's)
//! head     = zstd( version=1, records, chunks, chunk*: records, runs, run*: (gap to the end of the last, length),
//!                  timestamp*: signed delta, received*: signed delta, severity*: byte, service*: code )
//! chunk    = zstd( version=1, column*5: message, attributes, trace_id, span_id, host )
//! column   = 0 when every text is empty, else 1, length*, bytes
//! ```
//! The first deltas count from the block's `min_timestamp` and `min_received`, the first run from `first_id`.

mod check;
mod chunk;
mod encode;
mod frame;
mod head;
mod span;
mod summary;
mod token_filter;
mod tombstones;
mod varint;

pub use check::check_block;
pub use chunk::{ChunkTexts, decode_chunk};
pub use encode::{EncodedBlock, encode_block};
pub use head::{Head, decode_head, locate};
pub use span::BlockSpan;
pub(crate) use summary::severity as severity_of_number;
pub use summary::{Cell, Summary};
pub use token_filter::{SLICES, TokenHash, check_slice, encode_token_filter, holds_all_tokens, may_hold};
pub use tombstones::Tombstones;
pub(crate) use varint::{Reader as VarintReader, put as put_varint};

/// Most records of a chunk: what has to be inflated to read one text.
pub const CHUNK_MAX_RECORDS: usize = 4096;

/// Most bytes of text of a chunk, unless its only record is larger.
pub const CHUNK_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Most chunks of a block: chunk ids are `block id * 64 + place`.
pub const BLOCK_MAX_CHUNKS: usize = 64;

/// A block that does not decode, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);
