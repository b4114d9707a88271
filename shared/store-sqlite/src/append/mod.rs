//! The way in: a bounded queue, and behind it the one task that stores records.
//!
//! The committer takes everything that waits, up to a group's bounds, makes one block per tenant of it,
//! stores all blocks in one transaction, and answers every request of the group. While a commit runs, the
//! next group gathers: the slower the disk, the larger the groups. No timer holds a lone request back.
//!
//! * `queue` what waits, and what happens when it is full
//! * `group` which requests are stored together, and who gets which ids
//! * `keyed` the same for records with keys of their own
//! * `committer` the task
//! * `statements` the SQL of it

mod committer;
mod group;
mod keyed;
mod queue;
mod statements;

pub(crate) use committer::Committer;
pub(crate) use queue::{CommitQueue, channel};
