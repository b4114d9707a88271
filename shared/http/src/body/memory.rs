//! What all request bodies of a process together may hold: the limit of one body times the number of
//! connections would be far more than the machine has.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Problem;

/// The unit that is counted; smaller bodies count as one.
const UNIT_BYTES: usize = 1024;

/// When to come back after a body was turned away for lack of memory.
const RETRY_SECONDS: u32 = 1;

/// The memory that bodies share.
#[derive(Debug, Clone)]
pub(super) struct SharedMemory {
    free_units: Arc<Semaphore>,
    all_units: usize,
}

/// One body's part of it, which grows with the body and is given back when the body is dropped.
#[derive(Debug)]
pub(super) struct Share {
    memory: SharedMemory,
    held: Option<OwnedSemaphorePermit>,
    held_units: usize,
}

/// A body together with its share.
struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl SharedMemory {
    pub(super) fn new(max_bytes: usize) -> Self {
        let units = (max_bytes / UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Self { free_units: Arc::new(Semaphore::new(units)), all_units: units }
    }

    /// Returns how much there is, in bytes.
    pub(super) fn max_bytes(&self) -> usize {
        self.all_units * UNIT_BYTES
    }

    pub(super) fn share(&self) -> Share {
        Share { memory: self.clone(), held: None, held_units: 0 }
    }
}

impl Share {
    /// Makes the share cover `bytes`, if it does not yet.
    ///
    /// # Errors
    /// 413 when there is not so much at all. 503 when too much is taken; to wait instead could make bodies wait for
    /// each other for ever.
    pub(super) fn grow_to(&mut self, bytes: usize) -> Result<(), Problem> {
        let max_bytes = self.memory.max_bytes();
        let units = bytes.div_ceil(UNIT_BYTES);
        if bytes > max_bytes {
            return Err(Problem::body_too_large("the body, together with its decompressed form,", max_bytes));
        }
        let missing_units = units.saturating_sub(self.held_units);
        if missing_units == 0 {
            return Ok(());
        }
        let units = u32::try_from(missing_units).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.memory.free_units).try_acquire_many_owned(units).map_err(|_| {
            let detail = format!(
                "too many bodies are being received at once; together they may hold {max_bytes} bytes; try again"
            );
            Problem::unavailable("overloaded", detail, RETRY_SECONDS)
        })?;
        self.held_units += missing_units;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        Ok(())
    }

    /// Makes `bytes` a body that gives the share back when its last part is dropped.
    pub(super) fn hold(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held { bytes, _share: self })
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_body_holds_another_cannot_have_until_it_is_dropped() {
        let memory = SharedMemory::new(10 * UNIT_BYTES);
        let (mut first, mut second) = (memory.share(), memory.share());
        first.grow_to(5 * UNIT_BYTES).unwrap();
        first.grow_to(6 * UNIT_BYTES - 1).unwrap();
        assert_eq!(second.grow_to(5 * UNIT_BYTES).unwrap_err().code(), "overloaded");

        let body = first.hold(vec![1; 6000]);
        let part = body.slice(..10);
        drop(body);
        assert!(second.grow_to(5 * UNIT_BYTES).is_err(), "a part of the body is still in use");
        drop(part);
        second.grow_to(10 * UNIT_BYTES).unwrap();
    }

    #[test]
    fn a_body_that_never_fits_is_not_told_to_come_again() {
        let memory = SharedMemory::new(10 * UNIT_BYTES);
        let problem = memory.share().grow_to(10 * UNIT_BYTES + 1).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (413, "body_too_large"));
        assert!(problem.detail().contains("10240 bytes"), "{}", problem.detail());
    }
}
