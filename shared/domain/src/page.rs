//! Which slice of the selected records is meant, in which order, and the opaque cursor to the next one.
//!
//! Rows are ordered by timestamp, then id. A cursor is the position of the last row that was returned:
//! logs that arrive or are deleted meanwhile move nothing, so a walk sees every other record exactly once.
//!
//! A cursor as text is the base64 of 33 bytes: `d` or `a` for the order, then, as eight bytes each with the highest first,
//! the timestamp and the id of the position, the time of the first page, and the digest of the question.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

use crate::Timestamp;
use crate::limits::PAGE_DEFAULT_ROWS;

/// How long a cursor is before it becomes text.
const CURSOR_BYTES: usize = 33;

/// The order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Order {
    /// Newest timestamp first, then largest id first.
    #[default]
    Descending,
    /// Oldest timestamp first, then smallest id first.
    Ascending,
}

/// The position of a row: its timestamp and id. Positions compare as ascending order does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// When the record happened.
    pub timestamp: Timestamp,
    /// The record's id.
    pub id: i64,
}

/// Where the next page starts: behind `position`, in `order`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The order of the walk that the cursor belongs to.
    pub order: Order,
    /// The last row that was returned.
    pub position: Position,
    /// What relative times of the question count from: when its first page was asked for.
    pub now: Timestamp,
    /// A digest of the question. A cursor of another one leads nowhere.
    pub question: u64,
}

/// A text that is no cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a cursor: expected the value of X-Next-Cursor or next_cursor, unchanged")]
pub struct InvalidCursor;

/// Where a page starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PageStart {
    /// At the first row.
    #[default]
    First,
    /// Behind so many rows.
    Offset(u64),
    /// Behind this row.
    After(Position),
}

/// A slice of the selected records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Most rows to return.
    pub limit: u32,
    /// The order of rows.
    pub order: Order,
    /// Where to start.
    pub start: PageStart,
}

// === impl Order ===

impl Order {
    /// Compares two positions: `Less` comes first.
    #[must_use]
    pub fn compare(self, left: Position, right: Position) -> Ordering {
        match self {
            Self::Ascending => left.cmp(&right),
            Self::Descending => right.cmp(&left),
        }
    }
}

// === impl Cursor ===

impl Cursor {
    /// Writes the cursor as text for a URL.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = [0; CURSOR_BYTES];
        bytes[0] = match self.order {
            Order::Descending => b'd',
            Order::Ascending => b'a',
        };
        bytes[1..9].copy_from_slice(&self.position.timestamp.as_micros().to_be_bytes());
        bytes[9..17].copy_from_slice(&self.position.id.to_be_bytes());
        bytes[17..25].copy_from_slice(&self.now.as_micros().to_be_bytes());
        bytes[25..33].copy_from_slice(&self.question.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`InvalidCursor`] for every other text.
    pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let bytes: [u8; CURSOR_BYTES] = bytes.try_into().map_err(|_| InvalidCursor)?;
        let order = match bytes[0] {
            b'd' => Order::Descending,
            b'a' => Order::Ascending,
            _ => return Err(InvalidCursor),
        };
        let number = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| bytes[at + i]));
        let time = |at| Timestamp::from_micros(number(at).cast_signed()).map_err(|_| InvalidCursor);
        let position = Position { timestamp: time(1)?, id: number(9).cast_signed() };
        Ok(Self { order, position, now: time(17)?, question: number(25) })
    }
}

// === impl Page ===

impl Default for Page {
    fn default() -> Self {
        Self { limit: PAGE_DEFAULT_ROWS, order: Order::default(), start: PageStart::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(micros: i64, id: i64) -> Position {
        Position { timestamp: Timestamp::saturating_from_micros(micros), id }
    }

    #[test]
    fn a_cursor_survives_its_text_form() {
        for order in [Order::Ascending, Order::Descending] {
            for question in [0, 0x8123_4567_89ab_cdef] {
                let position = position(1_743_508_800_123_456, 9_007_199_254_740_991);
                let cursor = Cursor { order, position, now: Timestamp::MAX, question };
                assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
            }
        }
    }

    #[test]
    fn other_texts_are_no_cursors() {
        let position = position(5, 7);
        let cursor =
            Cursor { order: Order::Ascending, position, now: position.timestamp, question: 9 }.encode();
        let old = &cursor[..23];
        for text in
            ["", "x", "' OR 1=1", &cursor[1..], &format!("{cursor}AA"), &cursor.replacen('Y', "Z", 1), old]
        {
            assert_eq!(Cursor::decode(text), Err(InvalidCursor), "{text}");
        }
    }

    #[test]
    fn newest_first_breaks_ties_by_the_larger_id() {
        let mut rows = [position(1, 9), position(2, 3), position(2, 4)];
        rows.sort_by(|a, b| Order::Descending.compare(*a, *b));
        assert_eq!(rows, [position(2, 4), position(2, 3), position(1, 9)]);
        rows.sort_by(|a, b| Order::Ascending.compare(*a, *b));
        assert_eq!(rows, [position(1, 9), position(2, 3), position(2, 4)]);
    }
}
