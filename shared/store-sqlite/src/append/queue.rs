//! The queue before the committer, bounded by records, bytes and requests. Full means: refused at once.

use std::sync::Arc;

use store::{Append, Appended, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Most records that wait to be stored.
const QUEUE_MAX_RECORDS: usize = 50_000;

/// Most memory that waiting records take (64 MiB).
const QUEUE_MAX_BYTES: usize = 64 * 1024 * 1024;

/// The queue's bytes are counted in units of so many, to fit a semaphore's permits.
const QUEUE_BYTES_UNIT: usize = 1024;

/// Most requests that wait.
const QUEUE_MAX_REQUESTS: usize = 10_000;

/// The sending end.
#[derive(Debug)]
pub(crate) struct CommitQueue {
    sender: mpsc::Sender<Waiting>,
    records: Arc<Semaphore>,
    units: Arc<Semaphore>,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(super) append: Append,
    answer: oneshot::Sender<Result<Appended, StoreError>>,
    /// Its places in the queue, given back when it is answered.
    _places: [OwnedSemaphorePermit; 2],
}

/// Makes a queue; the receiver is the committer's.
pub(crate) fn channel() -> (CommitQueue, mpsc::Receiver<Waiting>) {
    let (sender, receiver) = mpsc::channel(QUEUE_MAX_REQUESTS);
    let records = Arc::new(Semaphore::new(QUEUE_MAX_RECORDS));
    let units = Arc::new(Semaphore::new(QUEUE_MAX_BYTES / QUEUE_BYTES_UNIT));
    (CommitQueue { sender, records, units }, receiver)
}

impl CommitQueue {
    /// Queues an append and waits for its answer. Dropping the future drops the answer, not the append.
    pub(crate) async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let waiting_records = QUEUE_MAX_RECORDS - self.records.available_permits();
        let busy = || StoreError::Busy { waiting_records };
        let records = u32::try_from(append.batch.len()).map_err(|_| busy())?;
        let units =
            u32::try_from(append.batch.memory_bytes().div_ceil(QUEUE_BYTES_UNIT)).map_err(|_| busy())?;
        let places = [
            Arc::clone(&self.records).try_acquire_many_owned(records).map_err(|_| busy())?,
            Arc::clone(&self.units).try_acquire_many_owned(units).map_err(|_| busy())?,
        ];
        let (answer, answered) = oneshot::channel();
        self.sender.try_send(Waiting { append, answer, _places: places }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => busy(),
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Unknown("the committer stopped".into())))
    }
}

impl Waiting {
    /// Answers the request. Whether anybody still listens makes no difference.
    pub(super) fn answer(self, answer: Result<Appended, StoreError>) {
        let _ = self.answer.send(answer);
    }

    /// When the request arrived: what its idempotency key's day counts from.
    pub(super) fn received_micros(&self) -> i64 {
        self.append.batch.received().last().map_or(0, |time| time.as_micros())
    }
}

#[cfg(test)]
mod tests {
    use testkit::build::{batch, record, tenant};

    use super::*;

    fn append(records: usize) -> Append {
        let record = record("x");
        Append { tenant: tenant("a"), batch: batch(std::iter::repeat_n(&record, records)), idempotency: None }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_takes_again_when_it_has_room() {
        let (queue, mut receiver) = channel();
        let queue = Arc::new(queue);
        let first = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.append(append(QUEUE_MAX_RECORDS)).await }
        });
        let waiting = receiver.recv().await.expect("the first append is queued");

        let refused = queue.append(append(1)).await;
        assert!(
            matches!(refused, Err(StoreError::Busy { waiting_records: QUEUE_MAX_RECORDS })),
            "{refused:?}"
        );

        waiting.answer(Ok(Appended { first_id: 1, last_id: 2 }));
        assert!(first.await.expect("the task ends").is_ok());
        let (second, waiting) = tokio::join!(queue.append(append(1)), async {
            receiver.recv().await.expect("the second append is queued").answer(Err(StoreError::Closed));
        });
        assert!(matches!((second, waiting), (Err(StoreError::Closed), ())));
    }

    #[tokio::test]
    async fn a_request_that_the_committer_drops_has_an_unknown_outcome() {
        let (queue, mut receiver) = channel();
        let (answer, ()) = tokio::join!(queue.append(append(1)), async { drop(receiver.recv().await) });
        assert!(matches!(answer, Err(StoreError::Unknown(_))), "{answer:?}");
    }
}
