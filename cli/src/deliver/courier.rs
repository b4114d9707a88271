//! Posts a parcel until there is an answer that ends the matter.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use simulator::Backoff;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::endpoint::RecordFault;
use super::{Answer, Endpoint, Parcel, Stored};

/// Longest wait before the next try where somebody has to mend something first; it is at least half as long.
const MEND_WAIT: Duration = Duration::from_secs(20);

/// How long a request that is under way may still take once the process was asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// What became of a parcel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Its valid logs are stored.
    Stored(Stored),
    /// None of its logs is valid, as the service says.
    Rejected {
        /// What is wrong with the first ones.
        errors: Vec<RecordFault>,
        /// What the service said.
        reason: String,
    },
    /// It is too large for the service, or cannot be read by it as a whole.
    TooLarge(String),
    /// Its key was used with another body before, and it is the first key that it has.
    KeyReused(String),
    /// The process was asked to stop before there was an answer.
    Stopped,
}

/// Is told what hinders a courier, and that nothing does any more.
pub(crate) type OnTrouble = Arc<dyn Fn(Option<&str>) + Send + Sync>;

/// Delivers parcels, one at a time.
pub(crate) struct Courier {
    endpoint: Endpoint,
    stop: CancellationToken,
    rng: StdRng,
    on_trouble: OnTrouble,
    /// The longest wait where somebody has to mend something.
    pub(crate) mend_wait: Duration,
}

impl Courier {
    /// Makes a courier that gives up when `stop` is cancelled.
    pub(crate) fn new(
        endpoint: Endpoint,
        stop: CancellationToken,
        rng: StdRng,
        on_trouble: OnTrouble,
    ) -> Self {
        Self { endpoint, stop, rng, on_trouble, mend_wait: MEND_WAIT }
    }

    /// Delivers a parcel, however long it takes.
    pub(crate) async fn deliver(&mut self, parcel: &Parcel) -> Delivery {
        let mut backoff = Backoff::default();
        let mut trouble = String::new();
        loop {
            if self.stop.is_cancelled() {
                return Delivery::Stopped;
            }
            let stop = self.stop.clone();
            let answer = tokio::select! {
                biased;
                answer = self.endpoint.post(parcel) => answer,
                () = grace_is_over(&stop) => return Delivery::Stopped,
            };
            let (reason, wait) = match answer {
                Answer::Stored(stored) => return self.done(&trouble, Delivery::Stored(stored)),
                Answer::Rejected { errors, reason } => {
                    return self.done(&trouble, Delivery::Rejected { errors, reason });
                }
                Answer::TooLarge(reason) => return self.done(&trouble, Delivery::TooLarge(reason)),
                Answer::KeyReused(reason) if !parcel.has_new_key => {
                    return self.done(&trouble, Delivery::KeyReused(reason));
                }
                Answer::NotLetIn(reason) | Answer::KeyReused(reason) => {
                    (reason, self.mend_wait.mul_f64(self.rng.random_range(0.5..1.0)))
                }
                Answer::Later { after, reason } => (reason, backoff.next_wait(after, &mut self.rng)),
            };
            if reason != trouble {
                tracing::warn!(reason, wait_ms = wait.as_millis(), "cannot deliver, trying again: {reason}");
                (self.on_trouble)(Some(&reason));
                trouble = reason;
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = stop.cancelled() => return Delivery::Stopped,
            }
        }
    }

    fn done(&self, trouble: &str, delivery: Delivery) -> Delivery {
        if !trouble.is_empty() {
            tracing::info!("delivering again");
            (self.on_trouble)(None);
        }
        delivery
    }
}

async fn grace_is_over(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(GRACE).await;
}

#[cfg(test)]
mod tests;
