//! A block's row: what is known of its records without reading them.

use domain::{Severity, Timestamp};
use sqlx::sqlite::SqliteRow;
use store::StoreError;

use crate::block::{BlockSpan, Cell, Head, Malformed, Summary, TokenKind, Tombstones};
use crate::database::{column, time_column};

/// A block's row without its head.
#[derive(Debug)]
pub(crate) struct BlockRow {
    pub(crate) id: i64,
    /// Of all its records, also of deleted ones.
    pub(crate) span: BlockSpan,
    /// Of the records that are not deleted.
    pub(crate) summary: Summary,
    /// `None`: no record is deleted.
    pub(crate) tombstones: Option<Tombstones>,
    /// How many bytes its row and chunks take.
    pub(crate) stored_bytes: u64,
    /// Which tokens its filter holds; `None`: it has none.
    pub(crate) token_filter: Option<TokenKind>,
    /// Changes with every change of the row.
    pub(super) checksum: u32,
    /// Of each clause that was asked for, whether its token filter says that no record has what it takes.
    pub(crate) lacks: Vec<bool>,
}

/// The columns that [`BlockRow::from_row`] reads.
macro_rules! select_blocks {
    ($rest:literal) => {
        concat!(
            "SELECT id, first_id, last_id, record_count, min_timestamp, max_timestamp, min_received, max_received,
                    checksum, summary, tombstones, stored_bytes, has_token_filter
             FROM blocks ",
            $rest
        )
    };
}
pub(super) use select_blocks;

const TABLE: &str = "blocks";

impl BlockRow {
    pub(super) fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
        let id = column(row, TABLE, "id")?;
        let span = read_span(row)?;
        let summary: &[u8] = column(row, TABLE, "summary")?;
        let tombstones: Option<&[u8]> = column(row, TABLE, "tombstones")?;
        let checksum = checksum(&span, summary, tombstones);
        if checksum != column::<u32>(row, TABLE, "checksum")? {
            return Err(corrupt(id, "row", Malformed("its checksum is wrong")));
        }
        let records = usize::try_from(span.record_count).unwrap_or(0);
        let tombstones = tombstones.map(|bytes| Tombstones::decode(bytes, records)).transpose();
        Ok(Self {
            id,
            span,
            summary: Summary::decode(summary, span.timestamps.1).map_err(|e| corrupt(id, "summary", e))?,
            tombstones: tombstones.map_err(|e| corrupt(id, "tombstones", e))?,
            stored_bytes: column::<i64>(row, TABLE, "stored_bytes")?.cast_unsigned(),
            token_filter: read_token_filter_kind(column(row, TABLE, "has_token_filter")?)
                .map_err(|e| corrupt(id, "row", e))?,
            checksum,
            lacks: Vec::new(),
        })
    }

    /// Says whether the token filter says of this clause, by its place in the condition, that no record has what it
    /// takes.
    pub(crate) fn lacks(&self, clause: usize) -> bool {
        self.lacks.get(clause).copied().unwrap_or(false)
    }

    /// Says whether this row of the block is not deleted.
    pub(crate) fn is_live(&self, row: usize) -> bool {
        self.tombstones.as_ref().is_none_or(|tombstones| !tombstones.contains(row))
    }

    /// Returns the summary of some of the block's rows, with the same service codes.
    pub(crate) fn summary_of(&self, head: &Head, rows: impl Iterator<Item = usize>) -> Summary {
        let mut cells: Vec<Cell> = Vec::new();
        for row in rows {
            let key = (head.service_codes[row], head.severities[row]);
            let known = cells.iter().position(|cell| (cell.service_code, cell.severity) == key);
            let place = known.unwrap_or_else(|| {
                cells.push(empty_cell(key));
                cells.len() - 1
            });
            cells[place].count += 1;
            cells[place].last_timestamp = cells[place].last_timestamp.max(head.timestamps[row]);
        }
        Summary { services: self.summary.services.clone(), cells }
    }
}

/// Returns the number by which a kind of token filter is stored.
pub(super) fn stored_token_filter(filter: Option<TokenKind>) -> i64 {
    match filter {
        None => 0,
        Some(TokenKind::MessagesAndAttributes) => 1,
        Some(TokenKind::All) => 2,
    }
}

fn read_token_filter_kind(number: i64) -> Result<Option<TokenKind>, Malformed> {
    match number {
        0 => Ok(None),
        1 => Ok(Some(TokenKind::MessagesAndAttributes)),
        2 => Ok(Some(TokenKind::All)),
        _ => Err(Malformed("its token filter is of a kind that is not known here")),
    }
}

fn empty_cell((service_code, severity): (u32, Severity)) -> Cell {
    Cell { service_code, severity, count: 0, last_timestamp: Timestamp::MIN }
}

fn read_span(row: &SqliteRow) -> Result<BlockSpan, StoreError> {
    Ok(BlockSpan {
        first_id: column(row, TABLE, "first_id")?,
        last_id: column(row, TABLE, "last_id")?,
        record_count: column(row, TABLE, "record_count")?,
        timestamps: (time_column(row, TABLE, "min_timestamp")?, time_column(row, TABLE, "max_timestamp")?),
        received: (time_column(row, TABLE, "min_received")?, time_column(row, TABLE, "max_received")?),
    })
}

/// Returns CRC-32 of what a row says: SQLite itself keeps no checksums.
pub(super) fn checksum(span: &BlockSpan, summary: &[u8], tombstones: Option<&[u8]>) -> u32 {
    let of_span = span.checksum(summary);
    match tombstones {
        None => of_span,
        Some(bytes) => {
            let mut hasher = crc32fast::Hasher::new_with_initial(of_span);
            hasher.update(bytes);
            hasher.finalize()
        }
    }
}

pub(crate) fn corrupt(block_id: i64, part: &str, malformed: Malformed) -> StoreError {
    let what = format!("block {block_id}, {part}");
    StoreError::Corrupt { what, source: Some(malformed.into()) }
}
