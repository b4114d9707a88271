//! The mix of levels: 70 % INFO, 15 % WARN, 10 % ERROR, 5 % DEBUG, exact in the long run.
//!
//! Levels are drawn at random, but a level that is behind its share weighs more and one that is ahead weighs less, so the
//! difference between what was drawn and what is due stays bounded. That also holds after an error storm: its surplus of
//! errors is paid back over the records that follow, slowly, so that the service does not fall silent about errors.

use rand::Rng;
use rand::rngs::StdRng;

/// How serious a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Ordinary work.
    Info,
    /// Something to watch.
    Warn,
    /// A failure.
    Error,
    /// A detail.
    Debug,
}

impl Level {
    /// All levels, in the order of [`SHARES_PERCENT`].
    pub(crate) const ALL: [Self; 4] = [Self::Info, Self::Warn, Self::Error, Self::Debug];

    /// The spelling in a record's field `severity`.
    pub(crate) const fn severity(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARNING",
            Self::Error => "ERROR",
            Self::Debug => "DEBUG",
        }
    }

    /// The spelling in a line of text.
    pub(crate) const fn in_text(self) -> &'static str {
        match self {
            Self::Warn => "WARN",
            _ => self.severity(),
        }
    }
}

/// The share of each level of [`Level::ALL`], in percent.
const SHARES_PERCENT: [u64; 4] = [70, 15, 10, 5];
/// How many records ahead the shares are planned: small keeps them tighter, large makes the draws more random.
const HORIZON_RECORDS: u64 = 200;
/// A level that is far ahead of its share keeps one part in so many of its usual weight.
const FLOOR_DIVISOR: u64 = 4;
/// How many errors a service may be ahead of their share before a storm ebbs into ordinary traffic.
const STORM_SURPLUS_MAX: u64 = 300;
/// The share of errors inside a storm.
const STORM_ERROR_PROBABILITY: f64 = 0.8;

/// Draws levels for one service and remembers what was drawn.
#[derive(Debug, Default)]
pub(crate) struct LevelMix {
    drawn: [u64; 4],
}

impl LevelMix {
    /// Draws the level of an ordinary record.
    pub(crate) fn ordinary(&mut self, rng: &mut StdRng) -> Level {
        let weights = self.weights();
        let mut rest = rng.random_range(0..weights.iter().sum::<u64>());
        for (level, weight) in Level::ALL.into_iter().zip(weights) {
            if rest < weight {
                return self.take(level);
            }
            rest -= weight;
        }
        self.take(Level::Info)
    }

    /// Draws the level of a record of an error storm.
    pub(crate) fn storm(&mut self, rng: &mut StdRng) -> Level {
        let errors = self.drawn[Level::Error as usize];
        let due = self.total() * SHARES_PERCENT[Level::Error as usize] / 100;
        if errors < due + STORM_SURPLUS_MAX && rng.random_bool(STORM_ERROR_PROBABILITY) {
            return self.take(Level::Error);
        }
        self.ordinary(rng)
    }

    fn weights(&self) -> [u64; 4] {
        let planned = self.total() + HORIZON_RECORDS;
        let mut weights = [0; 4];
        for (index, share) in SHARES_PERCENT.into_iter().enumerate() {
            let floor = share * HORIZON_RECORDS / FLOOR_DIVISOR;
            weights[index] = (share * planned).saturating_sub(100 * self.drawn[index]).max(floor);
        }
        weights
    }

    fn total(&self) -> u64 {
        self.drawn.iter().sum()
    }

    fn take(&mut self, level: Level) -> Level {
        self.drawn[level as usize] += 1;
        level
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// How far a level may be from its share, in records, however long the run.
    const BOUND_RECORDS: u64 = 120;

    fn assert_shares(mix: &LevelMix) {
        for (index, share) in SHARES_PERCENT.into_iter().enumerate() {
            let due = mix.total() * share / 100;
            let drawn = mix.drawn[index];
            assert!(drawn.abs_diff(due) <= BOUND_RECORDS, "level {index}: {drawn} drawn, {due} due");
        }
    }

    #[test]
    fn a_long_run_keeps_the_shares_within_a_fixed_bound() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut mix = LevelMix::default();

        for _ in 0..200_000 {
            mix.ordinary(&mut rng);
        }

        assert_shares(&mix);
    }

    #[test]
    fn the_errors_of_storms_are_paid_back_by_the_records_that_follow() {
        let mut rng = StdRng::seed_from_u64(8);
        let mut mix = LevelMix::default();

        for _ in 0..3 {
            for _ in 0..1_000 {
                mix.storm(&mut rng);
            }
        }
        let errors_after_storm = mix.drawn[Level::Error as usize];
        for _ in 0..20_000 {
            mix.ordinary(&mut rng);
        }

        assert!(errors_after_storm > 500, "only {errors_after_storm} errors in a storm of 3,000 records");
        assert_shares(&mix);
    }
}
