//! A block's row, and what it alone says of a filter.

use domain::{Filter, Severity, Timestamp};
use sqlx::sqlite::SqliteRow;
use store::StoreError;

use crate::block::{BlockSpan, Cell, Head, Malformed, Summary, Tombstones};
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
    pub(crate) has_token_filter: bool,
    /// Changes with every change of the row.
    pub(super) checksum: u32,
    /// Set when its token filter says that no record is selected.
    pub(super) is_ruled_out: bool,
}

/// What a block's row says of the records that a filter selects in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// There are none.
    None,
    /// They are exactly the records of the summary's selected cells.
    ByCells,
    /// There may be some: the head has to tell, and the messages where the filter asks for texts.
    Some,
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
            has_token_filter: column(row, TABLE, "has_token_filter")?,
            checksum,
            is_ruled_out: false,
        })
    }

    /// Compares the row with a filter.
    pub(crate) fn coverage(&self, filter: &Filter) -> Coverage {
        let BlockSpan { timestamps, received, .. } = self.span;
        let overlaps = filter.timestamp.overlaps(timestamps.0, timestamps.1)
            && filter.received_at.overlaps(received.0, received.1);
        if !overlaps || self.is_ruled_out || self.summary.selected(filter).next().is_none() {
            return Coverage::None;
        }
        let times_are_inside = filter.timestamp.covers(timestamps.0, timestamps.1)
            && filter.received_at.covers(received.0, received.1);
        if times_are_inside && filter.texts.is_empty() { Coverage::ByCells } else { Coverage::Some }
    }

    /// Says whether this row of the block is not deleted.
    pub(crate) fn is_live(&self, row: usize) -> bool {
        self.tombstones.as_ref().is_none_or(|tombstones| !tombstones.contains(row))
    }

    /// Returns the rows that are not deleted and that the filter selects, in order, as far as the head tells: texts
    /// are not looked at.
    pub(crate) fn rows_by_head<'a>(
        &'a self,
        head: &'a Head,
        filter: &'a Filter,
    ) -> impl Iterator<Item = usize> + 'a {
        let names = self.summary.services.iter();
        let is_meant: Vec<bool> = names.map(|name| filter.selects_service(name)).collect();
        (0..head.ids.len()).filter(move |row| {
            is_meant[head.service_codes[*row] as usize]
                && filter.severities.contains(head.severities[*row])
                && filter.timestamp.contains(head.timestamps[*row])
                && filter.received_at.contains(head.received[*row])
                && self.is_live(*row)
        })
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

pub(super) fn corrupt(block_id: i64, part: &str, malformed: Malformed) -> StoreError {
    let what = format!("block {block_id}, {part}");
    StoreError::Corrupt { what, source: Some(malformed.into()) }
}
