//! Backups through the programs: taken from running services, put back into a new directory, and as good as the
//! original, keys included.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use e2e_tests::installation::{ask, sentinel};
use e2e_tests::programs::program;
use e2e_tests::{Answer, Installation, Service};
use reqwest::Client;
use serde_json::json;
use testkit::wait_until;

use crate::files;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_backup_of_running_services_is_restored_with_its_logs_and_its_keys() {
    let original = Installation::start();
    for n in 0..20 {
        let log = |part: u32| json!({"service": "shop", "message": format!("log {n}-{part}")});
        original.post_logs(&json!([log(0), log(1), log(2)])).await;
    }
    let target = tempfile::tempdir().unwrap();
    let logs_before = original.all_logs("").await;

    let taken = backup(original.data.path(), target.path());
    original.post_logs(&json!([{"service": "shop", "message": "after the backup"}])).await;

    let (file, restored) = (backup_in(target.path()), tempfile::tempdir().unwrap());
    let printed = text(&taken.stdout);
    assert!(taken.status.success(), "{}", text(&taken.stderr));
    assert!(printed.contains(&file.display().to_string()) && printed.contains("60 logs"), "{printed}");
    let put_back = sentinel(&["restore", file.to_str().unwrap()], restored.path());
    assert!(put_back.status.success(), "{}", text(&put_back.stderr));
    let up = Service::start("sentinel", restored.path(), &[]);
    let get = Client::new().get(up.url("/logs?limit=1000")).bearer_auth(&original.key);
    let (_, logs) = ask(get).await;
    let (_, stats) = ask(Client::new().get(up.url("/stats")).bearer_auth(&original.key)).await;
    let post = Client::new().post(up.url("/logs")).bearer_auth(&original.key);
    let posted = Answer::to(post.json(&json!({"service": "shop", "message": "in the new place"}))).await;
    assert!(up.stop().success());

    assert_eq!((logs.as_array(), &stats["total"]), (Some(&logs_before), &json!(60)));
    assert_eq!(posted.status.as_u16(), 201);
    files::assert_in_order(restored.path(), 61).await;
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_the_reason_and_changes_nothing() {
    let original = Installation::start();
    original.post_logs(&json!([{"service": "shop", "message": "precious"}])).await;
    let target = tempfile::tempdir().unwrap();
    assert!(backup(original.data.path(), target.path()).status.success());
    let file = backup_in(target.path());

    let over_the_original = sentinel(&["restore", file.to_str().unwrap()], original.data.path());
    let into_itself = backup(original.data.path(), original.data.path());
    fs::write(&file, "no backup any more").unwrap();
    let new = tempfile::tempdir().unwrap();
    let of_a_damaged_one = sentinel(&["restore", file.to_str().unwrap()], new.path());

    for (output, reason) in [
        (over_the_original, "is not overwritten"),
        (into_itself, "a backup belongs elsewhere"),
        (of_a_damaged_one, "is damaged"),
    ] {
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(reason), "{reason}: {said}");
    }
    assert_eq!(original.all_logs("").await.len(), 1);
    assert_eq!(fs::read_dir(new.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_a_whole_one_or_nothing_that_looks_like_one() {
    let original = Installation::start();
    let many: Vec<_> = (0..5000).map(|n| json!({"service": "shop", "message": format!("log {n}")})).collect();
    original.post_logs(&json!(many)).await;
    for files_before_the_kill in 0..3 {
        let (target, restored) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut running = Command::new(program("sentinel"));
        running.args(["backup", "--to", target.path().to_str().unwrap(), "--data-dir"]);
        let mut running = running.arg(original.data.path()).stdout(Stdio::null()).spawn().unwrap();
        // It may also end first: then it has to have done all of it.
        wait_until("it has begun so many files, or has ended", PATIENCE, async || {
            let begun = fs::read_dir(target.path()).unwrap().count();
            (begun >= files_before_the_kill || running.try_wait().unwrap().is_some()).then_some(())
        })
        .await;
        running.kill().unwrap();
        let ended = running.wait().unwrap();

        let left = backups_in(target.path());
        assert!(ended.success() <= (left.len() == 1), "{ended}: {left:?}");
        for file in left {
            let put_back = sentinel(&["restore", file.to_str().unwrap()], restored.path());
            assert!(put_back.status.success(), "{}", text(&put_back.stderr));
            assert!(restored.path().join("control.db").exists());
            fs::remove_file(file).unwrap();
        }
        let next = backup(original.data.path(), target.path());
        let unfinished = fs::read_dir(target.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let unfinished: Vec<_> =
            unfinished.filter(|name| name.to_string_lossy().contains("unfinished")).collect();
        let said = text(&next.stderr);
        assert!(next.status.success() || said.contains("is not overwritten"), "{said}");
        assert!(unfinished.is_empty(), "{unfinished:?}");
    }
}

fn backup(data_dir: &Path, target: &Path) -> Output {
    sentinel(&["backup", "--to", target.to_str().expect("UTF-8")], data_dir)
}

/// Returns the one backup in a directory.
fn backup_in(directory: &Path) -> PathBuf {
    let mut backups = backups_in(directory);
    assert_eq!(backups.len(), 1, "{backups:?}");
    backups.remove(0)
}

/// Returns what looks like a backup in a directory.
fn backups_in(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).expect("it is there").map(|entry| entry.expect("an entry").path());
    let is_logs = |path: &PathBuf| {
        let name = path.file_name().expect("a file has a name").to_string_lossy();
        name.ends_with(".db") && !name.ends_with(".control.db")
    };
    files.filter(is_logs).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
