//! The programs themselves on a disk that fails or is full: what clients are told, and how it goes on.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use e2e_tests::{Answer, Comparison, Installation, Senders, seed_from};
use reqwest::StatusCode;
use serde_json::json;
use tempfile::TempDir;
use testkit::wait_until;

use crate::shim::{Failure, Fault, Operation, Place};

const SENDERS: u64 = 4;

/// How many batches are acknowledged before the disk fails, and again after it has recovered.
const BATCHES: u64 = 20;

/// How often is asked while the disk is full.
const QUESTIONS: usize = 25;

/// Long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is promised: so soon after there is room again records are taken.
const RECOVERED_WITHIN: Duration = Duration::from_secs(5);

/// The code with which a service ends whose store cannot go on.
const EXIT_FATAL_STORE: i32 = 70;

/// The size of a disk that is soon full, and of what lies on it at first.
const DISK: &str = "size=14m";
const BALLAST_BYTES: usize = 8 * 1024 * 1024;

/// Every operation of this kind fails, as long as the switch is on.
fn always(operation: Operation, failure: Failure) -> Fault {
    Fault { operation, failure, file: "", at: 1, forever: true }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_is_a_503_and_the_end_and_the_next_process_has_all_that_was_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let place = Place::around(data.path());
    let variables = place.switched_variables(always(Operation::Sync, Failure::Io));
    let mut installation = Installation::start_in(data, &variables);
    let senders = Senders::start(&installation, SENDERS, seed_from("SENTINEL_TEST_SEED"));
    wait_for_more(&senders, PATIENCE).await;

    fs::write(place.switch(), "").unwrap();
    let ended = installation.ingest.wait_for_end();
    let struck = place.fired();
    fs::remove_file(place.switch()).unwrap();
    installation.ingest.start_again();
    wait_for_more(&senders, PATIENCE).await;
    let diary = senders.finish().await;

    assert_eq!(ended.code(), Some(EXIT_FATAL_STORE), "{ended}");
    assert!(struck > 0 && !diary.refusals.is_empty());
    for refusal in &diary.refusals {
        assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refusal.text());
        assert_ne!(refusal.header("retry-after"), "", "{}", refusal.text());
    }
    assert_eq!(Comparison::of(&diary, &installation.all_logs("").await), Comparison::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_without_room_are_507_while_queries_are_answered_and_heal_by_themselves() {
    let data = tempfile::tempdir().unwrap();
    let place = Place::around(data.path());
    let variables = place.switched_variables(always(Operation::Write, Failure::NoSpace));
    let installation = Installation::start_in(data, &variables);

    fill_and_free(
        &installation,
        || fs::write(place.switch(), "").unwrap(),
        || fs::remove_file(place.switch()).unwrap(),
    )
    .await;
    assert!(place.fired() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_is_507_while_queries_are_answered_and_heals_by_itself() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: a disk that is really full, for nothing can be mounted here");
        return;
    };
    let data = tempfile::tempdir_in(disk.path()).unwrap();
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; BALLAST_BYTES]).unwrap();
    let installation = Installation::start_in(data, &[("SENTINEL_DISK_RESERVE", "0".into())]);

    // The senders fill it.
    fill_and_free(&installation, || {}, || fs::remove_file(&ballast).unwrap()).await;
}

/// Sends until there is no room, asks meanwhile, makes room, and looks whether it goes on.
async fn fill_and_free(installation: &Installation, fill: impl FnOnce(), free: impl FnOnce()) {
    let pid = installation.ingest.pid();
    let senders = Senders::start(installation, SENDERS, seed_from("SENTINEL_TEST_SEED"));
    wait_for_more(&senders, PATIENCE).await;
    let one_log = json!({"service": "full", "message": "x".repeat(100_000)});
    let post = async || Answer::to(installation.post("/logs").json(&one_log)).await;

    fill();
    let mut stored = 1;
    let refused = wait_until("there is no room", PATIENCE, async || {
        let answer = post().await;
        stored += u64::from(answer.status == StatusCode::CREATED);
        (answer.status != StatusCode::CREATED).then_some(answer)
    })
    .await;
    let mut answered = Vec::new();
    for _ in 0..QUESTIONS {
        answered.push(Answer::to(installation.get("/logs?limit=10")).await.status);
        answered.push(Answer::to(installation.get("/stats")).await.status);
    }
    free();
    wait_until("records are taken again", RECOVERED_WITHIN, async || {
        (post().await.status == StatusCode::CREATED).then_some(())
    })
    .await;
    wait_for_more(&senders, PATIENCE).await;
    let diary = senders.finish().await;

    refused.problem(507, "storage_full").expect("a full disk is said to be full");
    assert!(answered.iter().all(|status| *status == StatusCode::OK), "{answered:?}");
    assert!(diary.refusals.iter().all(|refusal| refusal.problem(507, "storage_full").is_ok()));
    assert_eq!((diary.unconnected, diary.broken), (0, 0), "the service was there all the time");
    assert_eq!(installation.ingest.pid(), pid);
    let mut logs = installation.all_logs("").await;
    let own = logs.extract_if(.., |log| log["service"] == "full").count() as u64;
    assert_eq!(own, stored, "what was posted beside the senders");
    assert_eq!(Comparison::of(&diary, &logs), Comparison::default());
}

async fn wait_for_more(senders: &Senders, at_most: Duration) {
    let goal = senders.acknowledged_batches() + BATCHES;
    wait_until("the senders go on", at_most, async || (senders.acknowledged_batches() >= goal).then_some(()))
        .await;
}

/// A filesystem of its own, in memory and small. Goes when it is dropped.
struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    /// `None`: this process may not mount anything.
    fn mount() -> Option<Self> {
        let disk = Self { directory: tempfile::tempdir().expect("a directory can be made") };
        fs::create_dir(disk.path()).expect("a directory can be made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(disk.path());
        mount.output().is_ok_and(|output| output.status.success()).then_some(disk)
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("disk")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}
