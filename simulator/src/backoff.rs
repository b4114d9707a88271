//! How long to wait before the next try: exponential, with jitter, and as long as the service asks.

use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;

/// The longest wait before the second try.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait that is not asked for.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// The longest wait that is granted to the service.
const ASKED_WAIT_MAX: Duration = Duration::from_secs(300);
/// For so many tries, `Retry-After` alone counts; later it can only lengthen the wait, so that a service that always says 0
/// is not hammered.
const TRUSTED_TRIES: u32 = 3;

/// The waits between the tries of one request.
#[derive(Debug, Default)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// Returns the wait after another failed try; `asked` is what `Retry-After` said.
    pub fn next_wait(&mut self, asked: Option<Duration>, rng: &mut StdRng) -> Duration {
        let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.tries)).min(WAIT_MAX);
        self.tries = self.tries.saturating_add(1);
        let own = doubled.mul_f64(rng.random_range(0.5..1.0));
        match asked.map(|asked| asked.min(ASKED_WAIT_MAX)) {
            Some(asked) if self.tries <= TRUSTED_TRIES => asked,
            Some(asked) => asked.max(own),
            None => own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    #[test]
    fn waits_grow_and_never_exceed_the_limit() {
        let mut rng = seeds::stream(1, "backoff", "");
        let mut backoff = Backoff::default();

        let waits: Vec<_> = (0..50).map(|_| backoff.next_wait(None, &mut rng)).collect();

        assert!(waits[0] <= FIRST_WAIT);
        assert!(waits[0] < waits[3] && waits[3] < waits[6], "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= WAIT_MAX), "{waits:?}");
        assert!(waits[49] >= WAIT_MAX / 2);
    }

    #[test]
    fn the_service_can_ask_for_a_wait_but_not_for_ever() {
        let mut rng = seeds::stream(1, "backoff", "");
        let mut backoff = Backoff::default();

        assert_eq!(backoff.next_wait(Some(Duration::ZERO), &mut rng), Duration::ZERO);
        assert_eq!(backoff.next_wait(Some(Duration::from_secs(9)), &mut rng), Duration::from_secs(9));
        assert_eq!(backoff.next_wait(Some(Duration::MAX), &mut rng), ASKED_WAIT_MAX);
        assert!(backoff.next_wait(Some(Duration::ZERO), &mut rng) > Duration::ZERO);
    }
}
