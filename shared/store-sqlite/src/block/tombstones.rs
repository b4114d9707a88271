//! Which of a block's records are deleted.
//!
//! ```text
//! tombstones = version=1, runs, run*: (gap to the end of the last, length)
//! ```

use super::Malformed;
use super::varint::{self, Reader};

const VERSION: u8 = 1;

/// The rows of a block that are deleted: one flag a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tombstones {
    is_dead: Vec<bool>,
}

impl Tombstones {
    /// Marks the rows whose flag is set; one flag a record of the block.
    #[must_use]
    pub fn new(is_dead: Vec<bool>) -> Self {
        Self { is_dead }
    }

    /// Says whether this row is deleted.
    #[must_use]
    pub fn contains(&self, row: usize) -> bool {
        self.is_dead.get(row).copied().unwrap_or(false)
    }

    /// Returns how many rows are deleted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.is_dead.iter().filter(|dead| **dead).count()
    }

    /// Writes them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let runs: Vec<&[bool]> = self.is_dead.chunk_by(|a, b| a == b).collect();
        let mut out = vec![VERSION];
        varint::put_usize(&mut out, runs.iter().filter(|run| run[0]).count());
        let mut gap = 0;
        for run in runs {
            if run[0] {
                varint::put_usize(&mut out, gap);
                varint::put_usize(&mut out, run.len());
                gap = 0;
            } else {
                gap = run.len();
            }
        }
        out
    }

    /// Reads the tombstones of a block of so many records.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(bytes: &[u8], records: usize) -> Result<Self, Malformed> {
        const TOO_MANY: Malformed = Malformed("there are more tombstones than records");
        let mut reader = Reader::new(bytes);
        reader.version(VERSION)?;
        let mut is_dead = vec![false; records];
        let mut end = 0_usize;
        for _ in 0..reader.count()? {
            let start = end.checked_add(reader.usize()?).ok_or(TOO_MANY)?;
            end = start.checked_add(reader.usize()?).ok_or(TOO_MANY)?;
            is_dead.get_mut(start..end).ok_or(TOO_MANY)?.fill(true);
        }
        Ok(Self { is_dead })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_buried_stays_buried(is_dead in prop::collection::vec(any::<bool>(), 1..80)) {
            let tombstones = Tombstones::new(is_dead.clone());
            let read = Tombstones::decode(&tombstones.encode(), is_dead.len()).unwrap();
            prop_assert_eq!(&read, &tombstones);
            prop_assert_eq!(read.count(), is_dead.iter().filter(|dead| **dead).count());
            prop_assert!(is_dead.iter().enumerate().all(|(row, dead)| read.contains(row) == *dead));
        }

        #[test]
        fn other_bytes_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Tombstones::decode(&bytes, 30);
        }
    }

    #[test]
    fn more_tombstones_than_records_are_malformed() {
        assert!(Tombstones::decode(&Tombstones::new(vec![true; 9]).encode(), 8).is_err());
    }
}
