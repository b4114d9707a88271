//! Slow peers, too many peers, and the end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use poem::endpoint::{BoxEndpoint, make};
use poem::http::StatusCode;
use poem::{EndpointExt, Request, Response};
use testkit::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

mod answers;
mod http2;
mod tls;

use super::*;
use crate::{BodyLimits, BodyReader};

/// Long enough for any machine; what takes longer does not happen.
const PLENTY: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(50);
/// For limits that a test has to stay within for a moment, also on a machine that is busy.
const BRIEF: Duration = Duration::from_millis(700);

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    run: JoinHandle<Result<(), ServeError>>,
}

/// Limits that a test does not reach.
fn patient() -> ListenerLimits {
    ListenerLimits { head_time: PLENTY, idle_time: PLENTY, stall_time: PLENTY, ..ListenerLimits::default() }
}

async fn start(endpoint: BoxEndpoint<'static>, limits: ListenerLimits, drain: Duration) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let run = tokio::spawn(serve_with_limits(listener, endpoint, limits, None, stop.clone(), drain));
    Server { address, stop, run }
}

fn hello() -> BoxEndpoint<'static> {
    make(|_| async { "hello" }).map_to_response().boxed()
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(PLENTY, self.run).await.expect("the server ends").unwrap().unwrap();
    }
}

/// Reads what comes until the peer closes the connection, also if it does so roughly.
async fn rest_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(PLENTY, stream.read_to_end(&mut bytes)).await.expect("the connection is closed");
    assert!(read.is_ok() || read.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionReset));
    String::from_utf8(bytes).unwrap()
}

/// Reads until `end` has come.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let byte = timeout(PLENTY, stream.read_u8()).await.expect("an answer comes").expect("all of it");
        text.push(char::from(byte));
    }
    text
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn requests_are_answered_one_after_the_other_on_one_connection() {
    let server = start(hello(), patient(), PLENTY).await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.write_all(GET).await.unwrap();
        let answer = read_until(&mut client, "hello").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    server.end().await;
}

#[tokio::test]
async fn http_2_is_spoken_to_who_begins_with_it() {
    let server = start(hello(), patient(), PLENTY).await;
    let mut client = server.connect().await;
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame_header = [0; 9];
    timeout(PLENTY, client.read_exact(&mut frame_header)).await.unwrap().unwrap();
    assert_eq!(frame_header[3], 4, "a server of HTTP/2 begins with its settings");
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let server = start(hello(), ListenerLimits { head_time: SOON, ..patient() }, PLENTY).await;
    for beginning in ["", "PRI * HT", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut client = server.connect().await;
        client.write_all(beginning.as_bytes()).await.unwrap();
        assert_eq!(rest_of(&mut client).await, "", "{beginning:?}");
    }
    server.end().await;
}

#[tokio::test]
async fn a_second_head_on_a_connection_has_the_same_limit() {
    let server = start(hello(), ListenerLimits { head_time: BRIEF, ..patient() }, PLENTY).await;
    let mut client = server.connect().await;
    client.write_all(GET).await.unwrap();
    read_until(&mut client, "hello").await;
    client.write_all(b"GET /").await.unwrap();
    assert_eq!(rest_of(&mut client).await, "");
    server.end().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let server = start(hello(), ListenerLimits { idle_time: SOON, ..patient() }, PLENTY).await;
    let mut client = server.connect().await;
    client.write_all(GET).await.unwrap();
    assert!(rest_of(&mut client).await.ends_with("hello"));
    server.end().await;
}

#[tokio::test]
async fn a_peer_that_takes_nothing_of_its_answer_is_cut() {
    let endless = make(|_| async {
        let piece = futures_util::stream::repeat_with(|| Ok::<_, io::Error>(vec![b'x'; 64 * 1024]));
        Response::builder().body(poem::Body::from_bytes_stream(piece))
    });
    let limits = ListenerLimits { stall_time: SOON, ..patient() };
    let server = start(endless.boxed(), limits, PLENTY).await;
    let mut client = server.connect().await;
    client.write_all(GET).await.unwrap();
    // Reads nothing until the server has given up, which shows by what can still be sent.
    wait_until("the connection is cut", PLENTY, async || client.write_all(b"x").await.err()).await;
    server.end().await;
}

#[tokio::test]
async fn a_connection_too_many_is_told_to_come_back() {
    let server = start(hello(), ListenerLimits { max_connections: 1, ..patient() }, PLENTY).await;
    let mut first = server.connect().await;
    first.write_all(GET).await.unwrap();
    read_until(&mut first, "hello").await;

    let answer = rest_of(&mut server.connect().await).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{answer}");
    assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());

    drop(first);
    wait_until("its place is free again", PLENTY, async || {
        let mut next = server.connect().await;
        next.write_all(GET).await.ok()?;
        rest_of_head(&mut next).await.starts_with("HTTP/1.1 200 ").then_some(())
    })
    .await;
    server.end().await;
}

/// Reads the status line, or less if the peer closes.
async fn rest_of_head(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while let Ok(byte) = stream.read_u8().await
        && byte != b'\r'
    {
        text.push(char::from(byte));
    }
    text
}

#[tokio::test]
async fn an_address_that_has_too_many_connections_is_told_so_though_it_sends_at_once() {
    let limits = ListenerLimits { max_connections_per_address: 1, ..patient() };
    let server = start(hello(), limits, PLENTY).await;
    let mut first = server.connect().await;
    first.write_all(GET).await.unwrap();
    read_until(&mut first, "hello").await;

    let mut second = server.connect().await;
    second.write_all(GET).await.unwrap();
    let answer = rest_of(&mut second).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("from this address; the limit is 1"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["status"], 503);
    server.end().await;
}

#[tokio::test]
async fn a_head_beyond_its_limits_is_read_so_far_that_the_guard_can_say_so() {
    let heads = HeadLimits { max_bytes: 1000, max_count: 10 };
    let endpoint = crate::guard(hello(), crate::RouteTable::default()).with_head_limits(heads);
    let server = start(endpoint.boxed(), ListenerLimits { heads, ..patient() }, PLENTY).await;
    let long = format!("X-Long: {}\r\n", "x".repeat(1000));
    let bare = "X: y\r\n".repeat(30);
    for (headers, expected) in [
        ("X: y\r\n".repeat(9), "HTTP/1.1 200 "),
        ("X: y\r\n".repeat(15), "than the limit of 10\""),
        (long, "than the limit of 1000 bytes"),
        // So many that hyper gives up before anybody else sees them.
        (bare, "HTTP/1.1 431 "),
    ] {
        let mut client = server.connect().await;
        let head = format!("GET / HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let answer = rest_of(&mut client).await;
        assert!(answer.contains(expected), "{expected}: {answer}");
        assert!(expected.contains("200") || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    server.end().await;
}

#[tokio::test]
async fn who_sends_too_much_can_read_that_it_was_too_much() {
    let reader = BodyReader::new(BodyLimits { wire_max_bytes: 10_000, ..BodyLimits::default() });
    let endpoint = make(move |mut request: Request| {
        let reader = reader.clone();
        async move { reader.read(&request.headers().clone(), request.take_body()).await.map(|_| ()) }
    });
    let server = start(endpoint.map_to_response().boxed(), patient(), PLENTY).await;
    let mut client = server.connect().await;
    // More than the sockets' buffers hold.
    let body = vec![b'x'; 20_000_000];
    let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&body).await.unwrap();
    let answer = rest_of(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    server.end().await;
}

/// An endpoint that says when it begins, and answers when it is told to.
fn on_demand() -> (BoxEndpoint<'static>, mpsc::Receiver<()>, CancellationToken) {
    let (began, begun) = mpsc::channel(9);
    let release = CancellationToken::new();
    let released = release.clone();
    let endpoint = make(move |_| {
        let (began, released) = (began.clone(), released.clone());
        async move {
            began.send(()).await.unwrap();
            released.cancelled().await;
            StatusCode::OK
        }
    });
    (endpoint.map_to_response().boxed(), begun, release)
}

#[tokio::test]
async fn a_request_that_was_begun_is_answered_though_the_service_stops() {
    let (endpoint, mut begun, release) = on_demand();
    let server = start(endpoint, patient(), PLENTY).await;
    let (mut busy, mut idle) = (server.connect().await, server.connect().await);
    busy.write_all(GET).await.unwrap();
    begun.recv().await.unwrap();

    server.stop.cancel();
    assert_eq!(rest_of(&mut idle).await, "", "a connection without a request is closed");
    wait_until("nobody listens", PLENTY, async || TcpStream::connect(server.address).await.err()).await;
    assert!(!server.run.is_finished());
    release.cancel();
    assert!(rest_of(&mut busy).await.starts_with("HTTP/1.1 200 OK"));
    server.end().await;
}

#[tokio::test]
async fn what_is_not_done_in_time_is_cut_when_the_service_stops() {
    let (endpoint, mut begun, _release) = on_demand();
    let server = start(endpoint, patient(), SOON).await;
    let mut client = server.connect().await;
    client.write_all(GET).await.unwrap();
    begun.recv().await.unwrap();
    server.stop.cancel();
    assert_eq!(rest_of(&mut client).await, "");
    server.end().await;
}

#[tokio::test]
async fn a_slow_answer_is_neither_a_slow_head_nor_idle() {
    let (endpoint, mut begun, release) = on_demand();
    let limits = ListenerLimits { head_time: BRIEF, idle_time: BRIEF, ..patient() };
    let server = start(endpoint, limits, PLENTY).await;
    let (mut slow, mut silent) = (server.connect().await, server.connect().await);
    slow.write_all(GET).await.unwrap();
    begun.recv().await.unwrap();
    // Both limits have passed when a connection that began later is closed for them.
    assert_eq!(rest_of(&mut silent).await, "");
    assert_eq!(rest_of(&mut server.connect().await).await, "");
    release.cancel();
    assert!(rest_of(&mut slow).await.starts_with("HTTP/1.1 200 OK"));
    server.end().await;
}
