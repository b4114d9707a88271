//! Backups through the programs: taken from running services, put back into a new directory, and as good as the
//! original, keys included.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use e2e_tests::installation::{ask, sentinel};
use e2e_tests::{Answer, Installation, Service};
use reqwest::Client;
use serde_json::json;

use crate::files;

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

fn backup(data_dir: &Path, target: &Path) -> Output {
    sentinel(&["backup", "--to", target.to_str().unwrap()], data_dir)
}

/// Returns the one backup in a directory.
fn backup_in(directory: &Path) -> PathBuf {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_logs = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.ends_with(".db") && !name.ends_with(".control.db")
    };
    let backups: Vec<_> = files.filter(is_logs).collect();
    assert_eq!(backups.len(), 1, "{backups:?}");
    backups[0].clone()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
