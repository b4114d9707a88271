//! Memory that what answers requests takes: so many bytes together, claimed before they are taken.
//!
//! Where the process has a limit of memory, [`MemoryLimits`] are parts of it; elsewhere there is as much as there is.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sentinel_http::memory_limit::Share;
use sentinel_http::options::values::Bytes;
use store::ReadLimits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The unit that is counted.
const UNIT_BYTES: usize = 1024;

/// The options that say how much memory reading takes.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Memory")]
pub struct MemoryOptions {
    /// Memory for reading and decoding what is stored: it decides how many read at a time. Default: enough for 8, or an
    /// eighth of the memory that the container may have
    #[arg(long, env = "SENTINEL_READ_MEMORY", value_name = "SIZE")]
    pub read_memory: Option<Bytes>,
    /// Memory of pages and counts, and of the answers while they are made of them; questions wait for it, and for at most 3
    /// seconds. A page has a quarter of it at most. Default: no bound, or an eighth of the memory that the container may have
    #[arg(long, env = "SENTINEL_QUESTION_MEMORY", value_name = "SIZE")]
    pub question_memory: Option<Bytes>,
    /// Memory of exports, which decides how many there may be. Default: enough for 16, or a sixteenth of the memory that the
    /// container may have
    #[arg(long, env = "SENTINEL_EXPORT_MEMORY", value_name = "SIZE")]
    pub export_memory: Option<Bytes>,
    /// Memory of logs that wait for the clients of live tails. Default: no bound, or a sixteenth of the memory that the
    /// container may have
    #[arg(long, env = "SENTINEL_TAIL_MEMORY", value_name = "SIZE")]
    pub tail_memory: Option<Bytes>,
}

/// How much memory there is for what; `None`: as much as there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryLimits {
    /// For reading and decoding, in bytes.
    pub read_bytes: Option<usize>,
    /// For pages, counts, and the answers made of them, in bytes.
    pub question_bytes: Option<usize>,
    /// For exports, in bytes.
    pub export_bytes: Option<usize>,
    /// For what waits for the clients of live tails, in bytes.
    pub tail_bytes: Option<usize>,
}

/// So many bytes, for all who claim some of them. Clones share them.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    /// `None`: as many as they like.
    free: Option<Arc<Semaphore>>,
    units: u32,
}

/// Bytes that are claimed; given back when it is dropped.
#[derive(Debug)]
pub struct Claim {
    _units: Option<OwnedSemaphorePermit>,
}

/// There was not enough memory in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMemory;

impl From<&MemoryOptions> for MemoryLimits {
    fn from(options: &MemoryOptions) -> Self {
        let bytes = |given: Option<Bytes>, share: Share| given.map(Bytes::get).or_else(|| share.bytes());
        Self {
            read_bytes: bytes(options.read_memory, Share::Reads),
            question_bytes: bytes(options.question_memory, Share::Questions),
            export_bytes: bytes(options.export_memory, Share::Exports),
            tail_bytes: bytes(options.tail_memory, Share::Tails),
        }
    }
}

impl MemoryLimits {
    /// Returns what the store may take.
    #[must_use]
    pub fn reads(&self) -> ReadLimits {
        ReadLimits::within(self.read_bytes, self.question_bytes)
    }
}

impl MemoryBudget {
    /// Makes a budget of so many bytes; `None`: as many as anybody likes.
    #[must_use]
    pub fn new(bytes: Option<usize>) -> Self {
        let units =
            bytes.map_or(u32::MAX, |bytes| u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX).max(1));
        let free = bytes.map(|_| Arc::new(Semaphore::new((units as usize).min(Semaphore::MAX_PERMITS))));
        Self { free, units }
    }

    /// Claims bytes, and waits for them if need be: who came first has the first. A claim of more than there is is one of
    /// all.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub async fn claim(&self, bytes: usize, at_most: Duration) -> Result<Claim, NoMemory> {
        let Some(free) = &self.free else { return Ok(Claim { _units: None }) };
        let units = self.units_of(bytes);
        let claimed = timeout(at_most, Arc::clone(free).acquire_many_owned(units)).await;
        match claimed {
            Ok(Ok(permit)) => Ok(Claim { _units: Some(permit) }),
            Ok(Err(_)) | Err(_) => Err(NoMemory),
        }
    }

    /// Claims bytes if they are free now.
    #[must_use]
    pub fn try_claim(&self, bytes: usize) -> Option<Claim> {
        let Some(free) = &self.free else { return Some(Claim { _units: None }) };
        let permit = Arc::clone(free).try_acquire_many_owned(self.units_of(bytes)).ok()?;
        Some(Claim { _units: Some(permit) })
    }

    fn units_of(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn what_is_claimed_nobody_else_has_until_it_is_given_back() {
        let budget = MemoryBudget::new(Some(10 * UNIT_BYTES));
        let first = budget.claim(6 * UNIT_BYTES, SOON).await.unwrap();
        assert_eq!(budget.claim(5 * UNIT_BYTES, SOON).await.unwrap_err(), NoMemory);
        assert!(budget.try_claim(4 * UNIT_BYTES).is_some());

        drop(first);

        assert!(budget.try_claim(10 * UNIT_BYTES).is_some());
    }

    #[tokio::test]
    async fn more_than_there_is_is_given_when_nothing_else_is_claimed() {
        let budget = MemoryBudget::new(Some(10 * UNIT_BYTES));
        let all = budget.try_claim(usize::MAX).unwrap();
        assert!(budget.try_claim(1).is_none());
        drop(all);
        assert!(budget.try_claim(1).is_some());
    }

    #[tokio::test]
    async fn without_a_bound_everybody_has_what_they_ask_for() {
        let budget = MemoryBudget::new(None);
        let claims = [budget.try_claim(usize::MAX), budget.claim(usize::MAX, SOON).await.ok()];
        assert!(claims.iter().all(Option::is_some));
    }

    #[test]
    fn what_is_said_counts_more_than_the_share() {
        let options = MemoryOptions { read_memory: Some(Bytes::new(7)), ..MemoryOptions::default() };
        assert_eq!(MemoryLimits::from(&options).read_bytes, Some(7));
    }
}
