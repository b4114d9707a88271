//! Bursts: at every multiple of the burst interval, one service sends many requests without a pause.
//!
//! Which service and what kind derive from the seed and the burst's number alone. Each service works it out for itself, so
//! the services need not talk to each other and the same seed gives the same bursts.

use std::time::Duration;

use rand::Rng as _;

use crate::seeds;

/// A burst has at least so many requests.
const REQUESTS_MIN: u64 = 5;
/// A burst has at least so many records, however small the requests are.
const RECORDS_MIN: u64 = 50;
/// How many bursts are error storms; the others are ordinary traffic, only more of it.
const STORM_PROBABILITY: f64 = 0.7;

/// What a burst is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BurstKind {
    /// Mostly errors: something broke.
    ErrorStorm,
    /// The usual mix: something became popular.
    Traffic,
}

/// The bursts that concern one service.
#[derive(Debug, Clone)]
pub(crate) struct Bursts {
    /// Time from one burst to the next, over all services.
    every: Duration,
    seed: u64,
    /// The number of services that take part, and which of them this is.
    services: usize,
    own_index: usize,
    /// The number of the next burst, from 1.
    next: u64,
}

impl Bursts {
    /// Prepares the bursts of the service `own_index` of `services`; `every` must not be zero.
    pub(crate) fn new(every: Duration, seed: u64, services: usize, own_index: usize) -> Self {
        Self { every, seed, services, own_index, next: 1 }
    }

    /// Returns when the next burst of this service is and what kind, if that is not later than `until`.
    pub(crate) fn next_until(&mut self, until: Duration) -> Option<(Duration, BurstKind)> {
        loop {
            let due = Duration::try_from_secs_f64(self.every.as_secs_f64() * self.next as f64).ok()?;
            if due > until {
                return None;
            }
            let mut rng = seeds::stream(self.seed, "burst", &self.next.to_string());
            self.next += 1;
            let chosen = rng.random_range(0..self.services);
            let kind =
                if rng.random_bool(STORM_PROBABILITY) { BurstKind::ErrorStorm } else { BurstKind::Traffic };
            if chosen == self.own_index {
                return Some((due, kind));
            }
        }
    }
}

/// The number of requests of a burst when each has `batch_size` records.
pub(crate) fn requests_per_burst(batch_size: u64) -> u64 {
    RECORDS_MIN.div_ceil(batch_size.max(1)).max(REQUESTS_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_burst_belongs_to_exactly_one_service() {
        let end = Duration::from_secs(1_000);

        let mut dues = Vec::new();
        for own_index in 0..4 {
            let mut bursts = Bursts::new(Duration::from_secs(10), 42, 4, own_index);
            while let Some((due, _)) = bursts.next_until(end) {
                dues.push(due.as_secs());
            }
        }
        dues.sort_unstable();

        let expected: Vec<u64> = (1..=100).map(|number| number * 10).collect();
        assert_eq!(dues, expected);
    }

    #[test]
    fn small_requests_make_more_of_them() {
        assert_eq!(requests_per_burst(1), 50);
        assert_eq!(requests_per_burst(20), 5);
    }
}
