//! A question's turn: its tenant's place among the questions, and the memory for what it brings and for the answer made of
//! that. Both are held until the answer is written, so that however many ask, no more is held than there is memory for.

use std::sync::Arc;
use std::time::Instant;

use domain::Tenant;
use sentinel_http::Problem;
use store::LogStore;

use crate::fair_store::{FairLogStore, WAIT_MAX};
use crate::memory::{Claim, MemoryBudget};
use crate::places::TenantPlace;

/// When to come back after there was no memory for a question.
const RETRY_SECONDS: u32 = 1;

/// The turns of a service's questions. Clones share them.
#[derive(Clone)]
pub struct Turns {
    store: Arc<FairLogStore>,
    memory: MemoryBudget,
    /// What a question takes at most.
    question_bytes: usize,
}

/// A question's turn.
pub struct Turn {
    /// Where logs are kept: in its turn, a question asks without waiting for its tenant's others.
    pub store: Arc<dyn LogStore>,
    _place: TenantPlace,
    _memory: Claim,
}

impl Turns {
    /// Makes turns: a tenant's questions take those of `store`, and all together `memory`, each `question_bytes` of it.
    #[must_use]
    pub fn new(store: Arc<FairLogStore>, memory: MemoryBudget, question_bytes: usize) -> Self {
        Self { store, memory, question_bytes }
    }

    /// Waits for a question's turn, which is to be answered by `deadline` and brings so many `pages`.
    ///
    /// # Errors
    /// 429 when too many of the tenant's questions wait, 503 when there is no memory in time.
    pub async fn take(&self, tenant: &Tenant, deadline: Instant, pages: usize) -> Result<Turn, Problem> {
        // The place first: so of each tenant only so many wait for memory, and none has all of it.
        let place = self.store.place(tenant, Some(deadline)).await?;
        let left = deadline.saturating_duration_since(Instant::now()).min(WAIT_MAX);
        let memory = self.memory.claim(pages * self.question_bytes, left).await;
        let memory = memory.map_err(|_| {
            let detail =
                "other questions have all the memory that there is for answers; try again, or ask for less";
            Problem::unavailable("overloaded", detail, RETRY_SECONDS)
        })?;
        Ok(Turn { store: self.store.inner(), _place: place, _memory: memory })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store::MemoryLogStore;
    use testkit::build::tenant;

    use super::*;

    fn turns(memory_bytes: usize) -> Turns {
        let store = FairLogStore::new(Arc::new(MemoryLogStore::default()), 8, 8);
        Turns::new(Arc::new(store), MemoryBudget::new(Some(memory_bytes)), 1024)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(10)
    }

    #[tokio::test]
    async fn there_are_as_many_turns_as_there_is_memory_for_and_who_waits_in_vain_is_told_to_come_again() {
        let turns = turns(2048);
        let first = turns.take(&tenant("a"), soon(), 1).await.ok().unwrap();
        let second = turns.take(&tenant("a"), soon(), 1).await.ok().unwrap();
        let refused = turns.take(&tenant("b"), soon(), 1).await.err().unwrap();
        assert_eq!((refused.status().as_u16(), refused.code()), (503, "overloaded"));

        drop((first, second));

        assert!(turns.take(&tenant("b"), soon(), 2).await.is_ok());
    }
}
