//! Load: senders that post batches to ingest-svc, each batch again and again with the same idempotency key
//! until it is acknowledged, and that keep a diary of what they were told.
//!
//! A batch counts as acknowledged only after the whole 201 was read. Every record carries its sender and its
//! place in what that sender sends, so that it can be told from every other one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::{Answer, Installation};

/// The sizes of batches.
const BATCH_RECORDS: [u64; 3] = [1, 50, 500];

/// The severities of records.
const SEVERITIES: [&str; 5] = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

/// Longest message.
const MESSAGE_MAX_CHARS: usize = 200;

/// How long a sender waits for an answer before it asks again.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How long senders may take to end what they have begun.
const FINISH_WITHIN: Duration = Duration::from_secs(120);

/// How long a sender whose batch was not acknowledged waits before it posts it again.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// Senders at work.
#[derive(Debug)]
pub struct Senders {
    shared: Arc<Shared>,
    tasks: JoinSet<Diary>,
}

#[derive(Debug)]
struct Shared {
    url: String,
    key: String,
    is_over: AtomicBool,
    batches: AtomicU64,
    records: AtomicU64,
}

/// What senders were told.
#[derive(Debug, Default)]
pub struct Diary {
    /// The acknowledged batches.
    pub receipts: Vec<Receipt>,
    /// The answers that were no 201.
    pub refusals: Vec<Answer>,
    /// How often there was nobody to connect to.
    pub unconnected: usize,
    /// How often a connection broke before the answer was complete.
    pub broken: usize,
}

/// An acknowledged batch.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    /// Who sent it.
    pub sender: u64,
    /// The first record's place in what its sender sends.
    pub first_sequence: u64,
    /// How many records it has.
    pub records: u64,
    /// The first record's id; the ids of a batch are consecutive.
    pub first_id: i64,
}

/// A batch that is not acknowledged yet.
#[derive(Debug)]
struct Batch {
    first_sequence: u64,
    records: u64,
    body: Vec<u8>,
}

/// One sender.
#[derive(Debug)]
struct Sender {
    number: u64,
    shared: Arc<Shared>,
    client: Client,
    rng: StdRng,
    next_sequence: u64,
    diary: Diary,
}

// === impl Senders ===

impl Senders {
    /// Sets `count` senders to work on an installation. What they send derives from `seed`.
    #[must_use]
    pub fn start(installation: &Installation, count: u64, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            url: installation.ingest.url("/logs"),
            key: installation.key.clone(),
            is_over: AtomicBool::new(false),
            batches: AtomicU64::new(0),
            records: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        for number in 0..count {
            let sender = Sender {
                number,
                shared: Arc::clone(&shared),
                client: Client::builder().timeout(ANSWER_WITHIN).build().expect("a client can be made"),
                rng: StdRng::seed_from_u64(seed.wrapping_mul(1000).wrapping_add(number)),
                next_sequence: 1,
                diary: Diary::default(),
            };
            tasks.spawn(sender.run());
        }
        Self { shared, tasks }
    }

    /// Returns how many batches were acknowledged so far.
    #[must_use]
    pub fn acknowledged_batches(&self) -> u64 {
        self.shared.batches.load(Ordering::Relaxed)
    }

    /// Returns how many records the acknowledged batches have.
    #[must_use]
    pub fn acknowledged_records(&self) -> u64 {
        self.shared.records.load(Ordering::Relaxed)
    }

    /// Lets every sender end what it has begun, and returns what they were told.
    ///
    /// # Panics
    /// When a sender panicked, or does not get its batch acknowledged.
    pub async fn finish(self) -> Diary {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let mut all = Diary::default();
        let ended = timeout(FINISH_WITHIN, self.tasks.join_all()).await;
        for diary in ended.expect("every sender gets its last batch acknowledged") {
            all.receipts.extend(diary.receipts);
            all.refusals.extend(diary.refusals);
            all.unconnected += diary.unconnected;
            all.broken += diary.broken;
        }
        all
    }
}

// === impl Sender ===

impl Sender {
    async fn run(mut self) -> Diary {
        while !self.shared.is_over.load(Ordering::Relaxed) {
            let batch = self.next_batch();
            let receipt = loop {
                if let Some(receipt) = self.post(&batch).await {
                    break receipt;
                }
                sleep(RETRY_PAUSE).await;
            };
            self.diary.receipts.push(receipt);
            self.shared.batches.fetch_add(1, Ordering::Relaxed);
            self.shared.records.fetch_add(receipt.records, Ordering::Relaxed);
        }
        self.diary
    }

    fn next_batch(&mut self) -> Batch {
        let records = BATCH_RECORDS[self.rng.random_range(0..BATCH_RECORDS.len())];
        let first_sequence = self.next_sequence;
        self.next_sequence += records;
        let logs: Vec<Value> = (first_sequence..self.next_sequence).map(|place| self.record(place)).collect();
        Batch { first_sequence, records, body: serde_json::to_vec(&logs).expect("JSON can be written") }
    }

    fn record(&mut self, sequence: u64) -> Value {
        let length = self.rng.random_range(1..MESSAGE_MAX_CHARS);
        let message: String = (0..length).map(|_| self.rng.random_range('a'..='z')).collect();
        json!({
            "service": service_of(self.number),
            "severity": SEVERITIES[self.rng.random_range(0..SEVERITIES.len())],
            "message": message,
            "attributes": {"sender": self.number, "sequence": sequence},
        })
    }

    /// Posts a batch once; returns its receipt if it was acknowledged.
    async fn post(&mut self, batch: &Batch) -> Option<Receipt> {
        let request = self
            .client
            .post(&self.shared.url)
            .bearer_auth(&self.shared.key)
            .header("Idempotency-Key", format!("sender-{}-{}", self.number, batch.first_sequence))
            .header(CONTENT_TYPE, "application/json")
            .body(batch.body.clone());
        match whole_answer(request).await {
            Ok(answer) if answer.status == StatusCode::CREATED => Some(self.receipt(batch, &answer.json())),
            Ok(answer) => {
                assert!(answer.status.is_server_error(), "a good batch is refused: {}", answer.text());
                self.diary.refusals.push(answer);
                None
            }
            Err(error) => {
                self.note_failure(&error);
                None
            }
        }
    }

    fn note_failure(&mut self, error: &reqwest::Error) {
        if error.is_connect() {
            self.diary.unconnected += 1;
        } else {
            self.diary.broken += 1;
        }
    }

    fn receipt(&self, batch: &Batch, answer: &Value) -> Receipt {
        let id = |name: &str| answer[name].as_i64().unwrap_or_else(|| panic!("no {name} in {answer}"));
        let (first_id, records) = (id("first_id"), id("last_id") - id("first_id") + 1);
        assert_eq!(records.cast_unsigned(), batch.records, "the ids fit the batch: {answer}");
        assert_eq!(answer["accepted"], batch.records, "{answer}");
        assert_eq!(answer["rejected"], 0, "{answer}");
        Receipt {
            sender: self.number,
            first_sequence: batch.first_sequence,
            records: batch.records,
            first_id,
        }
    }
}

async fn whole_answer(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
}

/// Returns the service in whose name a sender sends.
#[must_use]
pub fn service_of(sender: u64) -> String {
    format!("sender-{sender}")
}
