//! Merging: small blocks become larger ones, in the background.
//!
//! Blocks that lie side by side are merged in tiers (`plan`), so that a record is written a handful of times
//! at most until it lies in a full block. A merge reads its sources in a snapshot, encodes and checks the new block
//! outside of any transaction, and swaps in one short transaction, if every source still is as it was read. It
//! leaves deleted records out; counters do not move.
//!
//! Only a process that appends merges: the committer wakes the merger. While logs come in, the merger rests for
//! several times as long as it works; when none come, it goes on until there is nothing left worth a merge, and
//! then gives pages that became free back.
//!
//! * `plan` which blocks are merged
//! * `merger` the task, and a merge

mod merger;
mod plan;

pub(crate) use merger::{MergeSignal, Merger};
