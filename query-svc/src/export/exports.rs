//! How many exports there may be at a time: each holds two pages of records, and keeps a core busy while its client is
//! quick.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most exports of a service at a time.
pub const EXPORTS_MAX: usize = 16;

/// The exports of a service.
#[derive(Debug)]
pub struct Exports {
    places: Arc<Semaphore>,
}

/// A place among the exports.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Default for Exports {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(EXPORTS_MAX)) }
    }
}

impl Exports {
    /// Takes a place; `None`: there are as many exports as there may be.
    #[must_use]
    pub fn take_place(&self) -> Option<Place> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(|permit| Place { _permit: permit })
    }

    /// Returns how many further exports there may be.
    #[cfg(test)]
    pub(super) fn places_left(&self) -> usize {
        self.places.available_permits()
    }
}
