//! Answers of a store that are used again for a moment.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Answers by what was asked. Bounded: when it is full and everything in it is fresh, further answers are not remembered.
pub(crate) struct Remembered<K, V> {
    answers: Mutex<HashMap<K, Answer<V>>>,
}

struct Answer<V> {
    value: Arc<V>,
    looked_up: Instant,
}

/// How long answers are used again, and how many.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) remember_for: Duration,
    pub(crate) remember_at_most: usize,
}

impl<K: Hash + Eq, V> Remembered<K, V> {
    /// Returns an answer that is fresh.
    pub(crate) fn recall(&self, key: &K, bounds: Bounds) -> Option<Arc<V>> {
        let answers = self.lock();
        let answer = answers.get(key)?;
        bounds.is_fresh(answer).then(|| Arc::clone(&answer.value))
    }

    /// Remembers an answer. `looked_up`: when the store was asked, before it was: what changes while it is asked must not
    /// count as seen later.
    pub(crate) fn remember(&self, key: K, value: Arc<V>, looked_up: Instant, bounds: Bounds) {
        let mut answers = self.lock();
        if answers.len() >= bounds.remember_at_most {
            answers.retain(|_, answer| bounds.is_fresh(answer));
        }
        if answers.len() < bounds.remember_at_most {
            answers.insert(key, Answer { value, looked_up });
        }
    }

    /// Forgets the answers that `is_over` is true of.
    pub(crate) fn forget(&self, mut is_over: impl FnMut(&K, &V) -> bool) {
        self.lock().retain(|key, answer| !is_over(key, &answer.value));
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Answer<V>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bounds {
    fn is_fresh<V>(self, answer: &Answer<V>) -> bool {
        answer.looked_up.elapsed() < self.remember_for
    }
}

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self { answers: Mutex::default() }
    }
}
