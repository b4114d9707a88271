//! How many exports there may be at a time: each holds two pages of records, and keeps a core busy while its client is
//! quick. And how long one waits for its client.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use domain::Tenant;
use sentinel_http::options::values::Seconds;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::at_least_one;
use crate::places::{TenantPlace, TenantPlaces};

/// Most exports of a service at a time.
pub const EXPORTS_MAX: usize = 16;

/// Most exports of a tenant at a time, unless the service is told otherwise.
pub const TENANT_MAX_EXPORTS: usize = 2;

/// How long an export waits for its client, unless the service is told otherwise.
const EXPORT_TIMEOUT: Seconds = Seconds::new(300);

/// The options of exports.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Exports")]
pub struct ExportOptions {
    /// Most exports of a tenant at a time, of 16 in all; a further one is answered 429
    #[arg(long, env = "SENTINEL_TENANT_MAX_EXPORTS", value_name = "EXPORTS", default_value_t = TENANT_MAX_EXPORTS,
          value_parser = at_least_one)]
    pub tenant_max_exports: usize,
    /// How long an export waits until its client has read the next MiB, before it breaks off. One that is read goes on,
    /// however long it takes as a whole
    #[arg(long, env = "SENTINEL_EXPORT_TIMEOUT", value_name = "TIME", default_value_t = EXPORT_TIMEOUT)]
    pub export_timeout: Seconds,
}

/// The bounds of exports.
#[derive(Debug, Clone, Copy)]
pub struct ExportLimits {
    /// Most exports of a tenant.
    pub tenant_max_exports: usize,
    /// How long an export waits for its client.
    pub timeout: Duration,
}

/// The exports of a service.
#[derive(Debug)]
pub struct Exports {
    limits: ExportLimits,
    places: Arc<Semaphore>,
    tenant_places: TenantPlaces,
}

/// There are as many exports as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooManyExports {
    /// Of all tenants.
    InAll {
        /// So many there may be.
        max_exports: usize,
    },
    /// Of one tenant.
    OfTenant {
        /// So many it may have.
        max_exports: usize,
    },
}

/// A place among the exports.
#[derive(Debug)]
pub struct Place {
    /// How long the export waits for its client.
    pub(super) timeout: Duration,
    _permit: OwnedSemaphorePermit,
    _of_tenant: TenantPlace,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { tenant_max_exports: TENANT_MAX_EXPORTS, export_timeout: EXPORT_TIMEOUT }
    }
}

impl From<ExportOptions> for ExportLimits {
    fn from(options: ExportOptions) -> Self {
        Self { tenant_max_exports: options.tenant_max_exports, timeout: options.export_timeout.duration() }
    }
}

impl Exports {
    /// Makes a service's exports.
    #[must_use]
    pub fn new(limits: ExportLimits) -> Self {
        let places = Arc::new(Semaphore::new(EXPORTS_MAX));
        Self { limits, places, tenant_places: TenantPlaces::new(limits.tenant_max_exports, 0) }
    }

    /// Takes a place for an export of a tenant's.
    ///
    /// # Errors
    /// [`TooManyExports`].
    pub fn take_place(&self, tenant: &Tenant) -> Result<Place, TooManyExports> {
        let ExportLimits { tenant_max_exports: max_exports, timeout } = self.limits;
        let of_tenant = self.tenant_places.try_take(tenant);
        let of_tenant = of_tenant.ok_or(TooManyExports::OfTenant { max_exports })?;
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let permit = permit.map_err(|_| TooManyExports::InAll { max_exports: EXPORTS_MAX })?;
        Ok(Place { timeout, _permit: permit, _of_tenant: of_tenant })
    }

    /// Returns how many further exports there may be.
    #[cfg(test)]
    pub(super) fn places_left(&self) -> usize {
        self.places.available_permits()
    }
}
