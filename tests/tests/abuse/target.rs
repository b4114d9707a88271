//! The program under abuse, and normal load on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use e2e_tests::Service;
use e2e_tests::installation::{ask, sentinel};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::wait_until;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::PLENTY;
use super::figures::{Figures, raise_descriptors};

/// Abuses take turns: what one costs is not another's.
static TURN: Mutex<()> = Mutex::const_new(());

/// How long normal load rests between two requests.
const REST: Duration = Duration::from_millis(20);

/// Both services in one process.
pub(crate) struct Target {
    pub(crate) service: Service,
    pub(crate) figures: Figures,
    pub(crate) key: String,
    client: Client,
    _data: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// A client that posts and reads, one request after the other, until it is told to stop.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    task: JoinHandle<Vec<String>>,
}

impl Target {
    /// Starts `sentinel up` with these arguments.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let turn = TURN.lock().await;
        let data = tempfile::tempdir().expect("a temporary directory can be made");
        let made = sentinel(&["keys", "create", "--scopes", "ingest,read,delete"], data.path());
        let key = String::from_utf8(made.stdout).expect("a key is ASCII").trim().to_owned();
        let service = Service::start("sentinel", data.path(), arguments);
        let figures = Figures::of(service.pid());
        raise_descriptors(figures);
        let target = Self { service, figures, key, client: Client::new(), _data: data, _turn: turn };
        target.assert_serves().await;
        target
    }

    /// Returns how many logs are stored.
    pub(crate) async fn stored(&self) -> u64 {
        let request = self.client.get(self.service.url("/stats")).bearer_auth(&self.key);
        let (status, stats) = ask(request).await;
        assert_eq!(status, StatusCode::OK, "{stats}");
        stats["total"].as_u64().expect("a number")
    }

    /// Waits until a request on a new connection is answered as ever.
    pub(crate) async fn assert_serves(&self) {
        wait_until("it serves", PLENTY, async || {
            let client = Client::new();
            let response = client.get(self.service.url("/readyz")).send().await.ok()?;
            (response.status() == StatusCode::OK).then_some(())
        })
        .await;
    }

    /// Waits until no more descriptors are open than `at_most`.
    pub(crate) async fn descriptors_fall_to(&self, at_most: usize) {
        wait_until("the descriptors are closed", PLENTY, async || {
            (self.figures.descriptors() <= at_most).then_some(())
        })
        .await;
    }

    /// Begins normal load, and returns once its connection stands.
    pub(crate) async fn load(&self) -> Load {
        let (is_over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let url = self.service.url("/logs");
        let task = tokio::spawn(run(url, self.key.clone(), Arc::clone(&is_over), Arc::clone(&answered)));
        let load = Load { is_over, answered, task };
        load.goes_on(2).await;
        load
    }
}

impl Load {
    /// Waits until `more` further requests have been answered.
    pub(crate) async fn goes_on(&self, more: u64) {
        let until = self.answered.load(Ordering::Relaxed) + more;
        wait_until("normal load is answered", PLENTY, async || {
            let is_there = self.answered.load(Ordering::Relaxed) >= until || self.task.is_finished();
            is_there.then_some(())
        })
        .await;
    }

    /// Ends the load, of which every request has to have been answered with a 2xx.
    pub(crate) async fn assert_unharmed(self) {
        self.goes_on(2).await;
        self.is_over.store(true, Ordering::Relaxed);
        let failures = self.task.await.expect("the load does not panic");
        println!("normal load: {} requests answered", self.answered.load(Ordering::Relaxed));
        assert!(failures.is_empty(), "{failures:?}");
    }
}

async fn run(url: String, key: String, is_over: Arc<AtomicBool>, answered: Arc<AtomicU64>) -> Vec<String> {
    let client = Client::builder().timeout(PLENTY).build().expect("a client can be made");
    let log: Value = json!({"service": "load", "message": "as ever"});
    let mut failures = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let post = client.post(&url).bearer_auth(&key).json(&log);
        let get = client.get(format!("{url}?limit=1")).bearer_auth(&key);
        for request in [post, get] {
            match request.send().await {
                Ok(response) if response.status().is_success() => {}
                Ok(response) => failures.push(response.status().to_string()),
                Err(error) => failures.push(format!("{error:?}")),
            }
            answered.fetch_add(1, Ordering::Relaxed);
        }
        sleep(REST).await;
    }
    failures
}
