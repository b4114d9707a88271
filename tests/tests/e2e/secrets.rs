//! Where a key must not show: in the files, the services' own logs, their environments and command lines.

use std::fs;
use std::path::{Path, PathBuf};

use e2e_tests::{Answer, Installation};
use serde_json::json;

/// Returns every file below a folder.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    paths.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

/// Returns the parts of a key that nobody must find: the whole, and its secret.
fn secrets_of(key: &str) -> [&str; 2] {
    [key, key.rsplit('_').next().expect("a key has parts")]
}

#[tokio::test]
async fn a_key_is_in_no_file_no_log_no_environment_and_no_command_line() {
    let loud = [("RUST_LOG", "trace".into()), ("SENTINEL_LOG_FORMAT", "json".into())];
    let installation = Installation::start_in(tempfile::tempdir().unwrap(), &loud);
    let key = installation.key.clone();
    for path in ["/logs", "/api/v1/logs/batch", "/no/such/path"] {
        let with = |request: reqwest::RequestBuilder| request.bearer_auth(&key).header("X-API-Key", &key);
        let body = json!([{"service": "s", "message": "m"}]);
        Answer::to(with(installation.client.post(installation.ingest.url(path)).json(&body))).await;
        Answer::to(with(installation.client.get(installation.query.url(path)))).await;
        // In places where it does not belong, and in a broken form.
        let lost = format!("{path}?api_key={key}");
        Answer::to(installation.client.get(installation.query.url(&lost))).await;
        Answer::to(installation.client.get(installation.query.url(path)).bearer_auth(format!("{key}x")))
            .await;
        let scheme = format!("Digest {key}");
        Answer::to(installation.client.get(installation.query.url(path)).header("Authorization", scheme))
            .await;
    }
    let mut places: Vec<(String, Vec<u8>)> = Vec::new();
    for service in [&installation.ingest, &installation.query] {
        for file in ["environ", "cmdline"] {
            let path = format!("/proc/{}/{file}", service.pid());
            places.push((path.clone(), fs::read(&path).expect("the process runs")));
        }
    }
    for path in files_in(installation.data.path()) {
        places.push((path.display().to_string(), fs::read(&path).expect("the file can be read")));
    }
    let Installation { data: _data, ingest, query, .. } = installation;
    for service in [ingest, query] {
        let printed = service.printed();
        let ended = service.stop();
        assert!(ended.success(), "{ended}");
        places.push((
            "what it prints".to_owned(),
            format!("{:?}{:?}", printed.stdout(), printed.stderr()).into_bytes(),
        ));
    }

    assert!(places.len() > 6, "there are files to look through");
    let contains = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    for (place, bytes) in &places {
        for secret in secrets_of(&key) {
            assert!(!contains(bytes, secret), "the key is in {place}");
        }
    }
    // The look-through can find something: the message is in the files.
    assert!(places.iter().any(|(_, bytes)| contains(bytes, "api_keys")));
}
