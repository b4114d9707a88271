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
//! and the chunks hold the texts, read only for records that are searched or returned: the messages in one zstd
//! frame, all others in a second.
//!
//! All numbers are unsigned LEB128 varints; a signed one is zigzag-coded first. zstd frames carry a checksum
//! of their content, and the row one of its columns and summary (CRC-32), so that a flipped bit is an error and
//! never another record.
//!
//! A block is written in one of two forms. While somebody waits for the answer it is quick: texts as they are. A
//! block that stays is settled: texts are split into templates and what varies, numbers into columns of bytes.
//!
//! ```text
//! summary   = version=1, services, service*: (length, bytes), cells, cell*: (service, severity, count, max_timestamp - cell's)
//! head      = zstd( version, records, chunks, chunk*: records, runs, run*: (gap to the end of the last, length), columns )
//!   columns = timestamp*: signed delta, received*: signed delta, severity*: byte, service*: code       (version 1, quick)
//!           | unit, numbers: (timestamp - min_timestamp) / unit, unit, numbers: received likewise,
//!             numbers: severities, numbers: service codes                                            (version 2, settled)
//! chunk     = version=2, length of the next, zstd( texts: messages ), zstd( texts*4: attributes, trace_id, span_id, host )
//!           | zstd( version=1, texts*5: message, attributes, trace_id, span_id, host )          (written by version 1 only)
//! texts     = 0 when every text is empty
//!           | 1, length*, bytes
//!           | 2, columns, kind*, templates, template*: (pieces, piece*: (length of the fixed text before it, column),
//!             length of the fixed text after it), fixed texts, numbers: each text's template or 0, pieces of each
//!             column, texts: those without a template
//! kind      = digits: 0, 0 | hex: 1 (lower case) or 2, digits | uuid: 3 or 4, 0 | texts: 5, 0
//! pieces    = digits: (0: no leading zeros | 1, width | 2, numbers: widths), numbers
//!           | hex and uuid: 0, planes | 1, entries, planes, numbers: places among them
//!           | texts
//! numbers   = 0, constant | 1, smallest, width, planes of what each is more | 2, first, width, planes of signed deltas
//!           | 3, entries, entry*, width, planes of places among them
//! planes    = plane*width: all entries' first bytes, all second bytes, and so on; of numbers the lowest comes first
//! plane     = 0, bytes | base, bytes of as many digits to this base as fit into one, the first is the lowest
//! ```
//! The first deltas count from the block's `min_timestamp` and `min_received`, the first run from `first_id`.
//!
//! A column of pieces is shared by all templates in which the same stands before the piece: the fixed text, or in JSON
//! the key. It holds the pieces template by template, each's in the order of texts, so that one text is read without
//! the others. A plane of a kilobyte or more has zstd blocks of its own, so that random bytes are stored, and skewed
//! ones packed by their own table.

mod check;
mod chunk;
mod encode;
mod frame;
mod head;
mod numbers;
mod planes;
mod span;
mod summary;
mod texts;
mod token_filter;
mod tombstones;
mod varint;

pub use check::check_block;
pub use chunk::{Rest, decode_messages, decode_rest, inflated_bytes};
pub use encode::{EncodedBlock, Form, encode_block};
pub use head::{Head, decode_head, locate};
pub use span::BlockSpan;
pub(crate) use summary::severity as severity_of_number;
pub use summary::{Cell, Summary};
pub use texts::Texts;
pub use token_filter::{
    SLICES, TokenHash, TokenKind, check_slice, encode_token_filter, holds_all_tokens, may_hold,
};
pub use tombstones::Tombstones;
pub(crate) use varint::{Reader as VarintReader, put as put_varint};

/// Most records of a chunk: what has to be inflated to read one text.
pub const CHUNK_MAX_RECORDS: usize = 4096;

/// The same of a settled block, whose chunks are smaller and hold dictionaries.
pub const SETTLED_CHUNK_MAX_RECORDS: usize = 16_384;

/// Most bytes of text of a chunk, unless its only record is larger.
pub const CHUNK_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Most chunks of a block: chunk ids are `block id * 64 + place`.
pub const BLOCK_MAX_CHUNKS: usize = 64;

/// A block that does not decode, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);
