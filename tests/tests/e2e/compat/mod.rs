//! Clients of the older systems: what they ask, and the answers that they expect, in the files of `tests/compat`.
//!
//! A folder is a system: its files are sent in order to one `sentinel up` of its own, which answers on one origin, as
//! those systems did. A file is `{"headers": {..}, "requests": [..]}`; a request is
//!
//! ```text
//! {"name", "method", "path", "headers": {..},              null: this header of the file is left out
//!  "body": any JSON, or "body_of": {"count", "log"},       so many of that log
//!  "expect": {"status", "headers": {..}, "json", "length": of an array, "lines": of a text,
//!             "save": {"name": "/json/pointer"}}}
//! ```
//!
//! `{key}`, `{other_key}` (of another tenant) and what was saved stand for themselves in paths, headers and bodies.
//! Expected texts are compared by `pattern`. A file with `"needs": "/a/path"` waits for a route that is not there.

mod pattern;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use e2e_tests::installation::{ask, sentinel};
use e2e_tests::programs::repository;
use e2e_tests::{Answer, Service};
use reqwest::{Client, Method};
use serde_json::{Map, Value};

/// A system's clients, and the services that answer them.
struct System {
    client: Client,
    up: Service,
    paths: Value,
    /// What stands for what.
    names: BTreeMap<String, String>,
    /// The data directory, which goes with it.
    _data: tempfile::TempDir,
}

#[tokio::test]
async fn clients_of_the_older_systems_get_the_answers_that_they_expect() {
    let mut wrong = Vec::new();
    let mut passed = Vec::new();
    for folder in sorted(&repository().join("tests/compat")) {
        let mut system = System::start().await;
        for path in sorted(&folder) {
            let name = format!("{}/{}", name_of(&folder), name_of(&path));
            let Some(faults) = system.check(&path).await else {
                eprintln!("SKIPPED: {name}, for its route is not there");
                continue;
            };
            if faults.is_empty() {
                passed.push(name);
            } else {
                wrong.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
            }
        }
    }

    assert!(wrong.is_empty(), "{} answers are not as expected:\n{}", wrong.len(), wrong.join("\n"));
    let systems: Vec<bool> = ["s0/", "s1/", "s2/", "s3/", "s4/"]
        .iter()
        .map(|system| passed.iter().any(|name| name.starts_with(system)))
        .collect();
    assert_eq!(systems, [true; 5], "a file of every system passed: {passed:?}");
}

impl System {
    async fn start() -> Self {
        let data = tempfile::tempdir().expect("a temporary directory can be made");
        let (key, other_key) = (make_key(data.path(), "default"), make_key(data.path(), "other"));
        let up = Service::start("sentinel", data.path(), &[]);
        let client = Client::new();
        let (_, document) = ask(client.get(up.url("/openapi.json"))).await;
        let names = BTreeMap::from([("{key}".to_owned(), key), ("{other_key}".to_owned(), other_key)]);
        Self { client, up, paths: document["paths"].clone(), names, _data: data }
    }

    /// Sends the requests of a file; returns what is wrong with the answers. `None`: it waits for a route.
    async fn check(&mut self, path: &Path) -> Option<Vec<String>> {
        let text = fs::read_to_string(path).expect("a file can be read");
        let file: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        if file["needs"].as_str().is_some_and(|needed| self.paths[needed].is_null()) {
            return None;
        }
        let mut faults = Vec::new();
        let requests = file["requests"].as_array().expect("a file has requests");
        assert!(!requests.is_empty(), "{path:?} asks for nothing");
        for request in requests {
            let answer = self.send(&file["headers"], request).await;
            let expected = &request["expect"];
            let found = faults_of(expected, &answer);
            faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", request["name"])));
            for (name, pointer) in expected["save"].as_object().into_iter().flatten() {
                let pointer = pointer.as_str().expect("a pointer is a text");
                let saved =
                    answer.json().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
                self.names.insert(format!("{{{name}}}"), saved);
            }
        }
        Some(faults)
    }

    async fn send(&self, common: &Value, request: &Value) -> Answer {
        let method = request["method"].as_str().expect("a request has a method");
        let method = Method::from_bytes(method.as_bytes()).expect("a method is one");
        let url = self.up.url(&self.filled(request["path"].as_str().expect("a request has a path")));
        let mut sent = self.client.request(method, url);
        let mut headers = common.as_object().cloned().unwrap_or_default();
        headers.extend(request["headers"].as_object().cloned().unwrap_or_else(Map::new));
        for (name, value) in headers {
            if let Some(value) = value.as_str() {
                sent = sent.header(name, self.filled(value));
            }
        }
        if let Some(body) = body_of(request) {
            sent = sent.header("Content-Type", "application/json").body(self.filled(&body.to_string()));
        }
        Answer::to(sent).await
    }

    /// Puts what names stand for into a text.
    fn filled(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

fn body_of(request: &Value) -> Option<Value> {
    if let Some(body) = request.get("body") {
        return Some(body.clone());
    }
    let many = request.get("body_of")?;
    let count = many["count"].as_u64().expect("a count is a number");
    Some((0..count).map(|_| many["log"].clone()).collect())
}

/// Returns what is not as expected.
fn faults_of(expected: &Value, answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    if expected["status"] != answer.status.as_u16() {
        faults.push(format!("{}, not {}: {}", answer.status, expected["status"], answer.text()));
        return faults;
    }
    for (name, value) in expected["headers"].as_object().into_iter().flatten() {
        let (value, found) = (value.as_str().expect("a header is a text"), answer.header(name));
        if found.is_empty() || !pattern::fits_text(value, found) {
            faults.push(format!("{name} is {found:?}, not {value:?}"));
        }
    }
    if let Some(json) = expected.get("json") {
        pattern::compare(json, &answer.json(), "", &mut faults);
    }
    if let Some(length) = expected["length"].as_u64() {
        let found = answer.json().as_array().map(Vec::len);
        if found.map(|found| found as u64) != Some(length) {
            faults.push(format!("{found:?} elements, not {length}"));
        }
    }
    if let Some(lines) = expected["lines"].as_array() {
        let text = answer.text();
        let found: Vec<&str> = text.lines().collect();
        let is_right = lines.len() == found.len()
            && lines
                .iter()
                .zip(&found)
                .all(|(line, found)| pattern::fits_text(line.as_str().expect("a line is a text"), found));
        if !is_right {
            faults.push(format!("the lines are {found:#?}"));
        }
    }
    faults
}

fn make_key(data_dir: &Path, tenant: &str) -> String {
    let scopes = "ingest,read,delete,alerts,admin";
    let output = sentinel(&["keys", "create", "--tenant", tenant, "--scopes", scopes], data_dir);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a key is ASCII").trim_end().to_owned()
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder:?} is empty");
    paths
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("a path has a name").to_string_lossy().into_owned()
}
