//! The tails of a service: how many there may be, and their hubs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use domain::limits::PAGE_MAX_BYTES;
use domain::{Filter, Tenant};
use store::LogStore;
use tokio::sync::broadcast;
use tokio_util::task::TaskTracker;

use super::hub::{Batch, Hub};
use super::options::TailLimits;
use super::reader::Tail;
use crate::memory::MemoryBudget;
use crate::places::{AllTaken, StreamPlace, StreamPlaces, TenantPlaces};

/// How many tails read at a time when there is little memory.
const PAGES_AT_ONCE: usize = 16;

/// The tails of a service.
pub struct Tails {
    pub(super) store: Arc<dyn LogStore>,
    pub(super) limits: TailLimits,
    places: StreamPlaces,
    /// For reading what was stored before: of a tenant's tails one does so at a time.
    pub(super) turns: TenantPlaces,
    /// For what waits for clients.
    pub(super) memory: MemoryBudget,
    /// Most bytes of texts that a tail reads at once.
    pub(super) page_max_bytes: usize,
    hubs: Mutex<HashMap<Tenant, Weak<Hub>>>,
    tasks: TaskTracker,
}

/// A tail's end of its hub.
pub(super) struct Subscription {
    pub(super) batches: broadcast::Receiver<Arc<Batch>>,
    _hub: Arc<Hub>,
}

impl Tails {
    /// Makes a service's tails over a store. What waits for their clients takes so many bytes of memory together; `None`:
    /// as many as there are.
    pub fn new(store: Arc<dyn LogStore>, limits: TailLimits, memory_bytes: Option<usize>) -> Self {
        Self {
            store,
            limits,
            places: StreamPlaces::new(limits.max_tails, limits.tenant_max_tails),
            turns: TenantPlaces::new(1, usize::MAX),
            memory: MemoryBudget::new(memory_bytes),
            page_max_bytes: memory_bytes.map_or(PAGE_MAX_BYTES, |bytes| bytes / PAGES_AT_ONCE),
            hubs: Mutex::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// Takes a place for a tail of a tenant's.
    ///
    /// # Errors
    /// [`AllTaken`].
    pub fn take_place(&self, tenant: &Tenant) -> Result<StreamPlace, AllTaken> {
        self.places.take(tenant)
    }

    /// Starts a tail of what `filter` selects, with the records above `position`.
    pub fn start(
        self: &Arc<Self>,
        place: StreamPlace,
        tenant: &Tenant,
        filter: Filter,
        position: i64,
    ) -> Tail {
        Tail::new(Arc::clone(self), place, self.join(tenant), tenant.clone(), filter, position)
    }

    /// Returns how long a tail goes on before its client has to come back.
    #[must_use]
    pub fn max_time(&self) -> Duration {
        self.limits.max_time
    }

    /// Returns how many hubs are at work.
    #[cfg(test)]
    pub(super) fn hubs_at_work(&self) -> usize {
        self.tasks.len()
    }

    /// Returns how many further tails there may be.
    #[cfg(test)]
    pub(super) fn places_left(&self) -> usize {
        self.places.left()
    }

    /// Begins to listen to a tenant's hub, which is started if there is none.
    fn join(&self, tenant: &Tenant) -> Subscription {
        let mut hubs = self.hubs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hub) = hubs.get(tenant).and_then(Weak::upgrade)
            && let Some(batches) = hub.listen()
        {
            return Subscription { batches, _hub: hub };
        }
        hubs.retain(|_, hub| hub.strong_count() > 0);
        let (hub, batches) =
            Hub::start(Arc::clone(&self.store), self.memory.clone(), tenant.clone(), &self.tasks);
        let hub = Arc::new(hub);
        hubs.insert(tenant.clone(), Arc::downgrade(&hub));
        Subscription { batches, _hub: hub }
    }
}
