//! A table of bodies to post, and what is to become of each.

use e2e_tests::{Answer, Installation};
use reqwest::Body;
use serde_json::Value;

/// Where a record is at fault: its index, the field, the code.
type Fault = (u64, Option<&'static str>, &'static str);

/// A post, and what is to become of it.
pub(super) struct Post {
    what: String,
    path: &'static str,
    headers: Vec<(&'static str, Vec<u8>)>,
    key: Option<String>,
    body: Body,
    status: u16,
    code: &'static str,
    faults: Vec<Fault>,
    stored: Vec<String>,
}

impl Post {
    /// A body of which everything is refused, with a 400 of this code.
    pub(super) fn refused(what: impl Into<String>, body: impl Into<Body>, code: &'static str) -> Self {
        let (what, body) = (what.into(), body.into());
        let (headers, faults, stored) = (Vec::new(), Vec::new(), Vec::new());
        Self { what, path: "/logs", headers, key: None, body, status: 400, code, faults, stored }
    }

    /// A body of which only records with these messages are stored.
    pub(super) fn stored(what: impl Into<String>, body: impl Into<Body>, messages: &[&str]) -> Self {
        let stored = messages.iter().map(|message| (*message).to_owned()).collect();
        Self { status: 201, stored, ..Self::refused(what, body, "") }
    }

    /// The answer names this record, this field of it, and why; in this order, if it is said several times.
    pub(super) fn at(
        mut self,
        index: u64,
        field: impl Into<Option<&'static str>>,
        code: &'static str,
    ) -> Self {
        self.faults.push((index, field.into(), code));
        self
    }

    /// The request has this header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The request comes with this key instead of the installation's own.
    pub(super) fn by(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// The request goes to this path instead of `/logs`.
    pub(super) fn to(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    /// The answer has this status instead of 400.
    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// Posts every body, and checks each answer and, after each, that the store holds what was accepted so far.
/// At the end every message is read again.
pub(super) async fn check(installation: &Installation, posts: Vec<Post>) {
    let mut wrong = Vec::new();
    let mut stored: Vec<String> = Vec::new();
    for post in posts {
        stored.extend_from_slice(&post.stored);
        let what = post.what.clone();
        if let Err(error) = check_one(installation, post).await {
            wrong.push(format!("{what}: {error}"));
        }
        let total = Answer::to(installation.get("/stats")).await.json()["total"].clone();
        if total != stored.len() {
            wrong.push(format!("{what}: {} logs should be stored, {total} are", stored.len()));
        }
    }
    assert!(wrong.is_empty(), "{} of the answers are wrong:\n{}", wrong.len(), wrong.join("\n"));

    let mut logs = installation.all_logs("").await;
    logs.sort_by_key(|log| log["id"].as_i64());
    let found: Vec<_> = logs.iter().map(|log| log["message"].as_str().expect("a text")).collect();
    assert_eq!(found, stored);
}

async fn check_one(installation: &Installation, post: Post) -> Result<(), String> {
    let key = post.key.as_ref().unwrap_or(&installation.key);
    let mut request = installation.client.post(installation.ingest.url(post.path)).bearer_auth(key);
    for (name, value) in post.headers {
        request = request.header(name, value);
    }
    let answer = Answer::to(request.body(post.body)).await;
    let said = if post.status == 201 {
        accepted(&answer, post.stored.len())?
    } else {
        answer.problem(post.status, post.code)?
    };
    let faults: Vec<Fault> = post.faults;
    let expected: Vec<Value> = faults.iter().map(|(index, ..)| (*index).into()).collect();
    let errors = said["errors"].as_array().cloned().unwrap_or_default();
    let found: Vec<Value> = errors.iter().map(|error| error["index"].clone()).collect();
    if found != expected {
        return Err(format!("records {expected:?} are at fault, found {said}"));
    }
    for ((_, field, code), error) in faults.iter().zip(&errors) {
        if error["field"].as_str() != *field || error["code"] != *code || !error["detail"].is_string() {
            return Err(format!("expected {field:?} {code}, found {error}"));
        }
    }
    Ok(())
}

fn accepted(answer: &Answer, count: usize) -> Result<Value, String> {
    let said = answer.json();
    let is_right = answer.status == 201 && said["accepted"] == count;
    if is_right { Ok(said) } else { Err(format!("expected {count} to be stored, found {}", answer.text())) }
}
