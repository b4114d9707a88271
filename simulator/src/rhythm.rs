//! How busy each service is: its share of the traffic and the pauses between its requests.

use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;

use crate::catalogue::ServiceProfile;

/// The pauses of one service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rhythm {
    mean: Duration,
    jitter: f64,
}

impl Rhythm {
    /// The service's own pace: `interval` seconds times its factor.
    pub(crate) fn from_interval(profile: &ServiceProfile, interval: Duration) -> Self {
        Self { mean: interval.mul_f64(profile.pace), jitter: profile.jitter }
    }

    /// The service's share of `rate` records per second, in requests of `batch_size`.
    pub(crate) fn from_rate(profile: &ServiceProfile, share: f64, rate: f64, batch_size: u64) -> Self {
        let mean_s = batch_size as f64 / (rate * share);
        Self {
            mean: Duration::try_from_secs_f64(mean_s).unwrap_or(Duration::MAX / 4),
            jitter: profile.jitter,
        }
    }

    /// Draws the pause before the first request: services do not start in step.
    pub(crate) fn first_pause(&self, rng: &mut StdRng) -> Duration {
        self.mean.mul_f64(rng.random_range(0.0..1.0))
    }

    /// Draws the pause before the next request.
    pub(crate) fn pause(&self, rng: &mut StdRng) -> Duration {
        self.mean.mul_f64(1.0 + self.jitter * rng.random_range(-1.0..1.0))
    }
}

/// The share of the traffic of each of these services, adding up to 1: the inverse of their pace.
pub(crate) fn shares(profiles: &[&'static ServiceProfile]) -> Vec<f64> {
    let total: f64 = profiles.iter().map(|profile| 1.0 / profile.pace).sum();
    profiles.iter().map(|profile| 1.0 / profile.pace / total).collect()
}

/// Splits `count` records by `shares`, so that the parts add up to `count`.
pub(crate) fn split(count: u64, shares: &[f64]) -> Vec<u64> {
    let mut parts = Vec::with_capacity(shares.len());
    let mut cumulated_share = 0.0;
    let mut given = 0;
    for (index, share) in shares.iter().enumerate() {
        cumulated_share += share;
        let is_last = index + 1 == shares.len();
        let up_to = if is_last { count } else { (count as f64 * cumulated_share).round() as u64 };
        let up_to = up_to.clamp(given, count);
        parts.push(up_to - given);
        given = up_to;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::SERVICES;

    #[test]
    fn the_parts_of_a_count_add_up_to_it() {
        let profiles: Vec<_> = SERVICES.iter().collect();
        let shares = shares(&profiles);

        for count in [0, 1, 5, 6, 7, 100, 99_999] {
            assert_eq!(split(count, &shares).iter().sum::<u64>(), count);
        }
    }

    #[test]
    fn the_shares_of_a_rate_give_the_rate() {
        let profiles: Vec<_> = SERVICES.iter().collect();

        let per_second: f64 = profiles
            .iter()
            .zip(shares(&profiles))
            .map(|(profile, share)| 20.0 / Rhythm::from_rate(profile, share, 500.0, 20).mean.as_secs_f64())
            .sum();

        assert!((per_second - 500.0).abs() < 0.01, "{per_second} logs/s");
    }
}
