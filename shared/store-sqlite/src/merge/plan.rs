//! Which blocks are merged: pure.
//!
//! A block's tier is how often 16 goes into its count of records. In one stretch of blocks that lie side by
//! side, those are merged that together make a full block, or 16 of which have one tier. When no logs come in,
//! two are enough, if the larger one is not much larger than what it is merged with: so even then a record is
//! written only as often as its block doubles.

use std::ops::Range;

use crate::blocks::FULL_BLOCK_RECORDS;

/// Most records of a merged block.
const MERGED_MAX_RECORDS: u64 = 16_384;

/// So many blocks of one tier make one of the next.
const FAN_IN: usize = 16;

/// A block that may be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) live_count: u64,
    pub(super) record_count: u64,
    pub(super) text_bytes: u64,
}

/// How much is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Logs come in.
    Busy,
    /// None do.
    Idle,
}

/// Returns what to merge of blocks that lie side by side, in the order of ids: ranges of at least one block, none
/// of which overlap. The records of a merged block take at most `max_bytes` of memory; a larger one is left as it is.
pub(super) fn plan(blocks: &[Candidate], pace: Pace, max_bytes: u64) -> Vec<Range<usize>> {
    let mut merges = Vec::new();
    let mut start = 0;
    while start < blocks.len() {
        match best_from(blocks, start, pace, max_bytes) {
            Some(end) => {
                merges.push(start..end);
                start = end;
            }
            None => start += 1,
        }
    }
    merges
}

/// Returns the end of the merge that begins with the block at `start`, if one is worth it.
fn best_from(blocks: &[Candidate], start: usize, pace: Pace, max_bytes: u64) -> Option<usize> {
    let end = start + fitting(&blocks[start..], max_bytes);
    if live(&blocks[start..end]) >= FULL_BLOCK_RECORDS as u64 && end > start + 1 {
        return Some(end);
    }
    let of_start = tier(&blocks[start]);
    let not_larger = blocks[start..end].iter().take_while(|block| tier(block) <= of_start).count();
    let run = &blocks[start..start + not_larger];
    if run.iter().filter(|block| tier(block) == of_start).count() >= FAN_IN {
        return Some(start + not_larger);
    }
    if pace == Pace::Idle {
        let end = start + even_run(&blocks[start..end]);
        if end > start + 1 {
            return Some(end);
        }
    }
    let block = &blocks[start];
    (block.live_count * 2 <= block.record_count && block.text_bytes <= max_bytes).then_some(start + 1)
}

/// Returns how many of the first blocks fit into one.
fn fitting(blocks: &[Candidate], max_bytes: u64) -> usize {
    let (mut records, mut bytes) = (0, 0);
    let fits = |block: &&Candidate| {
        records += block.live_count;
        bytes += block.text_bytes;
        records <= MERGED_MAX_RECORDS && bytes <= max_bytes
    };
    blocks.iter().take_while(fits).count().max(1)
}

/// Returns how many of the first blocks can be merged so that none is larger than twice the others together.
fn even_run(blocks: &[Candidate]) -> usize {
    (2..=blocks.len())
        .rev()
        .find(|length| {
            let largest = blocks[..*length].iter().map(|block| block.live_count).max().unwrap_or(0);
            largest <= 2 * (live(&blocks[..*length]) - largest)
        })
        .unwrap_or(1)
}

fn live(blocks: &[Candidate]) -> u64 {
    blocks.iter().map(|block| block.live_count).sum()
}

fn tier(block: &Candidate) -> u32 {
    block.live_count.max(1).ilog(FAN_IN as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MERGED_MAX_BYTES: u64 = store::append_limits::MERGED_MAX_BYTES as u64;

    fn blocks(counts: &[u64]) -> Vec<Candidate> {
        let block = |n: &u64| Candidate { live_count: *n, record_count: *n, text_bytes: n * 200 };
        counts.iter().map(block).collect()
    }

    /// Merges as planned, until there is nothing to merge; returns the counts and how many records were written.
    fn settle(counts: &mut Vec<u64>, pace: Pace) -> u64 {
        let mut written = 0;
        loop {
            let merges = plan(&blocks(counts), pace, MERGED_MAX_BYTES);
            if merges.is_empty() {
                return written;
            }
            for merge in merges.into_iter().rev() {
                let sum: u64 = counts[merge.clone()].iter().sum();
                counts.splice(merge, [sum]);
                written += sum;
            }
            counts.retain(|count| *count < FULL_BLOCK_RECORDS as u64);
        }
    }

    #[test]
    fn a_day_of_lone_records_is_written_a_handful_of_times_and_leaves_few_blocks() {
        let (mut open, mut written) = (Vec::new(), 0);
        for _ in 0..86_400 {
            open.push(1);
            written += settle(&mut open, Pace::Busy);
        }
        assert!(open.len() <= 60, "{open:?}");
        assert!(written <= 5 * 86_400, "each record was written {} times", written / 86_400);
    }

    #[test]
    fn idle_merges_do_not_write_a_large_block_for_every_small_one() {
        let (mut open, mut written) = (Vec::new(), 0);
        for _ in 0..10_000 {
            open.push(1);
            written += settle(&mut open, Pace::Idle);
        }
        assert!(open.len() <= 20, "{open:?}");
        assert!(written <= 16 * 10_000, "each record was written {} times", written / 10_000);
    }

    #[test]
    fn blocks_of_a_bulk_load_are_merged_once() {
        assert_eq!(plan(&blocks(&[4000; 9]), Pace::Busy, MERGED_MAX_BYTES), [0..4, 4..8]);
        assert_eq!(plan(&blocks(&[1000; 17]), Pace::Busy, MERGED_MAX_BYTES), vec![0..16; 1]);
        assert_eq!(plan(&blocks(&[4000; 3]), Pace::Busy, MERGED_MAX_BYTES), Vec::<Range<usize>>::new());
        assert_eq!(plan(&blocks(&[4000; 3]), Pace::Idle, MERGED_MAX_BYTES), vec![0..3; 1]);
    }

    #[test]
    fn a_block_of_which_half_is_deleted_is_written_anew() {
        let mut block = blocks(&[9000])[0];
        block.record_count = 20_000;
        assert_eq!(plan(&[block], Pace::Busy, MERGED_MAX_BYTES), vec![0..1; 1]);
    }

    proptest! {
        #[test]
        fn merges_are_bounded_and_do_not_overlap(
            counts in prop::collection::vec(1..12_288_u64, 0..80), bytes in 1..100_000_u64, is_idle: bool,
        ) {
            let mut blocks = blocks(&counts);
            blocks.iter_mut().for_each(|block| block.text_bytes = block.live_count * bytes);
            let mut end = 0;
            for merge in plan(&blocks, if is_idle { Pace::Idle } else { Pace::Busy }, MERGED_MAX_BYTES) {
                prop_assert!(merge.start >= end && merge.len() >= 2);
                prop_assert!(live(&blocks[merge.clone()]) <= MERGED_MAX_RECORDS);
                prop_assert!(blocks[merge.clone()].iter().map(|b| b.text_bytes).sum::<u64>() <= MERGED_MAX_BYTES);
                end = merge.end;
            }
        }
    }
}
