//! The worst requests that are legal, again and again, by several clients of each kind.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use e2e_tests::Service;
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Bytes of the largest body that is sent.
const BODY_BYTES: usize = 8 * 1024 * 1024 - 64 * 1024;

/// Bytes of a smaller body.
const SMALLER_BODY_BYTES: usize = 1024 * 1024;

/// Bytes of a body that is compressed, and fits.
const INFLATED_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of a body that is compressed, and does not fit into what there is for bodies in little memory.
const TOO_LARGE_BYTES: usize = 31 * 1024 * 1024;

/// How many clients of a tenant send the same requests at a time.
const CLIENTS: usize = 1;

/// How long a client waits between two requests.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a client waits that was refused: less than it is told to.
const PAUSE_REFUSED: Duration = Duration::from_millis(150);

/// How long a client that does not read its answer keeps it waiting.
const UNREAD_FOR: Duration = Duration::from_secs(2);

/// Longest time for an answer, beyond which none came.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// What is sent. Making it takes longer than sending it.
pub(super) static BODIES: LazyLock<Bodies> = LazyLock::new(|| Bodies {
    large: large_records(BODY_BYTES),
    smaller: large_records(SMALLER_BODY_BYTES),
    compressed: gzipped(&large_records(INFLATED_BYTES)),
    too_large: gzipped(&large_records(TOO_LARGE_BYTES)),
});

/// Bodies of requests.
pub(super) struct Bodies {
    pub(super) large: Vec<u8>,
    smaller: Vec<u8>,
    compressed: Vec<u8>,
    too_large: Vec<u8>,
}

/// A service, and the key of a tenant.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) service: &'a Service,
    pub(super) key: &'a str,
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    name: &'static str,
    /// Whether some have to be answered with success.
    is_answered: bool,
    /// Whether clients read the answers.
    is_read: bool,
}

/// How many answers of each kind and status there were; 0: none came.
#[derive(Default)]
pub(super) struct Statuses(BTreeMap<Kind, BTreeMap<u16, usize>>);

/// Clients at work.
pub(super) struct Load {
    over: CancellationToken,
    clients: JoinSet<()>,
    statuses: Arc<Mutex<Statuses>>,
}

const fn answered(name: &'static str) -> Kind {
    Kind { name, is_answered: true, is_read: true }
}

impl Load {
    /// Makes a load that goes on until it is ended.
    pub(super) fn new() -> Self {
        Self { over: CancellationToken::new(), clients: JoinSet::new(), statuses: Arc::default() }
    }

    /// Begins to send logs.
    pub(super) fn write(&mut self, target: Target<'_>) {
        let post = |body: Vec<u8>, encoding: &'static str| {
            let (url, key) = (target.service.url("/logs"), target.key.to_owned());
            move |client: &Client| {
                client.post(&url).bearer_auth(&key).header("Content-Encoding", encoding).body(body.clone())
            }
        };
        let too_large = Kind { is_answered: false, ..answered("post gzip of 31 MiB") };
        self.send(answered("post 8 MiB"), post(BODIES.large.clone(), "identity"));
        self.send(answered("post 1 MiB"), post(BODIES.smaller.clone(), "identity"));
        self.send(answered("post gzip of 4 MiB"), post(BODIES.compressed.clone(), "gzip"));
        self.send(too_large, post(BODIES.too_large.clone(), "gzip"));
    }

    /// Begins to ask for logs.
    pub(super) fn read(&mut self, target: Target<'_>) {
        let patterns: Vec<String> = (0..16).map(|n| format!("/m{n}[0-9]* .*x{n}/")).collect();
        let patterns = patterns.join(" OR ").replace(' ', "%20").replace('+', "%2B");
        let unread = Kind { is_read: false, ..answered("page that nobody reads") };
        for (kind, path) in [
            (answered("largest page"), "/logs?limit=1000".to_owned()),
            (unread, "/logs?limit=1000".to_owned()),
            (answered("largest envelope"), "/api/v1/logs?limit=1000".to_owned()),
            (answered("16 patterns"), format!("/logs?limit=1000&q={patterns}")),
            (answered("export"), "/api/v1/logs/export?format=ndjson".to_owned()),
            (answered("tail"), "/logs/tail?from=now-1d".to_owned()),
            (
                answered("timeseries"),
                "/api/v1/metrics/timeseries?interval=1s&time_range=2h&group_by=service".to_owned(),
            ),
            (answered("values"), "/api/v1/fields/a1/values".to_owned()),
        ] {
            let (url, key) = (target.service.url(&path), target.key.to_owned());
            self.send(kind, move |client: &Client| client.get(&url).bearer_auth(&key));
        }
    }

    /// Says whether some of each kind that has to be were answered with success.
    pub(super) fn is_answered(&self) -> bool {
        self.statuses.lock().expect("no client panics").unanswered().is_empty()
    }

    /// Ends the load.
    pub(super) async fn end(mut self) -> Statuses {
        self.over.cancel();
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("no client panics");
        }
        std::mem::take(&mut self.statuses.lock().expect("no client panics"))
    }

    /// Sends the same request again and again until the time is over, by several clients.
    fn send(&mut self, kind: Kind, request: impl Fn(&Client) -> RequestBuilder + Send + Clone + 'static) {
        for _ in 0..CLIENTS {
            let (request, statuses) = (request.clone(), Arc::clone(&self.statuses));
            let over = self.over.clone();
            // So that a kind of which nothing was answered is missed, too.
            statuses.lock().expect("no client panics").0.entry(kind).or_default();
            self.clients.spawn(async move {
                let client = Client::new();
                while !over.is_cancelled() {
                    let status = ask(request(&client), kind, &over).await;
                    statuses.lock().expect("no client panics").note(kind, status);
                    sleep(if status == 503 { PAUSE_REFUSED } else { PAUSE }).await;
                }
            });
        }
    }
}

/// Asks once, and reads the answer if that is the kind; returns its status.
async fn ask(request: RequestBuilder, kind: Kind, over: &CancellationToken) -> u16 {
    let Ok(mut answer) = request.timeout(ANSWER_MAX).send().await else { return 0 };
    let status = answer.status().as_u16();
    if !kind.is_read {
        let _ = over.run_until_cancelled(sleep(UNREAD_FOR)).await;
        return status;
    }
    let read = async { while matches!(answer.chunk().await, Ok(Some(_))) {} };
    let _ = over.run_until_cancelled(read).await;
    status
}

impl Statuses {
    fn note(&mut self, kind: Kind, status: u16) {
        *self.0.entry(kind).or_default().entry(status).or_default() += 1;
    }

    /// Prints how many answers there were.
    pub(super) fn print(&self, program: &str) {
        for (kind, statuses) in &self.0 {
            println!("{program}: {}: {statuses:?}", kind.name);
        }
    }

    /// Asserts that of each kind that has to be some were answered with success.
    pub(super) fn assert_answered(&self) {
        assert!(!self.0.is_empty());
        assert!(self.unanswered().is_empty(), "{:?}", self.unanswered());
    }

    /// Returns the kinds of which none was, though some have to be, and how they were answered.
    fn unanswered(&self) -> Vec<(&'static str, &BTreeMap<u16, usize>)> {
        let is_success = |status: &u16| (200..300).contains(status);
        let kinds =
            self.0.iter().filter(|(kind, statuses)| kind.is_answered && !statuses.keys().any(is_success));
        kinds.map(|(kind, statuses)| (kind.name, statuses)).collect()
    }
}

/// A JSON array of records with many large attributes, of at most `max_bytes`: half of what they hold is random.
fn large_records(max_bytes: usize) -> Vec<u8> {
    let mut body = String::from("[");
    let mut random = 1_u64;
    for n in 0.. {
        let mut attribute = |a: usize| {
            let mut value = format!("{n}-{a}-").repeat(20 + a % 50);
            for _ in 0..10 {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                value.push_str(&format!("{:016x}", random.rotate_left(32)));
            }
            (format!("a{a}"), json!(value))
        };
        let attributes: serde_json::Map<_, _> = (0..128).map(&mut attribute).collect();
        let record = json!({"service": format!("s{}", n % 200), "message": format!("m{n} ").repeat(400), "attributes": attributes});
        let record = record.to_string();
        if body.len() + record.len() + 1 > max_bytes {
            break;
        }
        body.push_str(if n == 0 { "" } else { "," });
        body.push_str(&record);
    }
    body.push(']');
    body.into_bytes()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}
