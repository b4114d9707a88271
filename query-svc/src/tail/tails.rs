//! The tails of a service: how many there may be, and their hubs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use domain::{Filter, Tenant};
use store::LogStore;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio_util::task::TaskTracker;

use super::hub::{Batch, Hub};
use super::options::TailLimits;
use super::reader::Tail;
use crate::places::{TenantPlace, TenantPlaces};

/// The tails of a service.
pub struct Tails {
    pub(super) store: Arc<dyn LogStore>,
    pub(super) limits: TailLimits,
    places: Arc<Semaphore>,
    tenant_places: TenantPlaces,
    hubs: Mutex<HashMap<Tenant, Weak<Hub>>>,
    tasks: TaskTracker,
}

/// There are as many tails as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooManyTails {
    /// Of all tenants.
    InAll {
        /// So many there may be.
        max_tails: usize,
    },
    /// Of one tenant.
    OfTenant {
        /// So many it may have.
        max_tails: usize,
    },
}

/// A place among the tails.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
    _of_tenant: TenantPlace,
}

/// A tail's end of its hub.
pub(super) struct Subscription {
    pub(super) batches: broadcast::Receiver<Arc<Batch>>,
    _hub: Arc<Hub>,
}

impl Tails {
    /// Makes a service's tails over a store.
    pub fn new(store: Arc<dyn LogStore>, limits: TailLimits) -> Self {
        let places = Arc::new(Semaphore::new(limits.max_tails.min(Semaphore::MAX_PERMITS)));
        let tenant_places = TenantPlaces::new(limits.tenant_max_tails, 0);
        Self { store, limits, places, tenant_places, hubs: Mutex::default(), tasks: TaskTracker::new() }
    }

    /// Takes a place for a tail of a tenant's.
    ///
    /// # Errors
    /// [`TooManyTails`].
    pub fn take_place(&self, tenant: &Tenant) -> Result<Place, TooManyTails> {
        let TailLimits { max_tails, tenant_max_tails, .. } = self.limits;
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let permit = permit.map_err(|_| TooManyTails::InAll { max_tails })?;
        let of_tenant = self.tenant_places.try_take(tenant);
        let of_tenant = of_tenant.ok_or(TooManyTails::OfTenant { max_tails: tenant_max_tails })?;
        Ok(Place { _permit: permit, _of_tenant: of_tenant })
    }

    /// Starts a tail of what `filter` selects, with the records above `position`.
    pub fn start(self: &Arc<Self>, place: Place, tenant: &Tenant, filter: Filter, position: i64) -> Tail {
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
        self.places.available_permits()
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
        let (hub, batches) = Hub::start(Arc::clone(&self.store), tenant.clone(), &self.tasks);
        let hub = Arc::new(hub);
        hubs.insert(tenant.clone(), Arc::downgrade(&hub));
        Subscription { batches, _hub: hub }
    }
}
