//! Slow-loris: one byte every few seconds, in heads and in bodies.

use std::time::Duration;

use tokio::io::{AsyncWriteExt, split};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::raw::{connect, post_head, rest_of, send};
use super::target::Target;

const CONNECTIONS: usize = 2000;

/// How long a client rests between two bytes.
const BETWEEN_BYTES: Duration = Duration::from_secs(5);

/// What a client sends first; then a byte, again and again.
async fn drip(target: &Target, beginning: &str) -> Vec<String> {
    let address = target.service.address();
    let mut clients = JoinSet::new();
    for index in 0..CONNECTIONS {
        let beginning = beginning.to_owned();
        clients.spawn(async move {
            let stream = connect(address, index).await.expect("there is a place");
            let (mut from, mut to) = split(stream);
            let sending = async {
                let mut goes_on = send(&mut to, beginning.as_bytes()).await;
                while goes_on {
                    sleep(BETWEEN_BYTES).await;
                    goes_on = to.write_all(b"x").await.is_ok();
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                answer = rest_of(&mut from) => answer,
                () = sending => unreachable!("it is for ever"),
            }
        });
    }
    clients.join_all().await
}

#[tokio::test]
async fn heads_that_drip_in_are_closed_and_others_do_not_notice() {
    let target = Target::start(&[]).await;
    let start_kib = target.figures.start_memory();
    let load = target.load().await;

    let answers = drip(&target, "GET /logs HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;

    let told = answers.iter().filter(|answer| !answer.is_empty()).count();
    println!("slow heads: {} connections closed, {told} told something", answers.len());
    assert_eq!((answers.len(), told), (CONNECTIONS, 0), "a head that has not ended has no answer");
    load.assert_unharmed().await;
    target.figures.assert_growth_of("slow heads", CONNECTIONS, start_kib);
}

#[tokio::test]
async fn bodies_that_drip_in_are_answered_408_and_others_do_not_notice() {
    // It is for its slowness that a body ends, not for its length.
    let target = Target::start(&["--body-time", "1h"]).await;
    let start_kib = target.figures.start_memory();
    let load = target.load().await;

    let answers = drip(&target, &post_head(&target.key, Some(1000), "")).await;

    let told = answers.iter().filter(|answer| answer.contains("\"body_too_slow\"")).count();
    println!("slow bodies: {} connections closed, {told} with 408", answers.len());
    assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 408 ")), "{:?}", answers.first());
    assert_eq!((answers.len(), told), (CONNECTIONS, CONNECTIONS));
    load.assert_unharmed().await;
    target.figures.assert_growth_of("slow bodies", CONNECTIONS, start_kib);
}
