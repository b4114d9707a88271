//! What all request bodies of a process together may hold: the limit of one body times the number of
//! connections would be far more than the machine has.

use bytes::Bytes;

use crate::Problem;
use crate::shared_memory::{Hold, SharedMemory};

/// When to come back after a body was turned away for lack of memory.
const RETRY_SECONDS: u32 = 1;

/// The memory that bodies share.
#[derive(Debug, Clone)]
pub(super) struct BodyMemory(SharedMemory);

/// One body's part of it, which grows with the body and is given back when the body is dropped.
#[derive(Debug)]
pub(super) struct Share {
    hold: Hold,
    max_bytes: usize,
}

/// A body together with its share.
struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl BodyMemory {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self(SharedMemory::new(max_bytes))
    }

    /// Returns how much there is, in bytes.
    pub(super) fn max_bytes(&self) -> usize {
        self.0.max_bytes()
    }

    pub(super) fn share(&self) -> Share {
        Share { hold: self.0.hold(), max_bytes: self.max_bytes() }
    }
}

impl Share {
    /// Makes the share cover `bytes`, if it does not yet.
    ///
    /// # Errors
    /// 413 when there is not so much at all. 503 when too much is taken; to wait instead could make bodies wait for
    /// each other for ever.
    pub(super) fn grow_to(&mut self, bytes: usize) -> Result<(), Problem> {
        let max_bytes = self.max_bytes;
        if bytes > max_bytes {
            return Err(Problem::body_too_large("the body, together with its decompressed form,", max_bytes));
        }
        self.hold.grow_to(bytes).map_err(|_| {
            let detail = format!(
                "too many bodies are being received at once; together they may hold {max_bytes} bytes, and a \
                 tenant's three quarters of that; try again"
            );
            Problem::unavailable("overloaded", detail, RETRY_SECONDS)
        })
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
        let memory = BodyMemory::new(10_000);
        let (mut first, mut second) = (memory.share(), memory.share());
        first.grow_to(5000).unwrap();
        first.grow_to(6000).unwrap();
        assert_eq!(second.grow_to(5000).unwrap_err().code(), "overloaded");

        let body = first.hold(vec![1; 6000]);
        let part = body.slice(..10);
        drop(body);
        assert!(second.grow_to(5000).is_err(), "a part of the body is still in use");
        drop(part);
        second.grow_to(10_000).unwrap();
    }

    #[test]
    fn a_body_that_never_fits_is_not_told_to_come_again() {
        let memory = BodyMemory::new(10_000);
        let problem = memory.share().grow_to(10_001).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (413, "body_too_large"));
        assert!(problem.detail().contains("10000 bytes"), "{}", problem.detail());
    }
}
