//! The places for connections: so many in all, and so many for one address, so that one client cannot take them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::accept::ListenerLimits;
use crate::client_address::network_of;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    max: usize,
    max_per_address: usize,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    whose: IpAddr,
    _permit: OwnedSemaphorePermit,
}

/// Why there is no place, with the limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    InAll(usize),
    ForAddress(usize),
}

impl Places {
    pub(super) fn new(limits: &ListenerLimits) -> Self {
        let max = limits.max_connections.min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(max)),
            taken: Arc::default(),
            max,
            max_per_address: limits.max_connections_per_address,
        }
    }

    /// Takes a place for a connection from `address`.
    ///
    /// # Errors
    /// [`Full`].
    pub(super) fn take(&self, address: IpAddr) -> Result<Place, Full> {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
            return Err(Full::InAll(self.max));
        };
        let whose = network_of(address);
        let mut taken = lock(&self.taken);
        let count = taken.get(&whose).copied().unwrap_or_default();
        if count >= self.max_per_address {
            return Err(Full::ForAddress(self.max_per_address));
        }
        taken.insert(whose, count + 1);
        Ok(Place { taken: Arc::clone(&self.taken), whose, _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        match taken.get_mut(&self.whose) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                taken.remove(&self.whose);
            }
        }
    }
}

fn lock(taken: &Mutex<HashMap<IpAddr, usize>>) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(max_connections: usize, max_connections_per_address: usize) -> Places {
        Places::new(&ListenerLimits {
            max_connections,
            max_connections_per_address,
            ..ListenerLimits::default()
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_places_and_others_have_theirs() {
        let places = places(10, 2);
        let first = places.take(ip("10.0.0.1")).unwrap();
        let _second = places.take(ip("::ffff:10.0.0.1")).unwrap();
        assert_eq!(places.take(ip("10.0.0.1")).unwrap_err(), Full::ForAddress(2));
        let _other = places.take(ip("10.0.0.2")).unwrap();
        drop(first);
        assert!(places.take(ip("10.0.0.1")).is_ok());
    }

    #[test]
    fn all_addresses_together_have_so_many_places() {
        let places = places(2, 2);
        let first = places.take(ip("10.0.0.1")).unwrap();
        let _second = places.take(ip("10.0.0.2")).unwrap();
        assert_eq!(places.take(ip("10.0.0.3")).unwrap_err(), Full::InAll(2));
        drop(first);
        assert!(places.take(ip("10.0.0.3")).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let places = places(10, 1);
        let _first = places.take(ip("2001:db8::1")).unwrap();
        assert_eq!(places.take(ip("2001:db8::ffff:2")).unwrap_err(), Full::ForAddress(1));
        assert!(places.take(ip("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn an_address_without_connections_takes_no_room() {
        let places = places(10, 2);
        drop([places.take(ip("10.0.0.1")), places.take(ip("10.0.0.1")), places.take(ip("10.0.0.2"))]);
        assert!(lock(&places.taken).is_empty());
        assert_eq!(places.free.available_permits(), 10);
    }
}
