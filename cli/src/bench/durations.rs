//! How long things took.

use std::time::Duration;

/// Durations, shortest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    /// Returns how many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the mean, zero of none.
    pub(crate) fn mean(&self) -> Duration {
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.iter().sum::<Duration>().checked_div(count).unwrap_or_default()
    }

    /// Returns the shortest duration that `percent` percent of all do not exceed, zero of none.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// Returns `p50 / p95 / p99` in milliseconds.
    pub(crate) fn summary(&self) -> String {
        let [p50, p95, p99] = [50, 95, 99].map(|percent| millis(self.percentile(percent)));
        format!("{p50} / {p95} / {p99} ms")
    }
}

impl FromIterator<Duration> for Durations {
    fn from_iter<T: IntoIterator<Item = Duration>>(durations: T) -> Self {
        let mut durations: Vec<_> = durations.into_iter().collect();
        durations.sort_unstable();
        Self(durations)
    }
}

/// Returns milliseconds, to the hundredth.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_durations_that_were_met() {
        let durations: Durations = (1..=200).rev().map(Duration::from_millis).collect();
        let percentiles = [1, 50, 95, 99, 100].map(|percent| durations.percentile(percent).as_millis());
        assert_eq!(percentiles, [2, 100, 190, 198, 200]);
        assert_eq!(durations.mean(), Duration::from_micros(100_500));
    }

    #[test]
    fn no_durations_have_figures_too() {
        let none = Durations::default();
        assert_eq!((none.count(), none.mean(), none.percentile(99)), (0, Duration::ZERO, Duration::ZERO));
    }
}
