//! Tests of stdin against a server that fails as it is told.

use std::io::{Cursor, Write as _};
use std::time::Duration;

use clap::Parser;
use domain::SystemClock;
use rand::SeedableRng;

use super::*;
use crate::deliver::EndpointOptions;
use crate::deliver::test_server::{Fate, TestServer};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    endpoint: EndpointOptions,
}

fn stdin(url: &str) -> Stdin {
    let line = Line::try_parse_from(["x", "--url", url, "--key", "k"]).unwrap();
    let (stop, rng) = (CancellationToken::new(), StdRng::seed_from_u64(1));
    let courier =
        Courier::new(line.endpoint.endpoint().unwrap(), stop.clone(), rng.clone(), Arc::new(|_| {}));
    let settings = StdinSettings {
        source: "web-1".to_owned(),
        service: Some("shop".to_owned()),
        batch_size: 1000,
        is_multiline: true,
    };
    let (clock, progress) = (Arc::new(SystemClock), Arc::default());
    Stdin::new(settings, Tools { courier, stop, clock, rng, progress })
}

#[tokio::test]
async fn everything_that_comes_through_a_pipe_arrives_once_and_then_it_ends() {
    let server = TestServer::start(|number, logs| match number % 3 {
        _ if logs.len() > 700 => Fate::Refused(413, ""),
        0 => Fate::LostAfter,
        1 => Fate::Refused(503, "retry-after: 0\r\n"),
        _ => Fate::Stored,
    })
    .await;
    let lines: Vec<String> = (0..5000).map(|n| format!("line {n} {}", "x".repeat(n % 700))).collect();

    let all = stdin(&server.url).run(Cursor::new(lines.join("\n"))).await.unwrap();

    assert!(all);
    assert!(server.lines() == lines, "{} of {} lines", server.lines().len(), lines.len());
}

#[tokio::test]
async fn a_line_longer_than_what_is_kept_at_a_time_arrives_in_parts() {
    let server = TestServer::start(|_, _| Fate::Stored).await;
    let line = "0123456789äöü€".repeat(200_000);

    assert!(stdin(&server.url).run(Cursor::new(format!("before\n{line}\nafter"))).await.unwrap());

    let lines = server.lines();
    assert_eq!((lines[0].as_str(), lines[lines.len() - 1].as_str()), ("before", "after"));
    assert!(lines.len() > 4 && lines[1..lines.len() - 1].concat() == line);
    let numbers: Vec<_> =
        server.kept(|kept| kept.logs.iter().map(|log| log["metadata"]["part"].as_u64()).collect());
    let expected = (1..).map(Some).take(lines.len() - 2);
    assert!(numbers[1..lines.len() - 1].iter().copied().eq(expected), "{numbers:?}");
    let is_bounded = |(_, body): &(String, String)| body.len() < 2 * WINDOW_BYTES;
    assert!(server.kept(|kept| kept.requests.iter().all(is_bounded)));
}

#[tokio::test]
async fn a_record_is_sent_when_the_pipe_is_silent_for_a_moment() {
    let server = TestServer::start(|_, _| Fate::Stored).await;
    let (read, mut write) = io::pipe().unwrap();
    let running = tokio::spawn(stdin(&server.url).run(read));
    write.write_all(b"first\n  more\nnext").unwrap();

    while server.lines().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.lines(), ["first\n  more"]);
    drop(write);

    assert!(running.await.unwrap().unwrap());
    assert_eq!(server.lines(), ["first\n  more", "next"]);
}
