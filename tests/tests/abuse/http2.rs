//! What only HTTP/2 offers: many requests on a connection, taken back as soon as they are made, heads without an
//! end, and the old slowness in new frames. Frames are made by hand; every client goes by prior knowledge (h2c).

use std::time::Duration;

use reqwest::Client;
use serde_json::json;
use testkit::http2::*;
use testkit::wait_until;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::raw::connect;
use super::target::Target;
use super::{PLENTY, full_or};

const REFUSED_STREAM: u32 = 7;

/// The window of a client that says nothing of it, in bytes.
const USUAL_WINDOW: u32 = 65_535;

/// How `:status: 200` begins a head: an entry of the table that everybody knows.
const STATUS_200: u8 = 0x88;

/// Connects and greets.
async fn greet(target: &Target) -> TcpStream {
    greet_with_window(target, USUAL_WINDOW).await
}

async fn greet_with_window(target: &Target, window: u32) -> TcpStream {
    let mut stream = connect(target.service.address(), 0).await.expect("there is a place");
    stream.write_all(&greeting(window)).await.expect("it listens");
    stream
}

#[tokio::test]
async fn a_connection_has_so_many_requests_at_a_time() {
    let target = Target::start(&[]).await;
    let mut stream = greet(&target).await;
    let settings =
        next_of(&mut stream, &[SETTINGS]).await.expect("a server begins with its settings").payload;
    let streams_max = settings.chunks(6).find(|pair| pair[..2] == [0, 3]).map(|pair| number(&pair[2..]));
    assert_eq!(streams_max, Some(100));

    // Posts whose bodies do not come.
    let posts: Vec<u8> = (0..101_u32)
        .flat_map(|n| frame(HEADERS, END_HEADERS, 2 * n + 1, &head("POST", "/logs", &target.key)))
        .collect();
    stream.write_all(&posts).await.expect("it listens");
    let refusal = next_of(&mut stream, &[RST_STREAM]).await.expect("the one too many is refused");
    assert_eq!((refusal.stream, number(&refusal.payload)), (201, REFUSED_STREAM));
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once_end_the_connection() {
    let resets = full_or(100_000_u32, 20_000);
    let target = Target::start(&[]).await;
    let (start_kib, begun) = (target.figures.start_memory(), target.figures.cpu_seconds());
    let load = target.load().await;

    let (mut from, mut to) = tokio::io::split(greet(&target).await);
    let head = head("GET", "/logs?limit=1000", &target.key);
    let sending = tokio::spawn(async move {
        let mut sent = 0;
        for first in (0..resets).step_by(100) {
            let pairs = (first..first + 100).flat_map(|n| {
                let stream = 2 * n + 1;
                let begin = frame(HEADERS, END_HEADERS | END_STREAM, stream, &head);
                [begin, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
            });
            if to.write_all(&pairs.collect::<Vec<_>>()).await.is_err() {
                break;
            }
            sent += 100;
        }
        sent
    });
    let goaway = next_of(&mut from, &[GOAWAY]).await;
    let sent = sending.await.expect("sending does not panic");
    let cpu_seconds = target.figures.cpu_seconds() - begun;
    println!("rapid resets: cut after at most {sent} of {resets}; {cpu_seconds:.2} s of CPU");

    let reason = goaway.map(|frame| number(&frame.payload[4..]));
    assert_eq!(reason, Some(11), "it is told to calm down");
    load.assert_unharmed().await;
    target.figures.assert_growth("rapid resets", start_kib);
}

#[tokio::test]
async fn a_head_that_goes_on_and_on_ends_the_connection() {
    let target = Target::start(&[]).await;
    let start_kib = target.figures.start_memory();
    let load = target.load().await;

    for filler in [header("x", &"y".repeat(100)).repeat(100), Vec::new()] {
        let (mut from, mut to) = tokio::io::split(greet(&target).await);
        let first = frame(HEADERS, END_STREAM, 1, &head("GET", "/livez", &target.key));
        let more = frame(CONTINUATION, 0, 1, &filler);
        let sending = tokio::spawn(async move {
            let mut sent = usize::from(to.write_all(&first).await.is_ok());
            while sent < 100_000 && to.write_all(&more).await.is_ok() {
                sent += 1;
            }
            sent
        });
        // That this comes to an end is what matters: the connection is closed.
        let reason = next_of(&mut from, &[GOAWAY]).await.map(|frame| number(&frame.payload[4..]));
        while next(&mut from).await.is_some() {}
        let sent = sending.await.expect("sending does not panic");
        let bytes = filler.len();
        println!(
            "a head of frames of {bytes} bytes: closed after at most {sent}, with the reason {reason:?}"
        );
    }
    load.assert_unharmed().await;
    target.figures.assert_growth("heads that go on", start_kib);
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_answered_431() {
    let target = Target::start(&[]).await;
    for (count, is_a_problem) in [(170, true), (400, false)] {
        let mut stream = greet(&target).await;
        let large = [head("GET", "/livez", &target.key), header("x", &"y".repeat(90)).repeat(count)].concat();
        let (first, rest) = large.split_at(10_000);
        stream.write_all(&frame(HEADERS, END_STREAM, 1, first)).await.expect("it listens");
        let rest: Vec<&[u8]> = rest.chunks(16_000).collect();
        for (index, part) in rest.iter().enumerate() {
            let flags = if index + 1 == rest.len() { END_HEADERS } else { 0 };
            stream.write_all(&frame(CONTINUATION, flags, 1, part)).await.expect("it listens");
        }
        let answer = next_of(&mut stream, &[HEADERS]).await.expect("it is answered");
        assert_eq!(answer.stream, 1);
        if is_a_problem {
            let body = next_of(&mut stream, &[DATA]).await.expect("with a problem").payload;
            let body = String::from_utf8_lossy(&body).into_owned();
            assert!(body.contains("headers_too_large") && body.contains("431"), "{body}");
        }
    }
}

#[tokio::test]
async fn slow_heads_and_slow_bodies_end_as_they_do_without_http_2() {
    let target = Target::start(&["--head-time", "2s", "--body-slow-start", "1s", "--body-time", "1h"]).await;

    let mut slow_head = greet(&target).await;
    slow_head
        .write_all(&frame(HEADERS, 0, 1, &head("GET", "/livez", &target.key)))
        .await
        .expect("it listens");
    while next(&mut slow_head).await.is_some() {}

    let (mut from, mut to) = tokio::io::split(greet(&target).await);
    let begin = frame(HEADERS, END_HEADERS, 1, &head("POST", "/logs", &target.key));
    to.write_all(&begin).await.expect("it listens");
    let dripping = tokio::spawn(async move {
        while to.write_all(&frame(DATA, 0, 1, b"[")).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    let answer = next_of(&mut from, &[DATA]).await.expect("it is answered").payload;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.contains("body_too_slow") && answer.contains("408"), "{answer}");
    dripping.abort();
    assert_eq!(target.stored().await, 0);
}

#[tokio::test]
async fn answers_that_are_never_asked_for_end_and_give_back_what_they_hold() {
    let arguments = ["--stall-time", "3s", "--max-tails", "8", "--answer-memory", "6MiB"];
    let target = Target::start(&arguments).await;
    let log = json!({"service": "large", "message": "x".repeat(16_000)});
    let post = Client::new().post(target.service.url("/logs")).bearer_auth(&target.key).json(&vec![log; 100]);
    assert_eq!(post.send().await.expect("it listens").status(), 201);
    let load = target.load().await;

    // A tenant may have three quarters of the tails, and of the memory of answers, into which two of the pages fit.
    let paths = [vec!["/logs/tail"; 7], vec!["/logs?service=large&limit=100"; 3]].concat();
    let (mut from, mut to) = tokio::io::split(greet_with_window(&target, 0).await);
    for (stream, path) in (1..).step_by(2).zip(&paths) {
        to.write_all(&get(stream, path, &target.key)).await.expect("it listens");
    }
    let mut taken = 0;
    for _ in &paths {
        let head = next_of(&mut from, &[HEADERS]).await.expect("it is answered");
        taken += usize::from(head.payload[0] == STATUS_200);
    }
    assert_eq!(taken, 6 + 2, "all that there is");

    let is_cut = async { while next(&mut from).await.is_some() {} };
    let alive = ping_until_closed(&mut to, Duration::from_millis(100));
    timeout(PLENTY, async { tokio::join!(is_cut, alive) }).await.expect("the connection is closed");
    for path in paths {
        wait_until("who reads is answered", PLENTY, async || {
            let ask = Client::new().get(target.service.url(path)).bearer_auth(&target.key);
            (ask.send().await.ok()?.status() == 200).then_some(())
        })
        .await;
    }
    load.assert_unharmed().await;
}
