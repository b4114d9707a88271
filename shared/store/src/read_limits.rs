//! How much memory an engine may take to read what it has stored.

use domain::limits::{COUNTS_MAX, PAGE_MAX_BYTES};

use crate::AppendLimits;

/// What bounds the reads of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Most reads of records at a time; further ones wait. Default: 8.
    pub readers: u32,
    /// Most bytes of messages and attributes on a page, unless its only record is larger. Default: 16 MiB.
    pub page_max_bytes: usize,
    /// Most bytes of decoded texts that a read keeps for the rows to come, beside those that it is at. Default: 32 MiB.
    pub decoded_max_bytes: usize,
    /// Most counts that a question is answered from. Default: 250,000.
    pub counts_max: usize,
}

/// What bounds an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreLimits {
    /// Its appends.
    pub append: AppendLimits,
    /// Its reads.
    pub read: ReadLimits,
}

/// Most reads of records at a time: one more than a tenant can have, with questions, exports, and live tails.
const READERS_MAX: u32 = 8;

/// Most bytes of decoded texts that a read keeps (32 MiB): 8 parts of blocks, of 4 MiB each.
const DECODED_MAX_BYTES: usize = 32 * 1024 * 1024;

/// What a read takes beside what it keeps (12 MiB): a part of a block of 4 MiB as it is stored, inflated, and decoded.
const DECODING_BYTES: usize = 12 * 1024 * 1024;

/// The least that a read is given (16 MiB): it keeps one decoded part of a block.
const READER_MIN_BYTES: usize = 16 * 1024 * 1024;

/// Least bytes of a page (256 KiB).
const PAGE_MIN_BYTES: usize = 256 * 1024;

/// What a count takes (160 B): its service's name, its place, and its part of the answer.
const COUNT_BYTES: usize = 160;

/// Fewest counts that a question is answered from: a day of minutes of a service.
const COUNTS_MIN: usize = 1440;

/// How many times its texts a page takes: its records, and what is written of them.
const TAKEN_PER_PAGE: usize = 2;

/// How many pages are made at a time when there is little memory.
const PAGES_AT_ONCE: usize = 2;

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            readers: READERS_MAX,
            page_max_bytes: PAGE_MAX_BYTES,
            decoded_max_bytes: DECODED_MAX_BYTES,
            counts_max: COUNTS_MAX,
        }
    }
}

impl ReadLimits {
    /// Returns limits with which all reads together take about `read_bytes` of memory, and two pages with all that is
    /// made of them `page_bytes`. `None`: as much as they like.
    #[must_use]
    pub fn within(read_bytes: Option<usize>, page_bytes: Option<usize>) -> Self {
        let mut limits = Self::default();
        if let Some(bytes) = read_bytes {
            let readers = u32::try_from(bytes / READER_MIN_BYTES).unwrap_or(READERS_MAX);
            limits.readers = readers.clamp(1, READERS_MAX);
            let each = bytes / limits.readers as usize;
            limits.decoded_max_bytes = each.saturating_sub(DECODING_BYTES).min(DECODED_MAX_BYTES);
        }
        if let Some(bytes) = page_bytes {
            let page = bytes / (TAKEN_PER_PAGE * PAGES_AT_ONCE);
            limits.page_max_bytes = page.clamp(PAGE_MIN_BYTES, PAGE_MAX_BYTES);
            limits.counts_max = (page / COUNT_BYTES).clamp(COUNTS_MIN, COUNTS_MAX);
        }
        limits
    }

    /// Returns how much memory a question takes at most, for a page or for counts, and for the answer made of them, in bytes.
    #[must_use]
    pub fn question_bytes(&self) -> usize {
        TAKEN_PER_PAGE * self.page_max_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn without_bounds_of_memory_the_limits_are_the_usual_ones() {
        assert_eq!(ReadLimits::within(None, None), ReadLimits::default());
        assert_eq!(ReadLimits::within(Some(usize::MAX), Some(usize::MAX)), ReadLimits::default());
    }

    #[test]
    fn reads_and_pages_fit_into_what_they_are_given() {
        for mib in [16, 32, 64, 128, 256] {
            let limits = ReadLimits::within(Some(mib * MIB), Some(mib * MIB));
            let each = limits.decoded_max_bytes + DECODING_BYTES;
            assert!(each * limits.readers as usize <= mib * MIB, "{mib} MiB: {limits:?}");
            assert!(PAGES_AT_ONCE * limits.question_bytes() <= mib * MIB, "{mib} MiB: {limits:?}");
        }
    }

    #[test]
    fn with_next_to_nothing_there_is_one_reader_with_small_pages() {
        let limits = ReadLimits::within(Some(1), Some(1));
        assert_eq!((limits.readers, limits.decoded_max_bytes), (1, 0));
        assert_eq!((limits.page_max_bytes, limits.counts_max), (PAGE_MIN_BYTES, COUNTS_MIN));
    }
}
