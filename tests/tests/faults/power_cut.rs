//! Power cuts at every acknowledgement and after every sync: what was acknowledged is there, once.
//!
//! `SENTINEL_POWER_CUT_IMAGES` says how many disks are looked at (`just power-cut`: 10,000),
//! `SENTINEL_POWER_CUT_SEED` which ones. How the process's threads take turns does not derive from the seed.

use std::sync::Arc;

use e2e_tests::seed_from;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use store_sqlite::faults::Synchronous;
use tokio::task::{JoinError, JoinSet};

use crate::disk::Disk;
use crate::image::{Finding, look};
use crate::load::{Engine, Plan, Run};
use crate::shim::{Place, directory_in_memory};
use crate::trace::Event;

/// How many disks are looked at, and so many more for each of the two engines that must fail.
const IMAGES: usize = 3000;
const CONTROL_IMAGES: usize = 150;

/// How many of one process's life, about.
const IMAGES_PER_RUN: usize = 500;

/// How many processes, about, find the disk of one whose power was cut, and how many disks are looked at of each.
const SECOND_LIVES: f64 = 10.0;
const IMAGES_PER_SECOND_LIFE: usize = 60;

/// At each cut: the disk with only what is certain, and so many that are possible.
const POSSIBLE_PER_CUT: usize = 4;

/// How many images are looked at at the same time.
const AT_ONCE: usize = 4;

/// How many batches each sender sends before the next process takes over.
const BATCHES: u64 = 60;

/// What was found in many images.
#[derive(Debug, Default)]
struct Tally {
    images: usize,
    runs: usize,
    cuts: usize,
    acknowledged: usize,
    lost: usize,
    lost_at_most: usize,
    /// Deleted, and back.
    back: usize,
    corrupt: usize,
    /// Doubled, or never sent like that.
    wrong: usize,
    examples: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_or_back_after_a_power_cut() {
    let seed = seed_from("SENTINEL_POWER_CUT_SEED");
    let wanted = std::env::var("SENTINEL_POWER_CUT_IMAGES");
    let wanted = wanted.map_or(IMAGES, |images| images.parse().expect("a number of images"));

    let mut tally = Tally::default();
    while tally.images < wanted {
        // Every fourth process checkpoints as rarely as the one that is shipped.
        let engine =
            if tally.runs % 4 == 1 { Engine::Shipped } else { Engine::Checkpointing(Synchronous::Full) };
        let plan = Plan { engine, seed: seed.wrapping_add(tally.runs as u64), ..undisturbed(seed) };
        cut_power(plan, IMAGES_PER_RUN.min(wanted), &mut tally).await;
    }

    println!("FULL: {tally:?}");
    assert_eq!((tally.lost, tally.back, tally.corrupt, tally.wrong), (0, 0, 0, 0), "{tally:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_power_fails_again_during_the_recovery_or_after_it() {
    let seed = seed_from("SENTINEL_POWER_CUT_SEED");
    let mut rng = StdRng::seed_from_u64(seed);
    let first = live(undisturbed(seed), Place::new()).await;
    let cuts = first.trace.events.iter().filter(|event| is_cut(event)).count();
    let (mut disk, mut tally) = (Disk::default(), Tally::default());
    for (place, event) in first.trace.events.iter().enumerate() {
        disk.take(event, &first.trace);
        if !is_cut(event) || !rng.random_bool(SECOND_LIVES / cuts as f64) {
            continue;
        }
        let found = Place::new();
        std::fs::create_dir(found.data()).unwrap();
        disk.write_possible(found.data(), &first.trace, &mut rng);
        let found_disk = Disk::of(found.data());
        let plan =
            Plan { batches: 3, first_sequence: 1_000_000, ..undisturbed(seed.wrapping_add(place as u64)) };
        let mut second = live(plan, found).await;
        second.ledger = second.ledger.with_earlier(&first.ledger, place + 1);
        look_at_disks(found_disk, second, IMAGES_PER_SECOND_LIFE, &mut tally).await;
    }

    println!("FULL, twice: {tally:?}");
    assert!(tally.images > 0);
    assert_eq!((tally.lost, tally.back, tally.corrupt, tally.wrong), (0, 0, 0, 0), "{tally:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_does_not_wait_for_the_disk_is_caught_losing_records() {
    let tally = control(Synchronous::Normal).await;
    assert!(tally.lost > 0, "{tally:#?}");
    assert_eq!((tally.corrupt, tally.wrong), (0, 0), "a checkpoint still waits: {tally:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_never_waits_is_caught_with_corrupt_files() {
    let tally = control(Synchronous::Off).await;
    assert!(tally.lost > 0 && tally.corrupt > 0, "{tally:#?}");
}

async fn control(synchronous: Synchronous) -> Tally {
    let seed = seed_from("SENTINEL_POWER_CUT_SEED");
    let mut tally = Tally::default();
    let plan = Plan { engine: Engine::Checkpointing(synchronous), ..undisturbed(seed) };
    cut_power(plan, CONTROL_IMAGES, &mut tally).await;
    println!("{synchronous:?}: {tally:?}");
    tally
}

/// A process with checkpoints that promises what the one that is shipped does.
fn undisturbed(seed: u64) -> Plan {
    Plan { engine: Engine::Checkpointing(Synchronous::Full), seed, batches: BATCHES, first_sequence: 1 }
}

/// Runs a process, and looks at so many disks of it, spread over its life.
async fn cut_power(plan: Plan, images: usize, tally: &mut Tally) {
    let run = live(plan, Place::new()).await;
    look_at_disks(Disk::default(), run, images, tally).await;
}

async fn live(plan: Plan, place: Place) -> Run {
    let run = tokio::task::spawn_blocking(move || plan.run_in(place, None)).await.expect("the process runs");
    assert!(run.ledger.step("closed").is_some(), "an undisturbed process ends in order");
    run
}

/// Lets what a process did happen to a disk again, and looks at so many disks that may be left of it.
async fn look_at_disks(mut disk: Disk, run: Run, images: usize, tally: &mut Tally) {
    let run = Arc::new(run);
    let cuts = run.trace.events.iter().filter(|event| is_cut(event)).count();
    let chance = images as f64 / (cuts * (POSSIBLE_PER_CUT + 1)) as f64;
    let mut rng = StdRng::seed_from_u64(run.plan.seed);
    let mut looks = JoinSet::new();
    for (place, event) in run.trace.events.iter().enumerate() {
        disk.take(event, &run.trace);
        if !is_cut(event) || !rng.random_bool(chance.min(1.0)) {
            continue;
        }
        tally.cuts += 1;
        for number in 0..=POSSIBLE_PER_CUT {
            let image = directory_in_memory();
            match number {
                0 => disk.write_certain(image.path()),
                _ => disk.write_possible(image.path(), &run.trace, &mut rng),
            }
            let run = Arc::clone(&run);
            looks.spawn(async move {
                let found = look(image.path(), &run.ledger, place + 1).await;
                (format!("seed {}, event {place}, image {number}", run.plan.seed), found)
            });
            if looks.len() >= AT_ONCE {
                tally.take(looks.join_next().await);
            }
        }
    }
    while !looks.is_empty() {
        tally.take(looks.join_next().await);
    }
    tally.finish(&run);
}

fn is_cut(event: &Event) -> bool {
    match event {
        Event::Told(line) => line.starts_with(['+', '-']),
        other => matches!(other, Event::Sync { .. } | Event::DirectorySync),
    }
}

impl Tally {
    fn take(&mut self, looked: Option<Result<(String, Finding), JoinError>>) {
        let Some(looked) = looked else { return };
        self.images += 1;
        // An engine that panics over a file has found it corrupt, in its way.
        let (which, found) =
            looked.unwrap_or_else(|panic| ("?".to_owned(), Finding::Corrupt(panic.to_string())));
        match &found {
            Finding::Corrupt(_) => self.corrupt += 1,
            Finding::Read(differences) => {
                self.lost += usize::from(!differences.lost.is_empty());
                self.lost_at_most = self.lost_at_most.max(differences.lost.len());
                self.back += usize::from(!differences.undead.is_empty());
                self.wrong += usize::from(!differences.doubled.is_empty() || !differences.strange.is_empty());
            }
        }
        if found != Finding::sound() && self.examples.len() < 3 {
            self.examples.push(format!("{which}: {found:.300?}"));
        }
    }

    fn finish(&mut self, run: &Run) {
        self.runs += 1;
        self.acknowledged += run.ledger.acknowledged_before(usize::MAX);
    }
}
