//! The process under test: an engine and four senders, in this very program, started again for it.
//!
//! A sender tells the world what it begins and what was acknowledged, each line with one write, so that the shim can
//! put it in order with what happens to the files.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use domain::{Filter, RecordBatch, Tenant};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use store::{Append, Idempotency, StoreError, Stores};
use store_sqlite::OpenError;
use store_sqlite::faults::{Synchronous, open_with_synchronous};
use testkit::build::{batch, record, tenant};
use tokio::task::JoinSet;

use crate::ledger::{Ledger, Origin};
use crate::shim::{Fault, Place};
use crate::trace::Trace;

const SENDERS: u64 = 4;

/// Most records of a batch.
const BATCH_MAX_RECORDS: u64 = 8;

/// How often a sender posts a batch that is refused.
const TRIES_MAX: usize = 3;

/// The variables that make a run of this program the process under test.
const DATA: &str = "SENTINEL_FAULTS_DATA";
const ACKS: &str = "SENTINEL_FAULTS_ACKS";
const PLAN: &str = "SENTINEL_FAULTS_PLAN";

/// The name of the test that is the process under test.
const TEST: &str = "load::this_program_is_the_process_under_test_when_it_is_told_so";

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// As it is shipped.
    Shipped,
    /// With many checkpoints, and another promise.
    Checkpointing(Synchronous),
}

/// What the process under test does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) engine: Engine,
    pub(crate) seed: u64,
    /// How many batches each sender sends.
    pub(crate) batches: u64,
    /// Where each sender begins to count its records: processes that follow each other on one disk send others.
    pub(crate) first_sequence: u64,
}

/// What became of it.
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) place: Place,
    pub(crate) trace: Trace,
    pub(crate) ledger: Ledger,
}

/// The records' tenant.
pub(crate) fn whose() -> Tenant {
    tenant("default")
}

/// Returns a record's message: unique, and not to be made from any other.
pub(crate) fn message_of(seed: u64, (sender, sequence): Origin) -> String {
    let mut state = seed ^ (sender << 48) ^ sequence;
    let mut message = format!("{sender} {sequence}");
    for _ in 0..2 + sequence % 24 {
        // The step of the SplitMix64 generator: quick also without an optimiser.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        message.push_str(&format!(" {:x}", mixed ^ (mixed >> 31)));
    }
    message
}

// === Starting it ===

impl Plan {
    /// Runs the process under test to its end, in a new place.
    pub(crate) fn run(self, fault: Option<Fault>) -> Run {
        self.run_in(Place::new(), fault)
    }

    /// Runs it where another has been.
    pub(crate) fn run_in(self, place: Place, fault: Option<Fault>) -> Run {
        let mut command = Command::new(std::env::current_exe().expect("a test knows where it lies"));
        command.args([TEST, "--exact", "--nocapture", "--test-threads=1"]);
        command.envs(place.variables(fault)).env("SHIM_TRACE", place.trace());
        command.env(DATA, place.data()).env(ACKS, place.acks()).env(PLAN, self.to_text());
        let output = command.stdin(Stdio::null()).output().expect("this program starts");
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{self:?} with {fault:?} ended with {}: {printed}", output.status);
        let trace = Trace::read(&place.trace());
        let ledger = Ledger::of(&trace, self.seed);
        Run { plan: self, place, trace, ledger }
    }

    fn to_text(self) -> OsString {
        let engine = match self.engine {
            Engine::Shipped => "shipped",
            Engine::Checkpointing(Synchronous::Full) => "full",
            Engine::Checkpointing(Synchronous::Normal) => "normal",
            Engine::Checkpointing(Synchronous::Off) => "off",
        };
        format!("{engine} {} {} {}", self.seed, self.batches, self.first_sequence).into()
    }

    fn of_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let engine = match words.next()? {
            "full" => Engine::Checkpointing(Synchronous::Full),
            "normal" => Engine::Checkpointing(Synchronous::Normal),
            "off" => Engine::Checkpointing(Synchronous::Off),
            _ => Engine::Shipped,
        };
        let mut number = || words.next()?.parse().ok();
        Some(Self { engine, seed: number()?, batches: number()?, first_sequence: number()? })
    }

    async fn open(self, data: &Path) -> Result<Stores, OpenError> {
        match self.engine {
            Engine::Shipped => store_sqlite::open(data).await,
            Engine::Checkpointing(synchronous) => open_with_synchronous(data, synchronous).await,
        }
    }
}

// === Being it ===

/// Where the world is told something.
struct World(File);

/// One sender.
struct Sender {
    number: u64,
    plan: Plan,
    stores: Stores,
    world: Arc<World>,
    rng: StdRng,
    next_sequence: u64,
}

/// A batch to send.
struct Parcel {
    first: u64,
    count: u64,
    service: String,
    append: Append,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_program_is_the_process_under_test_when_it_is_told_so() {
    let Ok(plan) = std::env::var(PLAN) else { return };
    let plan = Plan::of_text(&plan).expect("a plan");
    let variable = |name| std::env::var_os(name).expect("it comes with a plan");
    let acks = OpenOptions::new().append(true).create(true).open(variable(ACKS)).unwrap();
    let world = Arc::new(World(acks));
    // A fault may keep the engine from opening: then nothing was promised.
    let Ok(stores) = plan.open(Path::new(&variable(DATA))).await else { return world.tell("= unopened") };
    world.tell("= opened");
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let rng = StdRng::seed_from_u64(plan.seed.wrapping_mul(100).wrapping_add(number));
        let (stores, world) = (stores.clone(), Arc::clone(&world));
        senders.spawn(Sender { number, plan, stores, world, rng, next_sequence: plan.first_sequence }.run());
    }
    senders.join_all().await;
    world.tell("= closing");
    // As the services do: a store that cannot go on is left as it is.
    if !stores.failed.is_cancelled() {
        let closed = stores.logs.close().await;
        world.tell(if closed.is_ok() { "= closed" } else { "= unclosed" });
    }
    if stores.failed.is_cancelled() {
        world.tell("= failed");
    }
}

impl World {
    fn tell(&self, line: &str) {
        let line = format!("{line}\n");
        let written = (&self.0).write(line.as_bytes()).expect("the file takes it");
        assert_eq!(written, line.len(), "a line is one write");
    }
}

impl Sender {
    async fn run(mut self) {
        for _ in 0..self.plan.batches {
            let was_failed = self.stores.failed.is_cancelled();
            let parcel = self.next_parcel();
            let is_stored = self.send(&parcel).await;
            if is_stored && parcel.service.starts_with("gone") {
                self.delete(&parcel.service).await;
            } else if is_stored && parcel.append.idempotency.is_some() && self.rng.random_bool(0.3) {
                self.send(&parcel).await;
            }
            // One more append is tried after the store has failed: it must not be acknowledged.
            if was_failed {
                return;
            }
        }
    }

    fn next_parcel(&mut self) -> Parcel {
        let (first, count) = (self.next_sequence, self.rng.random_range(1..=BATCH_MAX_RECORDS));
        self.next_sequence += count;
        let is_kept = self.rng.random_bool(0.9);
        let service =
            if is_kept { format!("kept-{}", self.number) } else { format!("gone-{}-{first}", self.number) };
        let is_keyed = self.rng.random_bool(0.4);
        let idempotency = is_keyed.then(|| Idempotency {
            key: format!("{}-{first}", self.number),
            request_digest: [self.number as u8; 32],
        });
        let append = Append { tenant: whose(), batch: self.records(first, count, &service), idempotency };
        Parcel { first, count, service, append }
    }

    fn records(&self, first: u64, count: u64, service: &str) -> RecordBatch {
        let records = (first..first + count).map(|sequence| {
            record(&message_of(self.plan.seed, (self.number, sequence)))
                .service(service)
                .at(sequence.cast_signed())
        });
        batch(&records.collect::<Vec<_>>())
    }

    /// Sends a batch until it is acknowledged; one without a key only if nothing of it can be stored already.
    async fn send(&self, parcel: &Parcel) -> bool {
        let Parcel { first, count, service, append } = parcel;
        for _ in 0..TRIES_MAX {
            self.world.tell(&format!("? {} {first} {count} {service}", self.number));
            match self.stores.logs.append(append.clone()).await {
                Ok(appended) => {
                    let first_id = appended.first_id;
                    self.world.tell(&format!("+ {} {first} {count} {service} {first_id}", self.number));
                    return true;
                }
                Err(error) => {
                    self.world.tell(&format!("! {} {first} {}", self.number, word_for(&error)));
                    let may_be_stored = matches!(error, StoreError::Unknown(_));
                    if self.stores.failed.is_cancelled() || (may_be_stored && append.idempotency.is_none()) {
                        return false;
                    }
                }
            }
        }
        false
    }

    async fn delete(&self, service: &str) {
        let filter = Filter { services: Some([service.to_owned()].into()), ..Filter::default() };
        self.world.tell(&format!("~ {service}"));
        if self.stores.logs.delete(&whose(), &filter, false).await.is_ok() {
            self.world.tell(&format!("- {service}"));
        }
    }
}

fn word_for(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unknown(_) => "unknown",
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Busy { .. } | StoreError::QueueFull { .. } => "busy",
        StoreError::Full(_) => "full",
        StoreError::Fatal(_) => "fatal",
        StoreError::Corrupt { .. } => "corrupt",
        _ => "other",
    }
}
