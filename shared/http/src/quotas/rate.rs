//! So much a second, of which two seconds' worth may come at once.
//!
//! What was taken is kept as a single time: until when all of it is worked off at the rate (the generic cell rate
//! algorithm). What is worth more than two seconds is taken while nothing is left to work off, and the next has to
//! wait the longer: otherwise it would be impossible for ever.

use std::time::Duration;

/// How much may come at once, in seconds of the rate.
const BURST: Duration = Duration::from_secs(2);

/// A quantity a second; 0: as much as comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(u64);

/// What was taken: until when it is worked off, counted from a start that all times here have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken(Duration);

impl Rate {
    /// Makes a rate of so much a second; 0: as much as comes.
    #[must_use]
    pub const fn per_second(quantity: u64) -> Self {
        Self(quantity)
    }

    /// Returns the quantity of a second; 0: as much as comes.
    #[must_use]
    pub fn quantity(self) -> u64 {
        self.0
    }

    /// Returns what is taken with `quantity` more.
    ///
    /// # Errors
    /// How long to wait until it would be.
    pub fn take(self, taken: Taken, quantity: u64, now: Duration) -> Result<Taken, Duration> {
        if self.0 == 0 || quantity == 0 {
            return Ok(taken);
        }
        let worth = self.worth(quantity);
        let left = taken.0.saturating_sub(now);
        let room = BURST.saturating_sub(worth);
        if left > room {
            return Err(left.saturating_sub(room));
        }
        Ok(Taken(now.saturating_add(left).saturating_add(worth)))
    }

    /// Returns how long it takes to work `quantity` off.
    fn worth(self, quantity: u64) -> Duration {
        let nanos = u128::from(quantity) * 1_000_000_000 / u128::from(self.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Taken {
    /// Says whether all of it is worked off, as if nothing had been taken.
    #[must_use]
    pub fn is_nothing(self, now: Duration) -> bool {
        self.0 <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::per_second(100);

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn two_seconds_worth_may_come_at_once_and_then_so_much_a_second() {
        let mut taken = Taken::default();
        for _ in 0..200 {
            taken = RATE.take(taken, 1, at(5000)).unwrap();
        }
        assert_eq!(RATE.take(taken, 1, at(5000)), Err(at(10)));
        assert_eq!(RATE.take(taken, 50, at(5000)), Err(at(500)));
        assert_eq!(RATE.take(taken, 1, at(5009)), Err(at(1)));
        assert!(RATE.take(taken, 1, at(5010)).is_ok());
        assert!(RATE.take(taken, 50, at(5500)).is_ok());
    }

    #[test]
    fn more_than_that_is_taken_when_nothing_is_left_and_what_follows_waits() {
        let taken = RATE.take(Taken::default(), 1000, at(0)).unwrap();
        assert_eq!(RATE.take(taken, 1, at(0)), Err(at(8010)));
        assert_eq!(RATE.take(taken, 1000, at(4000)), Err(at(6000)));
        assert!(!taken.is_nothing(at(9999)));
        assert!(taken.is_nothing(at(10_000)));
        assert!(RATE.take(taken, 1000, at(10_000)).is_ok());
    }

    #[test]
    fn over_a_long_time_no_more_is_taken_than_the_rate_and_the_burst() {
        let (mut taken, mut sum) = (Taken::default(), 0);
        for millis in 0..10_000 {
            let quantity = millis % 7;
            if let Ok(more) = RATE.take(taken, quantity, at(millis)) {
                (taken, sum) = (more, sum + quantity);
            }
        }
        assert!((1190..=1200).contains(&sum), "{sum}");
    }

    #[test]
    fn without_a_rate_everything_is_taken() {
        let taken = Rate::per_second(0).take(Taken::default(), u64::MAX, at(0)).unwrap();
        assert!(taken.is_nothing(at(0)));
        assert!(Rate::per_second(1).take(taken, u64::MAX, at(0)).is_ok(), "no number is too large");
    }
}
