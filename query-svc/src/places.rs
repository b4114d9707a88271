//! Places that the tenants of a service share: [`TenantPlaces`], of which each tenant has so many, and so many may wait
//! for one; [`StreamPlaces`], of which there also are only so many in all, and nobody waits.
//!
//! A tenant who holds no place and for whom nobody waits is not remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Tenant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Places, tenant by tenant. Clones share them.
#[derive(Debug, Clone)]
pub struct TenantPlaces {
    shared: Arc<Shared>,
}

/// A tenant's place; given back when it is dropped.
#[derive(Debug)]
pub struct TenantPlace {
    _permit: OwnedSemaphorePermit,
    _visit: Visit,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// As many wait as may.
    TooManyWait,
    /// None became free in time.
    NoneInTime,
}

/// Places for what goes on for long, such as exports: so many in all, and each tenant has so many of them.
#[derive(Debug)]
pub struct StreamPlaces {
    max: usize,
    free: Arc<Semaphore>,
    of_tenants: TenantPlaces,
}

/// One of [`StreamPlaces`]; given back when it is dropped.
#[derive(Debug)]
pub struct StreamPlace {
    _permit: OwnedSemaphorePermit,
    _of_tenant: TenantPlace,
}

/// All places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllTaken {
    /// Of all tenants.
    InAll {
        /// So many there are.
        max: usize,
    },
    /// Of one tenant.
    OfTenant {
        /// So many it has.
        max: usize,
    },
}

#[derive(Debug)]
struct Shared {
    places: usize,
    waiting: usize,
    tenants: Mutex<HashMap<Tenant, Places>>,
}

/// The places of a tenant.
#[derive(Debug)]
struct Places {
    free: Arc<Semaphore>,
    /// How many hold a place or wait for one.
    visitors: usize,
}

/// Somebody who holds a place or waits for one.
#[derive(Debug)]
struct Visit {
    shared: Arc<Shared>,
    tenant: Tenant,
}

impl TenantPlaces {
    /// Makes places: each tenant has so many, and so many may wait for one of them.
    #[must_use]
    pub fn new(places: usize, waiting: usize) -> Self {
        let places = places.min(Semaphore::MAX_PERMITS);
        Self { shared: Arc::new(Shared { places, waiting, tenants: Mutex::default() }) }
    }

    /// Returns how many places a tenant has.
    #[must_use]
    pub fn per_tenant(&self) -> usize {
        self.shared.places
    }

    /// Returns how many may wait for a tenant's places.
    #[must_use]
    pub fn waiting_per_tenant(&self) -> usize {
        self.shared.waiting
    }

    /// Takes a place, if one is free now.
    #[must_use]
    pub fn try_take(&self, tenant: &Tenant) -> Option<TenantPlace> {
        let (free, visit) = self.visit(tenant, usize::MAX)?;
        let permit = free.try_acquire_owned().ok()?;
        Some(TenantPlace { _permit: permit, _visit: visit })
    }

    /// Takes a place, and waits for one if need be. Who came first has the first.
    ///
    /// # Errors
    /// [`NoPlace`].
    pub async fn take(&self, tenant: &Tenant, at_most: Duration) -> Result<TenantPlace, NoPlace> {
        let most = self.shared.places.saturating_add(self.shared.waiting);
        let (free, visit) = self.visit(tenant, most).ok_or(NoPlace::TooManyWait)?;
        match timeout(at_most, free.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(TenantPlace { _permit: permit, _visit: visit }),
            Ok(Err(_)) | Err(_) => Err(NoPlace::NoneInTime),
        }
    }

    /// Notes a further visitor; `None`: there are `most` already.
    fn visit(&self, tenant: &Tenant, most: usize) -> Option<(Arc<Semaphore>, Visit)> {
        let mut tenants = self.shared.tenants();
        let new = || Places { free: Arc::new(Semaphore::new(self.shared.places)), visitors: 0 };
        let places = tenants.entry(tenant.clone()).or_insert_with(new);
        if places.visitors >= most {
            return None;
        }
        places.visitors += 1;
        let free = Arc::clone(&places.free);
        Some((free, Visit { shared: Arc::clone(&self.shared), tenant: tenant.clone() }))
    }
}

impl StreamPlaces {
    /// Makes places: so many in all, and so many for each tenant.
    #[must_use]
    pub fn new(max: usize, tenant_max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self { max, free: Arc::new(Semaphore::new(max)), of_tenants: TenantPlaces::new(tenant_max, 0) }
    }

    /// Takes a place for a tenant.
    ///
    /// # Errors
    /// [`AllTaken`].
    pub fn take(&self, tenant: &Tenant) -> Result<StreamPlace, AllTaken> {
        let permit = Arc::clone(&self.free).try_acquire_owned();
        let permit = permit.map_err(|_| AllTaken::InAll { max: self.max })?;
        let of_tenant = self.of_tenants.try_take(tenant);
        let of_tenant = of_tenant.ok_or(AllTaken::OfTenant { max: self.of_tenants.per_tenant() })?;
        Ok(StreamPlace { _permit: permit, _of_tenant: of_tenant })
    }

    /// Returns how many places are left.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.free.available_permits()
    }
}

impl Shared {
    fn tenants(&self) -> MutexGuard<'_, HashMap<Tenant, Places>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut tenants = self.shared.tenants();
        let Some(places) = tenants.get_mut(&self.tenant) else { return };
        places.visitors -= 1;
        if places.visitors == 0 {
            tenants.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use testkit::build::tenant;

    use super::*;

    /// Long enough for any machine; what takes longer does not happen.
    const PLENTY: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_tenant_has_its_places_whatever_others_hold() {
        let places = TenantPlaces::new(2, 0);
        let held: Vec<_> = (0..2).map(|_| places.try_take(&tenant("a")).unwrap()).collect();
        assert!(places.try_take(&tenant("a")).is_none());
        assert_eq!(places.take(&tenant("a"), PLENTY).await.unwrap_err(), NoPlace::TooManyWait);
        assert!(places.try_take(&tenant("b")).is_some());

        drop(held);

        assert!(places.try_take(&tenant("a")).is_some());
    }

    #[tokio::test]
    async fn who_waits_has_the_next_place_and_no_more_may_wait_than_that() {
        let places = TenantPlaces::new(1, 1);
        let (a, held) = (tenant("a"), places.take(&tenant("a"), PLENTY).await.unwrap());
        let mut second = pin!(places.take(&a, PLENTY));
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        assert_eq!(places.take(&a, PLENTY).await.unwrap_err(), NoPlace::TooManyWait);

        drop(held);

        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_and_whoever_left_is_forgotten() {
        let places = TenantPlaces::new(1, 5);
        let held = places.try_take(&tenant("a")).unwrap();

        let waited = places.take(&tenant("a"), Duration::from_millis(1)).await.unwrap_err();

        assert_eq!(waited, NoPlace::NoneInTime);
        assert_eq!(places.shared.tenants().len(), 1);
        drop(held);
        assert!(places.shared.tenants().is_empty());
    }
}
