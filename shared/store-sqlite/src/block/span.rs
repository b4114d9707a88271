//! What a block's row says of it in plain columns.

use domain::Timestamp;

/// The ids and times that a block spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSpan {
    /// The first record's id.
    pub first_id: i64,
    /// The last record's id.
    pub last_id: i64,
    /// How many records.
    pub record_count: i64,
    /// The earliest and the latest time of happening.
    pub timestamps: (Timestamp, Timestamp),
    /// The earliest and the latest time of arrival.
    pub received: (Timestamp, Timestamp),
}

impl BlockSpan {
    /// Returns the span of the same block with `first_id` as its first id.
    #[must_use]
    pub fn starting_at(self, first_id: i64) -> Self {
        Self { first_id, last_id: self.last_id - self.first_id + first_id, ..self }
    }

    /// Returns CRC-32 of the columns and the summary: SQLite itself keeps no checksums.
    #[must_use]
    pub fn checksum(&self, summary: &[u8]) -> u32 {
        let times = [self.timestamps.0, self.timestamps.1, self.received.0, self.received.1];
        let mut hasher = crc32fast::Hasher::new();
        for number in [self.first_id, self.last_id, self.record_count] {
            hasher.update(&number.to_le_bytes());
        }
        for time in times {
            hasher.update(&time.as_micros().to_le_bytes());
        }
        hasher.update(summary);
        hasher.finalize()
    }
}
