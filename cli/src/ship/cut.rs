//! Where a batch ends, and what its body is: the same for files and for stdin.

use serde::{Deserialize, Serialize};

use super::envelope::{Envelopes, Origin};
use super::parts::whole_blocks;
use super::records::{Ending, Reading, take, without_end};

/// Most bytes that are read, and sent, at a time.
pub(crate) const WINDOW_BYTES: usize = 1024 * 1024;

/// A piece of a line that is longer than what is read at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Piece {
    /// More of the line follows.
    Inner,
    /// It ends with the line.
    Last,
}

/// Returns how many of the bytes are a batch of at most so many records, and whether they are a piece of a line; `None`: they
/// wait for more. `parts`: how many parts of the line at their beginning were sent before. `is_full`: there may be more bytes,
/// but so many are not looked at.
pub(crate) fn cut(
    bytes: &[u8],
    parts: u32,
    is_full: bool,
    reading: Reading,
    most: usize,
    ending: Ending,
) -> Option<(usize, Option<Piece>)> {
    if parts == 0 {
        let ending = if is_full { ending.min(Ending::Records) } else { ending };
        let mut end = take(bytes, reading, most, ending).end;
        if end == 0 && is_full {
            end = take(bytes, reading, most, Ending::Records).end;
        }
        if end > 0 {
            return Some((end, None));
        }
    } else if let Some(end) = memchr::memchr(b'\n', bytes) {
        return Some((end + 1, Some(Piece::Last)));
    } else if ending == Ending::All && !is_full {
        return Some((bytes.len(), Some(Piece::Last)));
    }
    is_full.then(|| (whole_blocks(bytes), Some(Piece::Inner)))
}

/// Makes the lines of a request of bytes that were cut.
pub(crate) fn envelopes(
    bytes: &[u8],
    parts: u32,
    reading: Reading,
    piece: Option<Piece>,
    origin: &Origin,
) -> Envelopes {
    let mut envelopes = Envelopes::default();
    match piece {
        Some(Piece::Inner) => envelopes.add_piece(bytes, origin, parts),
        Some(Piece::Last) => envelopes.add_piece(without_end(bytes), origin, parts),
        None => {
            for record in &take(bytes, reading, usize::MAX, Ending::All).records {
                envelopes.add(record, origin);
            }
        }
    }
    envelopes
}
