//! One fake service at work: waits for the next batch of its plan, has it delivered and writes down what was acknowledged.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Now;
use crate::counters::Counters;
use crate::delivery::{Courier, Delivery};
use crate::ingest::Receipt;
use crate::ledger::{Ledger, LedgerEntry};
use crate::parcel::{Packer, Parcel};
use crate::plan::ServicePlan;
use crate::stop::Stop;

/// A service that is later than this behind its plan (the server was away) drops the delay instead of catching up.
const LAG_MAX: Duration = Duration::from_secs(5);

/// One fake service.
#[derive(Debug)]
pub(crate) struct Sender {
    /// Its name.
    pub(crate) service: &'static str,
    /// The run that it belongs to.
    pub(crate) run: Arc<str>,
    /// What it sends, and when.
    pub(crate) plan: ServicePlan,
    /// Packs what it sends.
    pub(crate) packer: Packer,
    /// Delivers what it sends.
    pub(crate) courier: Courier,
    /// Where acknowledgements are written down.
    pub(crate) ledger: Option<Ledger>,
    /// What the run has done so far.
    pub(crate) counters: Arc<Counters>,
    /// Where the time of its records comes from.
    pub(crate) now: Now,
    /// When to stop.
    pub(crate) stop: Stop,
}

impl Sender {
    /// Sends until the plan ends or the shutdown is requested. Fails only when the ledger or the file
    /// cannot be written.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        let mut start = Instant::now();
        let mut last_refusal = String::new();
        while let Some(batch) = self.plan.next() {
            start += start.elapsed().saturating_sub(batch.due.saturating_add(LAG_MAX));
            if !self.wait_until_due(start, batch.due).await {
                return Ok(());
            }
            let Some(parcel) = self.packer.pack(batch, (self.now)()) else { continue };
            match self.courier.deliver(&parcel).await? {
                Delivery::Acknowledged(receipt) => self.write_down(&parcel, receipt).await?,
                Delivery::Written => {}
                Delivery::Refused { reason } => self.report_refusal(reason, &mut last_refusal),
                Delivery::Abandoned => return Ok(()),
            }
        }
        Ok(())
    }

    /// Waits; returns whether to go on.
    async fn wait_until_due(&self, start: Instant, due: Duration) -> bool {
        let wait = due.saturating_sub(start.elapsed());
        tokio::select! {
            biased;
            () = self.stop.soft.cancelled() => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    async fn write_down(&self, parcel: &Parcel, receipt: Receipt) -> anyhow::Result<()> {
        if let Some(ledger) = &self.ledger {
            ledger.append(&self.entry(parcel, receipt)).await?;
        }
        self.counters.add_answered(receipt.accepted, receipt.rejected);
        Ok(())
    }

    fn entry(&self, parcel: &Parcel, receipt: Receipt) -> LedgerEntry {
        LedgerEntry {
            key: parcel.key.clone(),
            service: self.service.to_owned(),
            first_id: receipt.first_id,
            last_id: receipt.last_id,
            accepted: receipt.accepted,
            run: self.run.to_string(),
            first_sequence: parcel.first_sequence,
            last_sequence: parcel.last_sequence,
        }
    }

    /// Logs a refusal, but the same one only once in a row: a wrong key would fill the log.
    fn report_refusal(&self, reason: String, last_refusal: &mut String) {
        if reason != *last_refusal {
            tracing::error!(
                service = self.service,
                reason,
                "logs of {} were refused: {reason}",
                self.service
            );
        }
        *last_refusal = reason;
    }
}
