//! What was given out of a connection's answers, and its client has not taken.
//!
//! An HTTP/2 client says for each answer how many bytes it wants next. While it wants none, nothing is written for that
//! answer, so nothing shows at the socket, which may be busy with other answers, or with pings. So each answer has a clock
//! of its own: it begins when bytes are given out, and again with each step that the client takes of them, and stops when
//! none are left. A service that has nothing to give, as a quiet tail, keeps nobody waiting: no clock runs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much a client has to take for its clock to begin anew, if more than that waits: a frame of the usual size. Who takes
/// a byte now and then would else keep an answer for ever.
const STEP_BYTES: usize = 16 * 1024;

/// The answers of a connection of which something waits. Times are microseconds since any one moment.
#[derive(Debug, Default)]
pub(super) struct Untaken {
    answers: Mutex<HashMap<u64, Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    bytes: usize,
    since: u64,
    taken_since: usize,
}

impl Untaken {
    /// So many bytes of an answer now wait for the client.
    pub(super) fn given(&self, answer: u64, bytes: usize, now: u64) {
        if bytes == 0 {
            return;
        }
        let mut answers = self.lock();
        let waiting = answers.entry(answer).or_insert(Waiting { bytes: 0, since: now, taken_since: 0 });
        waiting.bytes += bytes;
    }

    /// The client takes so many of them.
    pub(super) fn taken(&self, answer: u64, bytes: usize, now: u64) {
        let mut answers = self.lock();
        let Some(waiting) = answers.get_mut(&answer) else { return };
        waiting.taken_since += bytes;
        if waiting.taken_since >= STEP_BYTES {
            (waiting.since, waiting.taken_since) = (now, 0);
        }
        Self::remove(&mut answers, answer, bytes);
    }

    /// So many of them will not be sent any more.
    pub(super) fn given_up(&self, answer: u64, bytes: usize) {
        Self::remove(&mut self.lock(), answer, bytes);
    }

    /// Returns since when the client has kept the most neglected of its answers waiting.
    pub(super) fn since(&self) -> Option<u64> {
        self.lock().values().map(|waiting| waiting.since).min()
    }

    fn remove(answers: &mut HashMap<u64, Waiting>, answer: u64, bytes: usize) {
        let Some(waiting) = answers.get_mut(&answer) else { return };
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
        if waiting.bytes == 0 {
            answers.remove(&answer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_runs_from_the_first_bytes_that_wait_until_the_last_are_taken() {
        let untaken = Untaken::default();
        assert_eq!(untaken.since(), None);
        untaken.given(1, 100, 10);
        untaken.given(1, 100, 20);
        assert_eq!(untaken.since(), Some(10));
        untaken.taken(1, 199, 30);
        assert_eq!(untaken.since(), Some(10));
        untaken.taken(1, 1, 40);
        assert_eq!(untaken.since(), None);
        untaken.given(1, 1, 50);
        assert_eq!(untaken.since(), Some(50));
    }

    #[test]
    fn it_begins_anew_with_each_step_and_not_with_each_byte() {
        let untaken = Untaken::default();
        untaken.given(1, 10 * STEP_BYTES, 10);
        untaken.taken(1, STEP_BYTES - 1, 20);
        assert_eq!(untaken.since(), Some(10));
        untaken.taken(1, 1, 30);
        assert_eq!(untaken.since(), Some(30));
        untaken.taken(1, STEP_BYTES - 1, 40);
        assert_eq!(untaken.since(), Some(30));
    }

    #[test]
    fn an_answer_that_is_taken_says_nothing_of_another_one() {
        let untaken = Untaken::default();
        untaken.given(1, 100, 10);
        untaken.given(2, 10 * STEP_BYTES, 20);
        untaken.taken(2, 2 * STEP_BYTES, 30);
        assert_eq!(untaken.since(), Some(10));
        untaken.given_up(1, 100);
        assert_eq!(untaken.since(), Some(30));
    }

    #[test]
    fn nothing_is_no_reason_to_wait() {
        let untaken = Untaken::default();
        untaken.given(1, 0, 10);
        assert_eq!(untaken.since(), None);
    }
}
