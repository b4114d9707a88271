//! Delivers a parcel: writes it into a file, or posts it, with the same idempotency key, until the service takes it, refuses it or the run ends.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;

use crate::backoff::Backoff;
use crate::counters::Counters;
use crate::ingest::{IngestClient, PostError, Receipt};
use crate::outfile::Lines;
use crate::parcel::Parcel;
use crate::stop::Stop;

/// The longest wait between two tries once the shutdown was requested: only a few seconds are left.
const WAIT_MAX_WHILE_STOPPING: Duration = Duration::from_millis(500);

/// What became of a parcel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It is stored.
    Acknowledged(Receipt),
    /// It is in the file, where nobody acknowledges.
    Written,
    /// It was refused for good.
    Refused {
        /// What the service said.
        reason: String,
    },
    /// The run ended before there was an answer.
    Abandoned,
}

/// Where parcels go.
#[derive(Debug)]
pub(crate) enum Destination {
    /// To ingest-svc.
    Service(IngestClient),
    /// Into a file.
    File(Lines),
}

/// Delivers the parcels of one service, one at a time.
#[derive(Debug)]
pub(crate) struct Courier {
    destination: Destination,
    service: &'static str,
    counters: Arc<Counters>,
    stop: Stop,
    backoff_rng: StdRng,
}

impl Courier {
    /// Prepares deliveries for `service`.
    pub(crate) fn new(
        destination: Destination,
        service: &'static str,
        counters: Arc<Counters>,
        stop: Stop,
        backoff_rng: StdRng,
    ) -> Self {
        Self { destination, service, counters, stop, backoff_rng }
    }

    /// Delivers the parcel. Fails only when the file cannot be written.
    pub(crate) async fn deliver(&mut self, parcel: &Parcel) -> anyhow::Result<Delivery> {
        self.counters.add_sent(parcel.len());
        let client = match &self.destination {
            Destination::Service(client) => client.clone(),
            Destination::File(lines) => {
                lines.write(parcel)?;
                self.counters.add_answered(parcel.len(), 0);
                return Ok(Delivery::Written);
            }
        };
        let hard = self.stop.hard.clone();
        let delivery = tokio::select! {
            biased;
            delivery = self.post_until_answered(&client, parcel) => delivery,
            () = hard.cancelled() => Delivery::Abandoned,
        };
        self.count(parcel, &delivery);
        Ok(delivery)
    }

    async fn post_until_answered(&mut self, client: &IngestClient, parcel: &Parcel) -> Delivery {
        let mut backoff = Backoff::default();
        let mut is_first_failure = true;
        loop {
            let (asked, reason) = match client.post(parcel).await {
                Ok(receipt) => return Delivery::Acknowledged(receipt),
                Err(PostError::Refused { reason }) => return Delivery::Refused { reason },
                Err(PostError::Retry { after, reason }) => (after, reason),
            };
            let wait = backoff.next_wait(asked, &mut self.backoff_rng);
            if is_first_failure {
                tracing::warn!(
                    service = self.service,
                    reason,
                    "{} cannot deliver, retrying: {reason}",
                    self.service
                );
            }
            is_first_failure = false;
            self.wait(wait).await;
            self.counters.add_retry();
        }
    }

    /// Waits before the next try; a shutdown cuts the wait short.
    async fn wait(&self, wait: Duration) {
        if !self.stop.soft.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(wait) => return,
                () = self.stop.soft.cancelled() => {}
            }
        }
        tokio::time::sleep(wait.min(WAIT_MAX_WHILE_STOPPING)).await;
    }

    fn count(&self, parcel: &Parcel, delivery: &Delivery) {
        match delivery {
            // Counted once it is in the ledger.
            Delivery::Acknowledged(_) | Delivery::Written => {}
            Delivery::Refused { .. } => self.counters.add_refused(parcel.len()),
            Delivery::Abandoned => self.counters.add_abandoned(parcel.len()),
        }
    }
}

#[cfg(test)]
mod tests;
