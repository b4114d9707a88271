//! Bodies that break off.

use std::io::ErrorKind;

use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use super::raw::{connect, post_head, rest_of, send};
use super::target::Target;

const TIMES: usize = 1000;

/// How many at a time.
const AT_A_TIME: usize = 50;

/// How many descriptors may be open more than at first: the engine opens a few when it is asked for the first time.
const ENGINES_DESCRIPTORS: usize = 12;

/// How a request is not what it says.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// So many percent of the body, then the connection is dropped.
    Dropped,
    /// So many percent of the body, then our side is closed, and the answer read.
    HalfClosed,
    /// A length that is greater than the body.
    LongerLength,
    /// A length that is less than the body.
    ShorterLength,
    /// Chunks without an end.
    NoLastChunk,
    /// A chunk that is shorter than it says.
    ShortChunk,
}

const FAULTS: [Fault; 6] = [
    Fault::Dropped,
    Fault::HalfClosed,
    Fault::LongerLength,
    Fault::ShorterLength,
    Fault::NoLastChunk,
    Fault::ShortChunk,
];

/// Returns what is sent, and whether the answer is waited for.
fn request(key: &str, time: usize) -> (Vec<u8>, bool) {
    let fault = FAULTS[time % FAULTS.len()];
    let body = format!(r#"[{{"service":"half","message":"{time} {}"}}]"#, "x".repeat(3000));
    let percent = |percent: usize| &body[..body.len() * percent / 100];
    let part = percent(time % 100);
    let (head, sent) = match fault {
        Fault::Dropped | Fault::HalfClosed => (post_head(key, Some(body.len()), ""), part.to_owned()),
        Fault::LongerLength => (post_head(key, Some(body.len() + 1 + time), ""), body),
        Fault::ShorterLength => (post_head(key, Some(body.len() - 1 - time % 3000), ""), body),
        Fault::NoLastChunk => (post_head(key, None, ""), format!("{:x}\r\n{body}\r\n", body.len())),
        Fault::ShortChunk => (post_head(key, None, ""), format!("{:x}\r\n{part}", body.len())),
    };
    (format!("{head}{sent}").into_bytes(), !matches!(fault, Fault::Dropped))
}

#[tokio::test]
async fn of_bodies_that_break_off_nothing_is_stored_and_nothing_stays_open() {
    let target = Target::start(&[]).await;
    let address = target.service.address();
    let stored = target.stored().await;
    let (start_kib, descriptors) = (target.figures.start_memory(), target.figures.descriptors());

    let mut answers = Vec::new();
    for first in (0..TIMES).step_by(AT_A_TIME) {
        let mut clients = JoinSet::new();
        for time in first..first + AT_A_TIME {
            let (bytes, waits) = request(&target.key, time);
            clients.spawn(async move {
                let mut stream = connect(address, time % AT_A_TIME).await.expect("there is a place");
                send(&mut stream, &bytes).await;
                if !waits {
                    return String::new();
                }
                let closed = stream.shutdown().await;
                assert!(closed.is_ok() || closed.is_err_and(|e| e.kind() == ErrorKind::NotConnected));
                rest_of(&mut stream).await
            });
        }
        answers.extend(clients.join_all().await);
    }

    let refused = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 400 ")).count();
    println!("{TIMES} bodies that break off: {refused} answered 400");
    let taken = answers.iter().find(|answer| answer.contains("HTTP/1.1 2"));
    assert_eq!(taken, None);
    assert_eq!(target.stored().await, stored, "nothing of them is stored");
    target.descriptors_fall_to(descriptors + ENGINES_DESCRIPTORS).await;
    target.figures.assert_growth("bodies that break off", start_kib);
}
