//! Waiting for a condition instead of sleeping.

use std::time::{Duration, Instant};

/// How often the condition is asked.
const POLL_EVERY: Duration = Duration::from_millis(5);

/// Waits until `condition` returns something, and returns it.
///
/// # Panics
/// When it does not within `at_most`.
pub async fn wait_until<T>(
    what: &str,
    at_most: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let give_up = Instant::now() + at_most;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < give_up, "waited {at_most:?} in vain for: {what}");
        tokio::time::sleep(POLL_EVERY).await;
    }
}
