//! How many exports there may be at a time: each holds two pages of records, and keeps a core busy while its client is
//! quick. And how long one waits for its client.

use std::time::Duration;

use clap::Args;
use domain::Tenant;
use domain::limits::PAGE_MAX_BYTES;
use sentinel_http::options::values::Seconds;

use crate::config::at_least_one;
use crate::places::{AllTaken, StreamPlace, StreamPlaces};

/// Most exports of a service at a time.
pub const EXPORTS_MAX: usize = 16;

/// What an export is given at least where there is little memory (4 MiB).
const EXPORT_BYTES: usize = 4 * 1024 * 1024;

/// How many times a page an export takes: two pages, what is written of them, and that compressed.
const TAKEN_PER_PAGE: usize = 5;

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
    /// Most exports of all tenants.
    pub max_exports: usize,
    /// Most bytes of texts that an export reads at once.
    pub page_max_bytes: usize,
}

/// The exports of a service.
#[derive(Debug)]
pub struct Exports {
    limits: ExportLimits,
    places: StreamPlaces,
}

/// A place among the exports.
#[derive(Debug)]
pub struct Place {
    /// How long the export waits for its client.
    pub(super) timeout: Duration,
    /// Most bytes of texts that the export reads at once.
    pub(super) page_max_bytes: usize,
    _place: StreamPlace,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { tenant_max_exports: TENANT_MAX_EXPORTS, export_timeout: EXPORT_TIMEOUT }
    }
}

impl ExportLimits {
    /// Returns the limits with which all exports together take about so many bytes; `None`: as many as they like.
    #[must_use]
    pub fn within(options: ExportOptions, bytes: Option<usize>) -> Self {
        let max_exports = bytes.map_or(EXPORTS_MAX, |bytes| (bytes / EXPORT_BYTES).clamp(1, EXPORTS_MAX));
        let page = bytes.map_or(PAGE_MAX_BYTES, |bytes| bytes / max_exports / TAKEN_PER_PAGE);
        Self {
            tenant_max_exports: options.tenant_max_exports,
            timeout: options.export_timeout.duration(),
            max_exports,
            page_max_bytes: page.min(PAGE_MAX_BYTES),
        }
    }
}

impl Exports {
    /// Makes a service's exports.
    #[must_use]
    pub fn new(limits: ExportLimits) -> Self {
        let places = StreamPlaces::new(limits.max_exports, limits.tenant_max_exports);
        Self { limits, places }
    }

    /// Takes a place for an export of a tenant's.
    ///
    /// # Errors
    /// [`AllTaken`].
    pub fn take_place(&self, tenant: &Tenant) -> Result<Place, AllTaken> {
        let ExportLimits { timeout, page_max_bytes, .. } = self.limits;
        Ok(Place { timeout, page_max_bytes, _place: self.places.take(tenant)? })
    }

    /// Returns how many further exports there may be.
    #[cfg(test)]
    pub(super) fn places_left(&self) -> usize {
        self.places.left()
    }
}
