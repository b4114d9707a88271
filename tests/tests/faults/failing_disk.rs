//! The k-th write or sync fails, for every k: whatever was acknowledged is stored, once, and the engine goes on or
//! stops as it promises.
//!
//! After a write for which there is no room it goes on. After an I/O error it does not, and acknowledges nothing more.
//! `SENTINEL_FAULTS_STRIDE` says how many k's are stepped over (`just torture`: none).

use std::collections::BTreeMap;

use e2e_tests::seed_from;
use store_sqlite::faults::Synchronous;
use tokio::task::JoinSet;

use crate::image::{Finding, look};
use crate::load::{Engine, Plan, Run};
use crate::shim::{Failure, Fault, Operation};
use crate::trace::Event;

/// Every k up to this one is played; above it only every so many.
const ALL_UP_TO: u64 = 40;
const STRIDE: u64 = 5;

/// How many processes run at a time.
const AT_ONCE: usize = 3;

/// How many batches each sender sends.
const BATCHES: u64 = 8;

/// The file that a commit writes to and waits for.
const LOGS_WAL: &str = "logs.db-wal";

/// The file that says what is where in it.
const WAL_INDEX: &str = "logs.db-shm";

/// What is played for every k.
#[derive(Debug, Clone, Copy)]
struct Scene {
    engine: Engine,
    operation: Operation,
    failure: Failure,
    file: &'static str,
    forever: bool,
}

/// What was played.
#[derive(Debug, Default)]
struct Played {
    last_struck: u64,
    runs: usize,
    /// In so many of them the engine could not even be opened,
    unopened: usize,
    /// and in so many it stopped.
    stopped: usize,
    acknowledged: usize,
    acknowledged_afterwards: usize,
    /// Where the fault struck and the engine went on, and how often.
    survived: BTreeMap<String, usize>,
}

const ANY_WRITE: Scene = Scene {
    engine: Engine::Shipped,
    operation: Operation::Write,
    failure: Failure::NoSpace,
    file: "",
    forever: false,
};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_write_without_room_the_next_append_succeeds() {
    let played = play(ANY_WRITE).await;
    assert!(played.acknowledged_afterwards > 0 && played.stopped == 0, "{played:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_write_has_room_nothing_is_acknowledged_and_nothing_is_lost() {
    let played = play(Scene { forever: true, ..ANY_WRITE }).await;
    assert!(
        played.acknowledged > 0 && played.acknowledged_afterwards == 0 && played.stopped == 0,
        "{played:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_write_that_fails_nothing_is_acknowledged_and_the_store_stops() {
    for forever in [false, true] {
        let played = play(Scene { failure: Failure::Io, forever, ..ANY_WRITE }).await;
        assert!(played.acknowledged > 0 && played.stopped > 0, "{played:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_sync_that_fails_nothing_is_acknowledged_and_the_store_stops() {
    for forever in [false, true] {
        let scene = Scene { operation: Operation::Sync, failure: Failure::Io, forever, ..ANY_WRITE };
        let played = play(scene).await;
        assert!(played.acknowledged > 0 && played.stopped > 0, "{played:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_fails_loses_nothing() {
    let scene = Scene {
        engine: Engine::Checkpointing(Synchronous::Full),
        failure: Failure::Io,
        file: "logs.db",
        ..ANY_WRITE
    };
    for scene in [scene, Scene { operation: Operation::Sync, ..scene }, Scene { forever: true, ..scene }] {
        play(scene).await;
    }
}

/// A commit that fails so may be in the WAL already: its outcome is unknown, and the next one is written over it.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_the_wal_that_cannot_grow_loses_nothing_and_the_store_goes_on_when_there_is_room() {
    for forever in [false, true] {
        let played = play(Scene { file: WAL_INDEX, forever, ..ANY_WRITE }).await;
        assert!(played.stopped == 0 && played.unopened > 0, "{played:?}");
        assert!(forever || played.acknowledged_afterwards > 0, "{played:?}");
    }
}

/// Plays a scene with k = 1, 2, 3, ... until the fault does not strike any more.
async fn play(scene: Scene) -> Played {
    let stride = std::env::var("SENTINEL_FAULTS_STRIDE");
    let stride: u64 = stride.map_or(STRIDE, |stride| stride.parse().expect("a stride"));
    let seed = seed_from("SENTINEL_TEST_SEED");
    let plan = Plan { engine: scene.engine, seed, batches: BATCHES, first_sequence: 1 };
    let (mut played, mut runs, mut at, mut has_struck) = (Played::default(), JoinSet::new(), 1, true);
    while has_struck || !runs.is_empty() {
        if has_struck && runs.len() < AT_ONCE {
            runs.spawn(play_once(plan, scene, at));
            at += if at < ALL_UP_TO { 1 } else { stride };
            continue;
        }
        let (at, run) = runs.join_next().await.expect("one runs").expect("it is judged");
        match run {
            Some(run) => played.add(at, &run),
            None => has_struck = false,
        }
    }
    println!("{scene:?}: {played:?}");
    played
}

/// Plays it once; `None`: the fault did not strike.
async fn play_once(plan: Plan, scene: Scene, at: u64) -> (u64, Option<Run>) {
    let Scene { operation, failure, file, forever, .. } = scene;
    let fault = Fault { operation, failure, file, at, forever };
    let run = tokio::task::spawn_blocking(move || plan.run(Some(fault))).await.expect("the process runs");
    if run.place.fired() == 0 {
        return (at, None);
    }
    let told = format!("{fault:?}, seed {}: {:?} {:?}", plan.seed, run.ledger.steps, run.ledger.refusals);
    assert_eq!(look(run.place.data(), &run.ledger, usize::MAX).await, Finding::sound(), "{told}");
    judge(&run, scene, &told);
    (at, Some(run))
}

/// Checks that the process did as it promises once the fault had struck.
fn judge(run: &Run, scene: Scene, told: &str) {
    let (ledger, struck) = (&run.ledger, run.struck());
    let begun_afterwards = ledger.begun_after(struck.place);
    let acknowledged_afterwards =
        begun_afterwards.iter().filter(|(_, is_acknowledged)| *is_acknowledged).count();
    let is_open = ledger.step("opened").is_some_and(|place| place < struck.place)
        && ledger.step("closing").is_none_or(|place| place > struck.place);
    let has_stopped = ledger.step("failed").is_some();
    match (scene.failure, scene.forever) {
        (Failure::NoSpace, false) => {
            assert_eq!(acknowledged_afterwards, begun_afterwards.len(), "what comes later succeeds: {told}");
            assert!(!has_stopped, "a full disk is no reason to stop: {told}");
        }
        (Failure::NoSpace, true) => {
            assert_eq!(acknowledged_afterwards, 0, "there is no room: {told}");
            assert!(!has_stopped, "a full disk is no reason to stop: {told}");
        }
        // SQLite keeps the outcome of a checkpoint of its own to itself; the WAL still holds what it holds.
        (Failure::Io, _) if struck.file == LOGS_WAL && is_open && scene.engine == Engine::Shipped => {
            assert!(has_stopped, "an I/O error stops the store: {told}");
            assert_eq!(acknowledged_afterwards, 0, "after an I/O error: {told}");
        }
        (Failure::Io, _) => {}
    }
}

impl Played {
    fn add(&mut self, at: u64, run: &Run) {
        let struck = run.struck();
        let afterwards = run.ledger.begun_after(struck.place);
        if run.ledger.step("unopened").is_none() && run.ledger.step("failed").is_none() {
            let is_late = run.ledger.step("opened").is_some_and(|place| place < struck.place);
            let phase = if is_late { "open" } else { "being opened" };
            *self.survived.entry(format!("{} {phase}", struck.file)).or_default() += 1;
        }
        self.runs += 1;
        self.last_struck = self.last_struck.max(at);
        self.unopened += usize::from(run.ledger.step("opened").is_none());
        self.stopped += usize::from(run.ledger.step("failed").is_some());
        self.acknowledged += run.ledger.acknowledged_before(usize::MAX);
        self.acknowledged_afterwards +=
            afterwards.iter().filter(|(_, is_acknowledged)| *is_acknowledged).count();
    }
}

/// Where and when the fault struck first.
struct Struck {
    place: usize,
    file: String,
}

impl Run {
    fn struck(&self) -> Struck {
        let mut names = BTreeMap::new();
        for (place, event) in self.trace.events.iter().enumerate() {
            match event {
                Event::Create { file, name, .. } => {
                    names.insert(*file, name.clone());
                }
                Event::Fault { file } => {
                    return Struck { place, file: names.get(file).cloned().unwrap_or_default() };
                }
                _ => {}
            }
        }
        panic!("the fault did not strike");
    }
}
