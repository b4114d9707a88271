//! API keys: shown once, kept nowhere, and good for what they were made for, as long as they were made for it.

use std::fs;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use e2e_tests::installation::sentinel;
use e2e_tests::{Answer, Installation, Service};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use sqlx::Connection;
use testkit::wait_until;

use crate::files;

/// The promise: so long after a key was revoked, no process takes it any more.
const REVOKED_WITHIN: Duration = Duration::from_secs(2);

/// The part of a key that is secret: what follows `ls_<id>_`.
fn secret_of(key: &str) -> &str {
    &key["ls_12345678_".len()..]
}

/// The part of a key that is public.
fn id_of(key: &str) -> &str {
    &key["ls_".len()..][..8]
}

#[tokio::test]
async fn create_prints_the_key_alone_and_list_prints_everything_else() {
    let data = tempfile::tempdir().unwrap();

    let created = sentinel(&["keys", "create", "--name", "web", "--scopes", "read,delete"], data.path());
    let listed = sentinel(&["keys", "list"], data.path());

    let (stdout, list) =
        (String::from_utf8(created.stdout).unwrap(), String::from_utf8(listed.stdout).unwrap());
    let key = stdout.strip_suffix('\n').expect("a whole line");
    let is_key = key.len() == 61
        && key.starts_with("ls_")
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    assert!(is_key, "{stdout:?}");
    assert!(created.status.success() && listed.status.success());
    for part in [id_of(key), "web", "default", "read,delete", "works"] {
        assert!(list.contains(part), "no {part} in {list}");
    }
    assert!(!list.contains(secret_of(key)), "{list}");
}

#[tokio::test]
async fn the_text_of_a_key_is_in_no_file_and_in_no_log() {
    let data = tempfile::tempdir().unwrap();
    let created = sentinel(&["keys", "create", "--scopes", "ingest,read"], data.path());
    let key = String::from_utf8(created.stdout).unwrap().trim().to_owned();
    let talkative = [("RUST_LOG", "debug")];
    let services =
        ["ingest-svc", "query-svc"].map(|name| Service::start_with(name, data.path(), &[], &talkative));

    for service in &services {
        for request in every_way_to_send(&key, service) {
            let answer = Answer::to(request).await;
            assert!(!answer.text().contains(secret_of(&key)), "{}", answer.text());
        }
    }
    let while_they_run = files_with(data.path(), secret_of(&key));
    let printed = services.each_ref().map(Service::printed);
    let ended = services.map(Service::stop);
    let afterwards = files_with(data.path(), secret_of(&key));

    assert!(ended.iter().all(ExitStatus::success), "{ended:?}");
    assert_eq!((while_they_run, afterwards), (vec![], vec![]));
    for printed in printed {
        let lines = [printed.stdout(), printed.stderr()].concat();
        assert!(
            lines.iter().any(|line| line.contains("answered")),
            "the log is as talkative as asked: {lines:#?}"
        );
        let telling: Vec<&String> = lines.iter().filter(|line| line.contains(secret_of(&key))).collect();
        assert!(telling.is_empty(), "{telling:#?}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_by_both_running_services_at_once() {
    let installation = Installation::start();
    let key = installation.create_key(&["--scopes", "ingest,read"]);
    let before = statuses(&installation, &key).await;

    let revoked = sentinel(&["keys", "revoke", id_of(&key)], installation.data.path());
    wait_until("both refuse it", REVOKED_WITHIN, async || {
        (statuses(&installation, &key).await == [401, 401]).then_some(())
    })
    .await;
    let again = sentinel(&["keys", "revoke", id_of(&key)], installation.data.path());

    assert_eq!(before, [201, 200]);
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    assert!(!again.status.success(), "there is nothing left to revoke");
    assert_eq!(statuses(&installation, &installation.key).await, [201, 200], "other keys go on working");
}

#[tokio::test]
async fn an_expired_key_is_refused() {
    let installation = Installation::start();
    let key = installation.create_key(&["--scopes", "ingest,read", "--expires", "1m"]);
    let before = statuses(&installation, &key).await;

    // The shortest life is a minute. Nobody wants to wait for its end, so it lies in the past now.
    let mut control = files::open(&installation.data.path().join("control.db")).await;
    let update = sqlx::query(
        "UPDATE api_keys SET expires_at = created_at - 1 WHERE id = ? AND expires_at > created_at",
    );
    let updated = update.bind(id_of(&key)).execute(&mut control).await.unwrap().rows_affected();
    control.close().await.unwrap();
    wait_until("both refuse it", REVOKED_WITHIN, async || {
        (statuses(&installation, &key).await == [401, 401]).then_some(())
    })
    .await;
    let listed = sentinel(&["keys", "list"], installation.data.path());

    assert_eq!((before, updated), ([201, 200], 1));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let line = listed.lines().find(|line| line.contains(id_of(&key))).unwrap_or_default();
    assert!(line.contains("expired"), "{listed}");
}

/// Asks both services something that they do for a key with the scopes `ingest` and `read`.
async fn statuses(installation: &Installation, key: &str) -> [u16; 2] {
    let log = json!({"service": "s", "message": "m"});
    let post = installation.client.post(installation.ingest.url("/logs")).bearer_auth(key).json(&log);
    let get = installation.client.get(installation.query.url("/logs")).bearer_auth(key);
    [Answer::to(post).await.status.as_u16(), Answer::to(get).await.status.as_u16()]
}

/// Reads and writes, with every way to send a key: the right ones, and a mistyped and a doubled one.
fn every_way_to_send(key: &str, service: &Service) -> Vec<RequestBuilder> {
    let client = Client::new();
    let log = json!({"service": "s", "message": "m"});
    let requests = || [client.get(service.url("/logs")), client.post(service.url("/logs")).json(&log)];
    let ways: [fn(RequestBuilder, &str) -> RequestBuilder; 6] = [
        |request, key| request.bearer_auth(key),
        |request, key| request.header("Authorization", format!("Token {key}")),
        |request, key| request.header("X-API-Key", key),
        |request, key| request.basic_auth("anybody", Some(key)),
        |request, key| request.bearer_auth(format!("{key}x")),
        |request, key| request.bearer_auth(key).header("X-API-Key", format!("{key}x")),
    ];
    ways.iter().flat_map(|way| requests().map(|request| way(request, key))).collect()
}

/// Returns the files of a directory, and below, that hold a text.
fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory that can be read") {
        let path = entry.expect("an entry that can be read").path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
            continue;
        }
        let bytes = fs::read(&path).expect("a file that can be read");
        if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}
