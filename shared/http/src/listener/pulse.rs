//! What a connection is doing, told by the bytes and requests that pass, and until when it may go on so.
//!
//! | doing | since | at most |
//! |---|---|---|
//! | sending a request head | its first byte, or the start of the connection | `head_time` |
//! | nothing, between two requests; over HTTP/2 also the head of a later request | the end of the last answer | `idle_time` |
//! | not reading | the first byte that the socket would not take | `stall_time` |
//! | not taking an answer | its first byte that waits, or the last step: [`super::untaken`] | `stall_time` |
//! | waiting for an answer, or taking it | | no limit here |
//!
//! One answer that is not taken ends the connection, though others on it be taken: hyper has no way to end only that one.
//!
//! Kept outside of hyper, because hyper's own timer knows neither idleness nor stalls, does not run before it
//! is known whether a peer speaks HTTP/1 or HTTP/2, and not at all for HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use poem::http::Version;
use tokio::time::sleep;

use super::accept::ListenerLimits;
use super::untaken::Untaken;

/// Stands for "not".
const NEVER: u64 = u64::MAX;

/// Longest sleep between two looks: a deadline that comes up meanwhile is met all the same, as no deadline is
/// nearer than this to what begins it.
fn look_at_least_every(limits: &ListenerLimits) -> Duration {
    limits.head_time.min(limits.idle_time).min(limits.stall_time)
}

/// The state, shared by the socket, the requests and the watch. Times are microseconds since `start`.
#[derive(Debug)]
pub(super) struct Pulse {
    start: Instant,
    requests: AtomicUsize,
    /// Between two requests of HTTP/2 there are bytes that begin none, such as pings.
    is_http_2: AtomicBool,
    head_since: AtomicU64,
    idle_since: AtomicU64,
    stalled_since: AtomicU64,
    untaken: Untaken,
    answers: AtomicU64,
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lapse {
    SlowHead,
    Idle,
    Stalled,
}

/// Counts as a request until it is dropped: when the answer has left, or will not.
#[derive(Debug)]
pub(super) struct InFlight {
    pulse: Arc<Pulse>,
    answer: u64,
}

impl Pulse {
    /// Makes the pulse of a connection that begins now.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            requests: AtomicUsize::new(0),
            is_http_2: AtomicBool::new(false),
            head_since: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            stalled_since: AtomicU64::new(NEVER),
            untaken: Untaken::default(),
            answers: AtomicU64::new(0),
        })
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        let may_begin_a_head = self.is_between_requests() && !self.is_http_2.load(Ordering::Relaxed);
        if may_begin_a_head && self.head_since.load(Ordering::Relaxed) == NEVER {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// A request head is complete.
    pub(super) fn request(self: &Arc<Self>, version: Version) -> InFlight {
        self.is_http_2.store(version == Version::HTTP_2, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(NEVER, Ordering::Relaxed);
        InFlight { pulse: Arc::clone(self), answer: self.answers.fetch_add(1, Ordering::Relaxed) }
    }

    /// The socket took bytes, or did not.
    pub(super) fn sent(&self, is_taken: bool) {
        if is_taken {
            self.stalled_since.store(NEVER, Ordering::Relaxed);
        } else if self.stalled_since.load(Ordering::Relaxed) == NEVER {
            self.stalled_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Says whether no request is being answered.
    pub(super) fn is_between_requests(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }

    /// Waits until the peer has overstayed one of the `limits`.
    pub(super) async fn lapse(&self, limits: &ListenerLimits) -> Lapse {
        loop {
            let now = self.now();
            let next = self.deadline(limits);
            if let Some((_, lapse)) = next.filter(|(at, _)| *at <= now) {
                return lapse;
            }
            let until_next = next.map_or(Duration::MAX, |(at, _)| Duration::from_micros(at - now));
            sleep(until_next.min(look_at_least_every(limits))).await;
        }
    }

    /// Returns the nearest deadline, and what it means to miss it.
    fn deadline(&self, limits: &ListenerLimits) -> Option<(u64, Lapse)> {
        let after = |since: u64, time: Duration, lapse| {
            (since != NEVER).then(|| (since.saturating_add(micros(time)), lapse))
        };
        let untaken_since = self.untaken.since().unwrap_or(NEVER);
        let stalled_since = self.stalled_since.load(Ordering::Relaxed).min(untaken_since);
        let stalled = after(stalled_since, limits.stall_time, Lapse::Stalled);
        if !self.is_between_requests() {
            return stalled;
        }
        let head = after(self.head_since.load(Ordering::Relaxed), limits.head_time, Lapse::SlowHead);
        let idle_since = self.idle_since.load(Ordering::Relaxed);
        let waiting = head.or_else(|| after(idle_since, limits.idle_time, Lapse::Idle));
        stalled.into_iter().chain(waiting).min_by_key(|(at, _)| *at)
    }

    fn now(&self) -> u64 {
        micros(self.start.elapsed())
    }
}

impl InFlight {
    /// So many bytes of the answer now wait for the peer.
    pub(super) fn given(&self, bytes: usize) {
        self.pulse.untaken.given(self.answer, bytes, self.pulse.now());
    }

    /// The peer takes so many of them.
    pub(super) fn taken(&self, bytes: usize) {
        self.pulse.untaken.taken(self.answer, bytes, self.pulse.now());
    }

    /// So many of them will not be sent any more.
    pub(super) fn given_up(&self, bytes: usize) {
        self.pulse.untaken.given_up(self.answer, bytes);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.pulse.idle_since.store(self.pulse.now(), Ordering::Relaxed);
        self.pulse.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(NEVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn limits() -> ListenerLimits {
        ListenerLimits {
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            stall_time: Duration::from_secs(30),
            ..ListenerLimits::default()
        }
    }

    #[test]
    fn a_silent_connection_has_the_time_of_a_head() {
        assert_eq!(Pulse::new().deadline(&limits()), Some((10 * SECOND, Lapse::SlowHead)));
    }

    #[test]
    fn a_head_that_drips_in_gets_no_more_time_for_it() {
        let pulse = Pulse::new();
        pulse.received();
        pulse.received();
        assert_eq!(pulse.deadline(&limits()), Some((10 * SECOND, Lapse::SlowHead)));
    }

    #[test]
    fn a_request_that_is_being_answered_has_no_deadline_here() {
        let pulse = Pulse::new();
        let request = pulse.request(Version::HTTP_11);
        pulse.received();
        assert_eq!(pulse.deadline(&limits()), None);
        assert!(!pulse.is_between_requests());
        drop(request);
        assert!(pulse.is_between_requests());
    }

    #[test]
    fn after_an_answer_the_connection_may_stand_idle_until_the_next_head_begins() {
        let pulse = Pulse::new();
        drop(pulse.request(Version::HTTP_11));
        let (at, lapse) = pulse.deadline(&limits()).unwrap();
        assert_eq!(lapse, Lapse::Idle);
        assert!(at >= 60 * SECOND);

        pulse.received();
        let (_, lapse) = pulse.deadline(&limits()).unwrap();
        assert_eq!(lapse, Lapse::SlowHead);
    }

    #[test]
    fn pings_between_two_requests_begin_no_head() {
        let pulse = Pulse::new();
        drop(pulse.request(Version::HTTP_2));
        pulse.received();
        assert_eq!(pulse.deadline(&limits()).unwrap().1, Lapse::Idle);
    }

    #[test]
    fn an_answer_that_is_not_taken_has_a_deadline_until_bytes_move_again() {
        let pulse = Pulse::new();
        let _request = pulse.request(Version::HTTP_11);
        pulse.sent(false);
        let (first, lapse) = pulse.deadline(&limits()).unwrap();
        pulse.sent(false);
        assert_eq!(pulse.deadline(&limits()), Some((first, Lapse::Stalled)));
        assert_eq!(lapse, Lapse::Stalled);
        pulse.sent(true);
        assert_eq!(pulse.deadline(&limits()), None);
    }

    #[test]
    fn an_answer_that_waits_has_a_deadline_though_the_socket_is_busy() {
        let pulse = Pulse::new();
        let request = pulse.request(Version::HTTP_11);
        request.given(100);
        pulse.sent(true);
        let (at, lapse) = pulse.deadline(&limits()).unwrap();
        assert_eq!(lapse, Lapse::Stalled);
        assert!(at >= 30 * SECOND);
        request.taken(100);
        assert_eq!(pulse.deadline(&limits()), None);
    }
}
