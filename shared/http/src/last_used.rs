//! When keys were last used: kept to a minute, and written in the background, so that no request waits for it.
//!
//! What a process that ends has not written yet is lost; it is only ever a use of the last moments.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::Timestamp;
use store::{KeyRecord, KeyState, KeyStore};

/// How often the use of a key is written, at most.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// Of how many keys it is known when their use was written. Uses of more keys within [`NOTED_EVERY`] are not written.
const NOTED_AT_MOST: usize = 4096;

/// Notes when keys are used.
pub(crate) struct LastUsed {
    keys: Arc<dyn KeyStore>,
    uses: Arc<Mutex<Uses>>,
    noted_every: Duration,
    noted_at_most: usize,
}

#[derive(Default)]
struct Uses {
    /// When the use of a key was last passed on, by the key's id.
    noted: HashMap<String, Instant>,
    /// What is not written yet: at most one use of each key in `noted`.
    waiting: Vec<(String, Timestamp)>,
    is_writing: bool,
}

impl LastUsed {
    /// Makes one that writes to `keys`.
    pub(crate) fn new(keys: Arc<dyn KeyStore>) -> Self {
        let (noted_every, noted_at_most) = (NOTED_EVERY, NOTED_AT_MOST);
        Self { keys, uses: Arc::default(), noted_every, noted_at_most }
    }

    /// Notes that a key, as the store has just returned it, is used; unless it does not work, or its use was noted within
    /// the last minute, by this process or by another.
    pub(crate) fn saw(&self, key: &KeyRecord, now: Timestamp) {
        let noted_every = i64::try_from(self.noted_every.as_micros()).unwrap_or(i64::MAX);
        let is_recent = |last: Timestamp| last.as_micros() > now.as_micros().saturating_sub(noted_every);
        if key.state_at(now) != KeyState::Works || key.last_used_at.is_some_and(is_recent) {
            return;
        }
        let mut uses = lock(&self.uses);
        let is_noted = |noted: &Instant| noted.elapsed() < self.noted_every;
        if uses.noted.get(&key.id).is_some_and(is_noted) {
            return;
        }
        if uses.noted.len() >= self.noted_at_most {
            uses.noted.retain(|_, noted| is_noted(noted));
        }
        if uses.noted.len() >= self.noted_at_most {
            return;
        }
        uses.noted.insert(key.id.clone(), Instant::now());
        uses.waiting.push((key.id.clone(), now));
        if !std::mem::replace(&mut uses.is_writing, true) {
            tokio::spawn(write(Arc::clone(&self.keys), Arc::clone(&self.uses)));
        }
    }
}

fn lock(uses: &Mutex<Uses>) -> MutexGuard<'_, Uses> {
    uses.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what waits, all of it at once, until nothing does.
async fn write(keys: Arc<dyn KeyStore>, uses: Arc<Mutex<Uses>>) {
    loop {
        let waiting = {
            let mut uses = lock(&uses);
            uses.is_writing = !uses.waiting.is_empty();
            if !uses.is_writing {
                return;
            }
            std::mem::take(&mut uses.waiting)
        };
        if let Err(error) = keys.note_used(&waiting).await {
            let error: &dyn StdError = &error;
            tracing::warn!(error, "it was not written when keys were last used");
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Clock;
    use store::conformance::keys::a_key;
    use testkit::wait_until;

    use super::*;
    use crate::authenticator::tests::{FakeKeys, FixedClock};

    /// Long enough for any machine; what takes longer does not happen.
    const PLENTY: Duration = Duration::from_secs(60);

    fn key(id: &str) -> KeyRecord {
        a_key("a", id).into_record()
    }

    async fn noted(keys: &FakeKeys, count: usize) -> Vec<(String, Timestamp)> {
        let uses = async || (keys.uses().len() >= count).then(|| keys.uses());
        wait_until("the uses are written", PLENTY, uses).await
    }

    #[tokio::test]
    async fn a_use_is_written_once_a_minute_and_key() {
        let keys = Arc::new(FakeKeys::default());
        let last_used = LastUsed::new(keys.clone());
        let now = FixedClock.now();

        for id in ["one", "two", "one", "one", "two"] {
            last_used.saw(&key(id), now);
        }

        assert_eq!(noted(&keys, 2).await, [("one".to_owned(), now), ("two".to_owned(), now)]);
    }

    #[tokio::test]
    async fn a_use_is_written_again_when_the_minute_is_over_unless_another_process_did() {
        let keys = Arc::new(FakeKeys::default());
        let last_used = LastUsed { noted_every: Duration::ZERO, ..LastUsed::new(keys.clone()) };
        let now = FixedClock.now();
        last_used.saw(&key("one"), now);
        last_used.saw(&key("one"), now);
        assert_eq!(noted(&keys, 2).await.len(), 2);

        let last_used = LastUsed::new(keys.clone());
        let at = |micros| Timestamp::saturating_from_micros(now.as_micros() - micros);
        last_used.saw(&KeyRecord { last_used_at: Some(at(59_999_999)), ..key("fresh") }, now);
        last_used.saw(&KeyRecord { last_used_at: Some(at(60_000_000)), ..key("stale") }, now);
        assert_eq!(noted(&keys, 3).await[2].0, "stale");
    }

    #[tokio::test]
    async fn keys_that_do_not_work_are_not_used() {
        let keys = Arc::new(FakeKeys::default());
        let last_used = LastUsed::new(keys.clone());
        let now = FixedClock.now();

        last_used.saw(&KeyRecord { revoked_at: Some(Timestamp::MIN), ..key("revoked") }, now);
        last_used.saw(&KeyRecord { expires_at: Some(now), ..key("expired") }, now);
        last_used.saw(&key("works"), now);

        assert_eq!(noted(&keys, 1).await, [("works".to_owned(), now)]);
    }

    #[tokio::test]
    async fn it_is_bounded_of_how_many_keys_something_is_known() {
        let keys = Arc::new(FakeKeys::default());
        let last_used = LastUsed { noted_at_most: 2, ..LastUsed::new(keys.clone()) };

        for id in ["one", "two", "three"] {
            last_used.saw(&key(id), FixedClock.now());
        }

        assert_eq!(noted(&keys, 2).await.len(), 2);
        assert_eq!(lock(&last_used.uses).noted.len(), 2);
    }

    #[tokio::test]
    async fn a_write_that_fails_does_not_end_the_writing() {
        let keys = Arc::new(FakeKeys::broken());
        let last_used = LastUsed::new(keys.clone());
        last_used.saw(&key("one"), FixedClock.now());
        wait_until("it gives up", PLENTY, async || (!lock(&last_used.uses).is_writing).then_some(())).await;

        last_used.saw(&key("two"), FixedClock.now());
        wait_until("it tries again", PLENTY, async || (keys.questions() == 2).then_some(())).await;
    }
}
