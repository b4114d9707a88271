//! Memory that the requests of a process share: so much in all, of which a tenant has at most three quarters. Who floods
//! leaves the rest to others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Tenant;

use crate::request_id::RequestContext;

/// The part that is left to other tenants: one in so many.
const KEPT_PART: usize = 4;

/// The memory. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct SharedMemory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    max_bytes: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: usize,
    /// Of each tenant who has any.
    by_tenant: HashMap<Tenant, usize>,
}

/// What one request holds of it; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    memory: SharedMemory,
    tenant: Option<Tenant>,
    bytes: usize,
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl SharedMemory {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { shared: Arc::new(Shared { max_bytes: max_bytes.max(1), taken: Mutex::default() }) }
    }

    /// Returns how much there is, in bytes.
    pub(crate) fn max_bytes(&self) -> usize {
        self.shared.max_bytes
    }

    /// Begins to hold memory for the request that is being answered here.
    pub(crate) fn hold(&self) -> Hold {
        let tenant = RequestContext::current(|context| Some(context.principal.get()?.tenant.clone()));
        self.hold_for(tenant.flatten())
    }

    /// Begins to hold memory for a tenant, or for somebody who is not known.
    pub(crate) fn hold_for(&self, tenant: Option<Tenant>) -> Hold {
        Hold { memory: self.clone(), tenant, bytes: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Makes it cover `bytes`, if it does not yet. What is larger than a tenant's part fits while the tenant holds nothing
    /// else, so that nothing is impossible for ever.
    ///
    /// # Errors
    /// [`NoRoom`]; it is as it was then.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let max = self.memory.max_bytes();
        let missing = bytes.saturating_sub(self.bytes);
        let mut taken = self.memory.lock();
        if missing > max.saturating_sub(taken.bytes) {
            return Err(NoRoom);
        }
        if let Some(tenant) = &self.tenant {
            let others = taken.by_tenant.get(tenant).copied().unwrap_or_default() - self.bytes;
            if others > 0 && others + bytes.max(self.bytes) > max - max / KEPT_PART {
                return Err(NoRoom);
            }
            *taken.by_tenant.entry(tenant.clone()).or_default() += missing;
        }
        taken.bytes += missing;
        self.bytes += missing;
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut taken = self.memory.lock();
        taken.bytes -= self.bytes;
        let Some(tenant) = &self.tenant else { return };
        if let Some(held) = taken.by_tenant.get_mut(tenant) {
            *held -= self.bytes;
            if *held == 0 {
                taken.by_tenant.remove(tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::build::tenant;

    use super::*;

    #[test]
    fn a_tenant_leaves_a_quarter_to_others_and_all_together_no_more_than_there_is() {
        let memory = SharedMemory::new(100);
        let (mut first, mut second) =
            (memory.hold_for(Some(tenant("a"))), memory.hold_for(Some(tenant("a"))));
        first.grow_to(50).unwrap();
        assert_eq!(second.grow_to(26), Err(NoRoom));
        second.grow_to(25).unwrap();
        assert_eq!(first.grow_to(51), Err(NoRoom));

        let mut other = memory.hold_for(Some(tenant("b")));
        assert_eq!(other.grow_to(26), Err(NoRoom));
        other.grow_to(25).unwrap();
        assert_eq!(memory.hold_for(None).grow_to(1), Err(NoRoom));
        drop((first, second));
        other.grow_to(100).expect("nobody else holds any");
    }

    #[test]
    fn what_is_given_back_is_free_again_and_nobody_is_remembered() {
        let memory = SharedMemory::new(100);
        for _ in 0..3 {
            let mut hold = memory.hold_for(Some(tenant("a")));
            hold.grow_to(60).unwrap();
            hold.grow_to(100).unwrap();
            hold.grow_to(10).expect("it covers that already");
        }
        let taken = memory.lock();
        assert_eq!((taken.bytes, taken.by_tenant.len()), (0, 0));
    }
}
