//! Connections that are cut at any byte: whoever repeats a request until it succeeds, with the same key, has stored its logs
//! once. A request may never have arrived, or have been stored while its answer was lost.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use e2e_tests::seed::seed_from;
use e2e_tests::{Answer, Installation};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How many requests go through each door.
const REQUESTS: u64 = 5000;

/// Logs of each request.
const LOGS: u64 = 3;

/// How many clients send at a time.
const CLIENTS: u64 = 16;

/// Makes request `n` of a door for the service at a base URL: posts logs with the messages `n/0`, `n/1`, ...
type Request = fn(&Client, &str, u64) -> RequestBuilder;

/// A proxy in front of a service that cuts every connection somewhere.
struct Proxy {
    address: SocketAddr,
    cuts: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    async fn start(service: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let cuts = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&cuts);
        let task = tokio::spawn(async move {
            let mut random = StdRng::seed_from_u64(seed);
            while let Ok((client, _)) = listener.accept().await {
                let (upwards, downwards) = (cut_after(&mut random), cut_after(&mut random));
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    if pass(client, service, upwards, downwards).await {
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { address, cuts, task }
    }
}

/// Returns after how many bytes a direction is cut: within one of the first requests or answers.
fn cut_after(random: &mut StdRng) -> u64 {
    random.random_range(0..2500)
}

/// Passes bytes on in both directions until one is cut; says whether one was.
async fn pass(client: TcpStream, service: SocketAddr, upwards: u64, downwards: u64) -> bool {
    let Ok(server) = TcpStream::connect(service).await else { return false };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = copy_some(&mut from_client, &mut to_server, upwards);
    let down = copy_some(&mut from_server, &mut to_client, downwards);
    // Dropping both ends closes them, whatever is on its way.
    tokio::select! { cut = up => cut, cut = down => cut }
}

async fn copy_some(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    limit: u64,
) -> bool {
    let (mut buffer, mut left) = ([0; 4096], limit);
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return false };
        let passed = usize::try_from(left).map_or(read, |left| left.min(read));
        if to.write_all(&buffer[..passed]).await.is_err() {
            return false;
        }
        left -= passed as u64;
        if passed < read || left == 0 {
            return true;
        }
    }
}

/// Sends all requests through a proxy and checks that each log is there once.
async fn check_door(request: Request) {
    let seed = seed_from("SENTINEL_TEST_SEED");
    let installation = Installation::start();
    let proxy = Proxy::start(installation.ingest.address(), seed).await;
    let base = format!("http://{}", proxy.address);
    let next = Arc::new(AtomicU64::new(0));
    let tries = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (next, tries, base, key) =
            (Arc::clone(&next), Arc::clone(&tries), base.clone(), installation.key.clone());
        clients.spawn(async move {
            let client = Client::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= REQUESTS {
                    return;
                }
                loop {
                    tries.fetch_add(1, Ordering::Relaxed);
                    let answer = request(&client, &base, n).bearer_auth(&key).send().await;
                    // An answer counts when all of it has arrived.
                    let Ok(answer) = answer else { continue };
                    let status = answer.status();
                    if answer.bytes().await.is_err() || status.as_u16() == 503 {
                        continue;
                    }
                    assert!(status.is_success(), "request {n}: {status}");
                    break;
                }
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.expect("a client ends in order");
    }
    let (cuts, tries) = (proxy.cuts.load(Ordering::Relaxed), tries.load(Ordering::Relaxed));
    assert!(cuts > REQUESTS / 4 && tries > REQUESTS + cuts / 4, "{cuts} connections cut, {tries} tries");
    proxy.task.abort();

    let file = Answer::to(installation.get("/api/v1/logs/export?format=ndjson")).await.text();
    let mut found: HashMap<String, u64> = HashMap::new();
    for line in file.lines() {
        let log: Value = serde_json::from_str(line).expect("a line is JSON");
        *found.entry(log["message"].as_str().expect("a message is a text").to_owned()).or_default() += 1;
    }
    let expected = (0..REQUESTS).flat_map(|n| (0..LOGS).map(move |i| format!("{n}/{i}")));
    let lost = expected.filter(|message| !found.contains_key(message)).count();
    let doubled = found.values().filter(|count| **count > 1).count();
    assert_eq!((lost, doubled, found.len() as u64), (0, 0, REQUESTS * LOGS), "lost, doubled, found");
}

fn messages(n: u64) -> impl Iterator<Item = String> {
    (0..LOGS).map(move |i| format!("{n}/{i}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn posted_logs_are_stored_once_however_often_they_are_repeated() {
    check_door(|client, base, n| {
        let logs: Vec<Value> =
            messages(n).map(|message| json!({"service": "cut", "message": message})).collect();
        client.post(format!("{base}/logs")).header("Idempotency-Key", format!("cut-{n}")).json(&logs)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_with_an_id_are_stored_once_however_often_they_are_repeated() {
    check_door(|client, base, n| {
        let lines = messages(n).enumerate().map(|(i, message)| {
            let action = json!({"create": {"_index": "cut", "_id": format!("{n}-{i}")}});
            format!("{action}\n{}\n", json!({"message": message}))
        });
        let bulk = client.post(format!("{base}/elasticsearch/_bulk"));
        bulk.header("Content-Type", "application/x-ndjson").body(lines.collect::<String>())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn otlps_records_with_a_key_are_stored_once_however_often_they_are_repeated() {
    check_door(|client, base, n| {
        let records: Vec<Value> =
            messages(n).map(|message| json!({"body": {"stringValue": message}})).collect();
        let body = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]});
        client.post(format!("{base}/v1/logs")).header("Idempotency-Key", format!("cut-{n}")).json(&body)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lokis_lines_with_a_key_are_stored_once_however_often_they_are_repeated() {
    check_door(|client, base, n| {
        let values: Vec<Value> = messages(n).map(|message| json!(["1743508800000000000", message])).collect();
        let body = json!({"streams": [{"stream": {"app": "cut"}, "values": values}]});
        client
            .post(format!("{base}/loki/api/v1/push"))
            .header("Idempotency-Key", format!("cut-{n}"))
            .json(&body)
    })
    .await;
}
