//! Both services over one data directory.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output};

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::Service;
use crate::programs::program;

/// ingest-svc and query-svc over a data directory of their own, and a key that may do everything.
#[derive(Debug)]
pub struct Installation {
    /// The data directory.
    pub data: TempDir,
    /// The write path.
    pub ingest: Service,
    /// The read path.
    pub query: Service,
    /// A key of the tenant `default` with every scope.
    pub key: String,
    /// A client to ask with.
    pub client: Client,
}

impl Installation {
    /// Starts both services.
    ///
    /// # Panics
    /// When they do not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary directory can be made"), &[])
    }

    /// Starts both services in a data directory, ingest-svc with these environment variables.
    ///
    /// # Panics
    /// When they do not start.
    #[must_use]
    pub fn start_in(data: TempDir, variables: &[(&str, OsString)]) -> Self {
        let key = create_key(data.path(), &["--scopes", "ingest,read,delete,alerts,admin"]);
        let ingest = Service::start_with("ingest-svc", data.path(), &[], variables);
        let query = Service::start("query-svc", data.path(), &[]);
        Self { data, ingest, query, key, client: Client::new() }
    }

    /// Makes a further key: `sentinel keys create` with these arguments.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn create_key(&self, arguments: &[&str]) -> String {
        create_key(self.data.path(), arguments)
    }

    /// Closes the client's connections. To be called after a service was ended: a client that has not noticed it
    /// yet would post to a connection that is dead.
    pub fn forget_connections(&mut self) {
        self.client = Client::new();
    }

    /// Begins a request to query-svc, with the key.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.query.url(path)).bearer_auth(&self.key)
    }

    /// Begins a delete on query-svc, with the key.
    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(self.query.url(path)).bearer_auth(&self.key)
    }

    /// Begins a post to ingest-svc, with the key.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.ingest.url(path)).bearer_auth(&self.key)
    }

    /// Posts logs as JSON and returns the answer, which has to be a 201.
    ///
    /// # Panics
    /// When it is not.
    pub async fn post_logs(&self, logs: &Value) -> Value {
        let (status, answer) = ask(self.post("/logs").json(logs)).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer
    }

    /// Returns all logs that a query string selects, page by page.
    ///
    /// # Panics
    /// When a page is not a 200.
    pub async fn all_logs(&self, query: &str) -> Vec<Value> {
        let mut logs = Vec::new();
        let mut next = Some(format!("/logs?limit=1000&{query}"));
        while let Some(path) = next {
            let response = self.get(&path).send().await.expect("query-svc answers");
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let cursor =
                response.headers().get("x-next-cursor").map(|c| c.to_str().expect("ASCII").to_owned());
            let page: Vec<Value> = response.json().await.expect("an array");
            logs.extend(page);
            next = cursor.map(|cursor| format!("/logs?limit=1000&{query}&cursor={cursor}"));
        }
        logs
    }
}

/// Sends a request; returns the answer's status and JSON (null when it has none).
///
/// # Panics
/// When there is no answer.
pub async fn ask(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("the service answers");
    let status = response.status();
    let body = response.bytes().await.expect("the answer is complete");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Runs `sentinel` with these arguments, to its end.
///
/// # Panics
/// When it does not start.
#[must_use]
pub fn sentinel(arguments: &[&str], data_dir: &Path) -> Output {
    let mut command = Command::new(program("sentinel"));
    command.args(arguments).arg("--data-dir").arg(data_dir).current_dir(data_dir);
    command.output().expect("the program starts")
}

fn create_key(data_dir: &Path, arguments: &[&str]) -> String {
    let output = sentinel(&[&["keys", "create"], arguments].concat(), data_dir);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key = String::from_utf8(output.stdout).expect("a key is ASCII");
    key.trim_end().to_owned()
}
