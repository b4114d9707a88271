//! Answers over HTTP/2 that their client does not ask for, though it lives.

use std::sync::Arc;

use futures_util::StreamExt;
use poem::Body;
use testkit::http2::*;
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::*;

const STEP_BYTES: u32 = 16 * 1024;

/// For clients that have to take something within it again and again, also on a machine that is busy.
const STALL_TIME: Duration = Duration::from_millis(1500);

/// How long such a client rests.
const REST: Duration = Duration::from_millis(150);

/// How `:status: 200` begins a head: an entry of the table that everybody knows.
const STATUS_200: u8 = 0x88;

type Client = (ReadHalf<TcpStream>, WriteHalf<TcpStream>);

/// An endpoint with pages, and with tails of which each has a place. A tail says something first and then whenever it is
/// told to.
struct Pages {
    page_bytes: usize,
    places: Arc<Semaphore>,
    speak: Arc<Notify>,
}

impl Pages {
    fn new(page_bytes: usize) -> Self {
        Self { page_bytes, places: Arc::new(Semaphore::new(1)), speak: Arc::default() }
    }

    fn endpoint(&self) -> BoxEndpoint<'static> {
        let (page_bytes, places, speak) =
            (self.page_bytes, Arc::clone(&self.places), Arc::clone(&self.speak));
        let answer = move |request: Request| {
            let (places, speak) = (Arc::clone(&places), Arc::clone(&speak));
            async move {
                if request.uri().path() != "/tail" {
                    return Response::builder().body("x".repeat(page_bytes));
                }
                match places.try_acquire_owned() {
                    Ok(place) => Response::builder().body(tail(place, speak)),
                    Err(_) => StatusCode::SERVICE_UNAVAILABLE.into(),
                }
            }
        };
        make(answer).map_to_response().boxed()
    }
}

fn tail(place: OwnedSemaphorePermit, speak: Arc<Notify>) -> Body {
    let later = futures_util::stream::unfold((place, speak), |(place, speak)| async {
        speak.notified().await;
        Some((Ok::<_, io::Error>("later"), (place, speak)))
    });
    Body::from_bytes_stream(futures_util::stream::iter([Ok("first")]).chain(later))
}

/// Connects, opens a window of so many bytes for each answer, and asks.
async fn ask(server: &Server, window: u32, paths: &[&str]) -> Client {
    let (from, mut to) = split(server.connect().await);
    to.write_all(&greeting(window)).await.unwrap();
    for (stream, path) in (1..).step_by(2).zip(paths) {
        to.write_all(&get(stream, path, "key")).await.unwrap();
    }
    (from, to)
}

/// Reads the head of an answer.
async fn head_of_answer(client: &mut Client) {
    next_of(&mut client.0, &[HEADERS]).await.expect("it is answered");
}

/// Goes on reading, and sending what `talk` does, until the connection is closed.
async fn is_cut_though(mut from: ReadHalf<TcpStream>, talk: impl Future) {
    let all = async { while next(&mut from).await.is_some() {} };
    timeout(PLENTY, async { tokio::join!(talk, all) }).await.expect("the connection is cut");
}

/// Goes on reading and pinging, until the connection is closed.
async fn is_cut((from, mut to): Client) {
    is_cut_though(from, ping_until_closed(&mut to, SOON)).await;
}

#[tokio::test]
async fn a_client_that_opens_no_window_is_cut_and_its_answer_holds_nothing_any_more() {
    let pages = Pages::new(1024 * 1024);
    let limits = ListenerLimits { answers_max_bytes: 1536 * 1024, stall_time: BRIEF, ..patient() };
    let server = start(pages.endpoint(), limits, PLENTY).await;
    // Without a window hyper keeps the bytes; with the least one h2 does, and hyper is done with the answer.
    for window in [0, 1] {
        let mut client = ask(&server, window, &["/page"]).await;
        head_of_answer(&mut client).await;
        let mut other = server.connect().await;
        other.write_all(GET).await.unwrap();
        assert!(rest_of_head(&mut other).await.contains(" 503 "), "the memory is held");

        is_cut(client).await;
        wait_until("there is room again", PLENTY, async || {
            let mut other = server.connect().await;
            other.write_all(GET).await.ok()?;
            rest_of_head(&mut other).await.contains(" 200 ").then_some(())
        })
        .await;
    }
    server.end().await;
}

#[tokio::test]
async fn a_tail_that_nobody_reads_gives_its_place_back() {
    let pages = Pages::new(0);
    let limits = ListenerLimits { stall_time: SOON, ..patient() };
    let server = start(pages.endpoint(), limits, PLENTY).await;

    is_cut(ask(&server, 0, &["/tail"]).await).await;
    wait_until("the place is free", PLENTY, async || (pages.places.available_permits() == 1).then_some(()))
        .await;

    // What was read before is no excuse.
    let mut client = ask(&server, 5, &["/tail"]).await;
    assert_eq!(next_of(&mut client.0, &[DATA]).await.unwrap().payload, b"first");
    pages.speak.notify_one();
    is_cut(client).await;
    wait_until("the place is free", PLENTY, async || (pages.places.available_permits() == 1).then_some(()))
        .await;
    server.end().await;
}

#[tokio::test]
async fn a_quiet_tail_whose_client_reads_goes_on() {
    let pages = Pages::new(1024);
    let limits = ListenerLimits { stall_time: BRIEF, ..patient() };
    let server = start(pages.endpoint(), limits, SOON).await;
    let mut reader = ask(&server, 5, &["/tail"]).await;
    assert_eq!(next_of(&mut reader.0, &[DATA]).await.unwrap().payload, b"first");

    // Longer than the limit: a client that came later is cut for it, twice.
    is_cut(ask(&server, 0, &["/page"]).await).await;
    is_cut(ask(&server, 0, &["/page"]).await).await;

    reader.1.write_all(&window_update(1, 5)).await.unwrap();
    pages.speak.notify_one();
    assert_eq!(next_of(&mut reader.0, &[DATA]).await.unwrap().payload, b"later");
    server.end().await;
}

#[tokio::test]
async fn a_client_that_takes_a_step_now_and_then_gets_all_of_its_answer() {
    let steps = 30;
    let pages = Pages::new(steps * STEP_BYTES as usize);
    // Neither is it idle meanwhile, nor slow with a request.
    let limits = ListenerLimits {
        stall_time: STALL_TIME,
        head_time: STALL_TIME,
        idle_time: STALL_TIME,
        ..ListenerLimits::default()
    };
    let server = start(pages.endpoint(), limits, PLENTY).await;
    let (mut from, mut to) = ask(&server, STEP_BYTES, &["/page"]).await;
    let mut taken = 0;
    while taken < pages.page_bytes {
        let frame = next_of(&mut from, &[DATA]).await.expect("it is not cut");
        taken += frame.payload.len();
        tokio::time::sleep(REST).await;
        let bytes = u32::try_from(frame.payload.len()).unwrap();
        for stream in [0, 1] {
            let _ = to.write_all(&window_update(stream, bytes)).await;
        }
    }
    assert_eq!(taken, pages.page_bytes);
    server.end().await;
}

#[tokio::test]
async fn a_client_that_takes_a_byte_now_and_then_is_cut() {
    let pages = Pages::new(1024 * 1024);
    let limits = ListenerLimits { stall_time: BRIEF, ..patient() };
    let server = start(pages.endpoint(), limits, PLENTY).await;
    let (from, mut to) = ask(&server, 1, &["/page"]).await;
    let more = async {
        while to.write_all(&window_update(1, 1)).await.is_ok() {
            tokio::time::sleep(SOON).await;
        }
    };
    is_cut_though(from, more).await;
    server.end().await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_not_hidden_by_another_one_that_is_taken() {
    let pages = Pages::new(1024);
    let limits = ListenerLimits { stall_time: BRIEF, ..patient() };
    let server = start(pages.endpoint(), limits, PLENTY).await;
    let (from, mut to) = ask(&server, 0, &["/page"]).await;
    let others = async {
        for stream in (3..).step_by(2) {
            let windows = [window_update(0, 1024), window_update(stream, 1024)];
            let request = [get(stream, "/page", "key"), windows.concat()].concat();
            if to.write_all(&request).await.is_err() {
                break;
            }
            tokio::time::sleep(SOON).await;
        }
    };
    is_cut_though(from, others).await;
    server.end().await;
}

#[tokio::test]
async fn small_answers_are_counted_where_a_connection_has_many_of_them() {
    let pages = Pages::new(4 * 1024);
    let limits = ListenerLimits { answers_max_bytes: 8 * 1024, ..patient() };
    let server = start(pages.endpoint(), limits, SOON).await;
    let mut client = ask(&server, 0, &["/page"; 3]).await;
    let mut taken = 0;
    for _ in 0..3 {
        let head = next_of(&mut client.0, &[HEADERS]).await.expect("it is answered");
        taken += usize::from(head.payload[0] == STATUS_200);
    }
    assert_eq!(taken, 2);
    let mut other = server.connect().await;
    other.write_all(GET).await.unwrap();
    assert!(rest_of_head(&mut other).await.contains(" 200 "), "a connection of HTTP/1.1 has only one");
    server.end().await;
}
