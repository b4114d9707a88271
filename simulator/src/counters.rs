//! What was sent and what came of it, counted while the run goes on.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counters that all services of a run share.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    rejected: AtomicU64,
    abandoned: AtomicU64,
    retries: AtomicU64,
    refusals: AtomicU64,
}

impl Counters {
    /// Counts records that are posted for the first time.
    pub(crate) fn add_sent(&self, records: u64) {
        self.sent.fetch_add(records, Ordering::Relaxed);
    }

    /// Counts records of a receipt.
    pub(crate) fn add_answered(&self, accepted: u64, rejected: u64) {
        self.acknowledged.fetch_add(accepted, Ordering::Relaxed);
        self.rejected.fetch_add(rejected, Ordering::Relaxed);
    }

    /// Counts a request that was refused, with all its records.
    pub(crate) fn add_refused(&self, records: u64) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        self.rejected.fetch_add(records, Ordering::Relaxed);
    }

    /// Counts records of which nobody knows whether they were stored.
    pub(crate) fn add_abandoned(&self, records: u64) {
        self.abandoned.fetch_add(records, Ordering::Relaxed);
    }

    /// Counts a request that is posted again.
    pub(crate) fn add_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counts of this moment.
    pub(crate) fn summary(&self) -> Summary {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Summary {
            sent: read(&self.sent),
            acknowledged: read(&self.acknowledged),
            rejected: read(&self.rejected),
            abandoned: read(&self.abandoned),
            retries: read(&self.retries),
            refusals: read(&self.refusals),
        }
    }
}

/// What a run has sent and what came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records posted, each counted once.
    pub sent: u64,
    /// Records acknowledged (and in the ledger, if there is one).
    pub acknowledged: u64,
    /// Records refused for good.
    pub rejected: u64,
    /// Records given up at the shutdown without an answer; they may be stored or not.
    pub abandoned: u64,
    /// Requests posted again after a failure.
    pub retries: u64,
    /// Requests refused for good.
    pub refusals: u64,
}

impl Summary {
    /// Whether every record that was sent has been acknowledged.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.acknowledged == self.sent
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, acknowledged, rejected, abandoned, retries, refusals } = self;
        write!(
            formatter,
            "sent {sent}, acked {acknowledged}, rejected {rejected}, abandoned {abandoned}, retries {retries}, errors {refusals}"
        )
    }
}
