//! Lines to batches, each with a key that is the same when the same file is imported again.

use std::fmt::Write as _;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sha2::{Digest, Sha256};

/// Most bytes of a batch; a single log may have more.
const BATCH_MAX_BYTES: usize = 1024 * 1024;

/// Logs that are sent together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    /// Its logs, a line each.
    pub(super) ndjson: Vec<u8>,
    /// The place of the first one in the file, from 0.
    pub(super) first: u64,
    /// How many.
    pub(super) records: u64,
}

/// Puts lines together.
#[derive(Debug)]
pub(super) struct Batches {
    most: u64,
    under_way: Batch,
}

/// What all keys of an import derive from.
#[derive(Debug, Clone)]
pub(super) struct Origin(Vec<u8>);

impl Origin {
    /// A file, by its path and its place on the disk.
    pub(super) fn of_file(path: &Path, metadata: &Metadata) -> Self {
        let mut origin = path.as_os_str().as_encoded_bytes().to_vec();
        origin.extend(metadata.dev().to_le_bytes());
        origin.extend(metadata.ino().to_le_bytes());
        Self(origin)
    }

    /// Something that cannot be read again, by 128 random bits.
    pub(super) fn unique(random: u128) -> Self {
        Self(random.to_le_bytes().to_vec())
    }
}

impl Batch {
    fn empty(first: u64) -> Self {
        Self { ndjson: Vec::new(), first, records: 0 }
    }

    /// Returns the `Idempotency-Key`: of the file, the batch's place in it, and what it holds.
    pub(super) fn key(&self, origin: &Origin) -> String {
        let mut digest = Sha256::new();
        for part in [&origin.0[..], &self.first.to_le_bytes(), &self.ndjson] {
            // With its length, so that its end is not taken for the next one's beginning.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let mut key = "import-".to_owned();
        for byte in digest.finalize() {
            let _ = write!(key, "{byte:02x}");
        }
        key
    }

    /// Returns both halves of a batch; `None`: it has one log.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let half = self.records / 2;
        if half == 0 {
            return None;
        }
        let ends = memchr::memchr_iter(b'\n', &self.ndjson).map(|end| end + 1);
        let middle = ends.take(usize::try_from(half).unwrap_or(usize::MAX)).last()?;
        let (one, other) = self.ndjson.split_at(middle);
        Some([
            Self { ndjson: one.to_vec(), first: self.first, records: half },
            Self { ndjson: other.to_vec(), first: self.first + half, records: self.records - half },
        ])
    }
}

impl Batches {
    /// Begins, with batches of at most so many logs.
    pub(super) fn new(most: u64) -> Self {
        Self { most, under_way: Batch::empty(0) }
    }

    /// Adds a line; returns a batch that is full without it.
    pub(super) fn add(&mut self, line: &[u8]) -> Option<Batch> {
        let is_full = self.under_way.records >= self.most
            || self.under_way.ndjson.len() + line.len() >= BATCH_MAX_BYTES;
        let full = if is_full { self.rest() } else { None };
        self.under_way.ndjson.extend_from_slice(line);
        self.under_way.ndjson.push(b'\n');
        self.under_way.records += 1;
        full
    }

    /// Returns what is left.
    pub(super) fn rest(&mut self) -> Option<Batch> {
        let next = Batch::empty(self.under_way.first + self.under_way.records);
        let rest = std::mem::replace(&mut self.under_way, next);
        (rest.records > 0).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(lines: &[&str], most: u64) -> Vec<Batch> {
        let mut batches = Batches::new(most);
        let mut all: Vec<Batch> = lines.iter().filter_map(|line| batches.add(line.as_bytes())).collect();
        all.extend(batches.rest());
        all
    }

    #[test]
    fn batches_have_all_lines_in_order_and_are_bounded() {
        let long = "x".repeat(BATCH_MAX_BYTES / 2);
        let all = batches(&["a", "b", "c", &long, &long, &long], 2);
        let shape: Vec<_> = all.iter().map(|batch| (batch.first, batch.records)).collect();
        assert_eq!(shape, [(0, 2), (2, 2), (4, 1), (5, 1)]);
        let [one, other] = all[1].halves().unwrap();
        assert_eq!((&one.ndjson[..], other.first, other.records), (&b"c\n"[..], 3, 1));
        assert_eq!(one.halves(), None);
    }

    #[test]
    fn a_key_is_the_same_for_the_same_place_of_the_same_file_alone() {
        let (file, other) = (Origin::unique(1), Origin::unique(2));
        let all = batches(&["a", "a", "b"], 1);
        let keys: Vec<String> = all.iter().map(|batch| batch.key(&file)).collect();
        assert_eq!(batches(&["a", "a", "b"], 1)[2].key(&file), keys[2]);
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && all[0].key(&other) != keys[0]);
    }
}
