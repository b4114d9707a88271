//! The blocks of the file: their rows, and the parts that belong to them.
//!
//! * `row` a block's row, and what it alone says of a filter
//! * `walk` blocks in the order of time, or of ids
//! * `parts` heads, chunks and token filters, read when they are needed; `open` a block that is read chunk by chunk
//! * `write` putting a block in, taking one out, burying some of its records
//!
//! A block is never changed, but for its tombstones: whoever replaces or buries one checks in the same
//! transaction that it still is as it was when it was read.

mod open;
mod parts;
mod row;
mod walk;
mod write;

pub(crate) use open::{Chunk, OpenBlock, open_block};
pub(crate) use parts::{
    BlockParts, read_chunk, read_head, read_parts, read_payload, read_slices, read_token_filter,
};
pub(crate) use row::{BlockRow, corrupt};
pub(crate) use walk::{Walk, block_by_row_id, block_holding, blocks_by_id, blocks_by_id_descending};
pub(crate) use write::{NewBlock, bury, insert_block, remove_block};

/// A block with so many records is not merged any more.
pub(crate) const FULL_BLOCK_RECORDS: usize = 12_288;
