//! Bodies of 100 MB, many at a time.

use tokio::io::{AsyncWriteExt, split};
use tokio::task::JoinSet;

use super::raw::{connect, post_head, rest_of, send};
use super::target::Target;

/// The length of a body.
const BODY_BYTES: usize = 100_000_000;

const PIECE_BYTES: usize = 64 * 1024;

const AT_A_TIME: usize = 100;

/// Sends a body of spaces until the service answers; returns the answer.
async fn post(target: &Target, index: usize, is_announced: bool) -> impl Future<Output = String> + use<> {
    let (address, key) = (target.service.address(), target.key.clone());
    async move {
        let (mut from, mut to) = split(connect(address, index).await.expect("there is a place"));
        let sending = async {
            let head = post_head(&key, is_announced.then_some(BODY_BYTES), "");
            let mut piece = vec![b' '; PIECE_BYTES];
            if !is_announced {
                piece = [format!("{PIECE_BYTES:x}\r\n").into_bytes(), piece, b"\r\n".to_vec()].concat();
            }
            let mut goes_on = send(&mut to, head.as_bytes()).await;
            for _ in 0..BODY_BYTES / PIECE_BYTES {
                goes_on = goes_on && to.write_all(&piece).await.is_ok();
            }
            std::future::pending::<String>().await
        };
        tokio::select! {
            answer = rest_of(&mut from) => answer,
            answer = sending => answer,
        }
    }
}

async fn post_many(target: &Target, is_announced: bool) -> Vec<String> {
    let mut posts = JoinSet::new();
    for index in 0..AT_A_TIME {
        posts.spawn(post(target, index, is_announced).await);
    }
    posts.join_all().await
}

#[tokio::test]
async fn bodies_that_say_they_are_too_large_are_refused_at_once() {
    let target = Target::start(&[]).await;
    let start_kib = target.figures.start_memory();
    let load = target.load().await;

    let answers = post_many(&target, true).await;

    assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 413 ")), "{:?}", answers.first());
    load.assert_unharmed().await;
    target.figures.assert_growth("large bodies, announced", start_kib);
}

#[tokio::test]
async fn bodies_that_become_too_large_are_refused_and_together_take_no_more_than_they_may() {
    let target = Target::start(&["--body-memory", "32MiB"]).await;
    let start_kib = target.figures.start_memory();
    let load = target.load().await;

    let answers = post_many(&target, false).await;

    let count = |status: &str| answers.iter().filter(|answer| answer.starts_with(status)).count();
    let (too_large, too_many) = (count("HTTP/1.1 413 "), count("HTTP/1.1 503 "));
    println!("large bodies, in chunks: {too_large} answered 413, {too_many} 503");
    assert_eq!(too_large + too_many, AT_A_TIME, "{:?}", answers.first());
    let alone = post(&target, 0, false).await.await;
    assert!(alone.starts_with("HTTP/1.1 413 "), "{alone}");
    target.figures.assert_growth("large bodies, in chunks", start_kib);
    load.goes_on(2).await;
    target.assert_serves().await;
}
