//! Connections that do nothing, by the thousand.

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::full_or;
use super::raw::{connect, rest_of, send};
use super::target::Target;

const GET: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Opens `count` connections; returns them.
async fn open(target: &Target, count: usize) -> Vec<TcpStream> {
    let address = target.service.address();
    let mut open = Vec::new();
    for index in 0..count {
        open.push(connect(address, index).await.expect("the system has room for it"));
    }
    open
}

/// Counts the connections that are told 503; the others stay open until the service closes them for being idle.
async fn refused(connections: Vec<TcpStream>) -> (usize, usize) {
    let mut reading = JoinSet::new();
    for mut stream in connections {
        reading.spawn(async move { rest_of(&mut stream).await });
    }
    let answers = reading.join_all().await;
    let told = answers.iter().filter(|answer| answer.contains("HTTP/1.1 503 ")).count();
    (answers.len(), told)
}

#[tokio::test]
async fn idle_connections_within_the_limit_take_nothing_from_others() {
    let count = full_or(10_000, 2000);
    let target = Target::start(&["--max-connections", "12000"]).await;
    let start_kib = target.figures.start_memory();
    let load = target.load().await;

    let open = open(&target, count).await;
    load.goes_on(20).await;
    let (closed, told) = refused(open).await;

    println!("idle, within the limit: {closed} connections, {told} refused");
    assert_eq!((closed, told), (count, 0));
    load.assert_unharmed().await;
    target.figures.assert_growth_of("idle, within the limit", count, start_kib);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_and_the_others_are_served() {
    let (limit, count) = full_or((4096, 10_000), (500, 2000));
    // Longer than it takes to open them all: the first ones would make room for the last.
    let arguments = ["--head-time", "60s", "--max-connections", full_or("4096", "500")];
    let target = Target::start(&arguments).await;
    let start_kib = target.figures.start_memory();
    let load = target.load().await;

    let open = open(&target, count).await;
    load.goes_on(20).await;
    let (closed, told) = refused(open).await;

    println!("idle, beyond the limit of {limit}: {closed} connections, {told} refused");
    assert_eq!(closed, count);
    // Some of the limit are the load's, and those of whoever asked before.
    assert!((count - limit..count - limit + 10).contains(&told), "{told}");
    load.assert_unharmed().await;
    target.figures.assert_growth_of("idle, beyond the limit", limit, start_kib);
}

#[tokio::test]
async fn an_address_cannot_take_the_places_of_the_others() {
    let target = Target::start(&["--max-connections-per-address", "50"]).await;
    let load = target.load().await;

    let open = open(&target, 100).await;
    let mut other = connect(target.service.address(), 1000).await.expect("the system has room for it");
    let is_sent = send(&mut other, GET).await;
    load.goes_on(20).await;
    let (closed, told) = refused(open).await;

    println!("one address: {closed} connections, {told} refused");
    assert!(is_sent && rest_of(&mut other).await.starts_with("HTTP/1.1 200 "));
    assert_eq!((closed, told), (100, 50));
    let mut again = connect(target.service.address(), 0).await.expect("the system has room for it");
    let is_sent = send(&mut again, GET).await;
    let answer = rest_of(&mut again).await;
    assert!(is_sent && answer.starts_with("HTTP/1.1 200 "), "its places are given back: {answer}");
    load.assert_unharmed().await;
}
