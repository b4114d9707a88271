//! Tests of the courier against a server that fails as it is told.

use clap::Parser;
use rand::SeedableRng;

use super::*;
use crate::deliver::EndpointOptions;
use crate::deliver::test_server::{Fate, TestServer};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    endpoint: EndpointOptions,
}

fn courier(url: &str, key: &[&str]) -> (Courier, CancellationToken) {
    let line = Line::try_parse_from([&["x", "--url", url], key].concat()).unwrap();
    let stop = CancellationToken::new();
    let endpoint = line.endpoint.endpoint().unwrap();
    let mut courier = Courier::new(endpoint, stop.clone(), StdRng::seed_from_u64(1), Arc::new(|_| {}));
    courier.mend_wait = Duration::from_millis(10);
    (courier, stop)
}

fn parcel(text: &str) -> Parcel {
    Parcel::pack("k1".to_owned(), format!("{{\"raw_log\":{text:?}}}\n").into_bytes(), 1).unwrap()
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again_with_the_same_key_and_body_until_it_is_stored() {
    let fates = [
        Fate::Refused(503, "retry-after: 0\r\n"),
        Fate::Refused(429, "retry-after: 0\r\n"),
        Fate::LostBefore,
        Fate::LostAfter,
        Fate::Refused(401, ""),
        Fate::Stored,
    ];
    let server = TestServer::start(move |number, _| fates[number]).await;
    let (mut courier, _) = courier(&server.url, &["--key", "secret"]);

    let delivery = courier.deliver(&parcel("a")).await;

    let Delivery::Stored(stored) = delivery else { panic!("{delivery:?}") };
    assert_eq!((stored.accepted, stored.rejected), (1, 0));
    assert_eq!(server.lines(), ["a"]);
    let requests = server.kept(|kept| kept.requests.clone());
    assert_eq!(requests.len(), fates.len());
    assert!(requests.iter().all(|request| *request == requests[0]), "{requests:?}");
}

#[tokio::test]
async fn an_answer_that_no_repeat_changes_is_handed_on() {
    let fates = [Fate::Refused(413, ""), Fate::Refused(400, ""), Fate::Stored, Fate::Stored];
    let server = TestServer::start(move |number, _| fates[number]).await;
    let (mut courier, _) = courier(&server.url, &["--key", "secret"]);

    assert!(matches!(courier.deliver(&parcel("a")).await, Delivery::TooLarge(_)));
    assert!(matches!(courier.deliver(&parcel("a")).await, Delivery::Rejected { .. }));
    assert!(matches!(courier.deliver(&parcel("a")).await, Delivery::Stored(_)));
    assert!(matches!(courier.deliver(&parcel("b")).await, Delivery::KeyReused(_)));
    assert_eq!(server.lines(), ["a"]);
}

#[tokio::test]
async fn a_yes_that_does_not_account_for_each_log_is_none() {
    let server = TestServer::start(|number, _| match number {
        0 => Fate::Refused(200, ""),
        1 => Fate::Miscounted,
        _ => Fate::Stored,
    })
    .await;
    let (mut courier, _) = courier(&server.url, &["--key", "secret"]);

    let delivery = courier.deliver(&parcel("a")).await;

    assert!(matches!(delivery, Delivery::Stored(Stored { accepted: 1, .. })), "{delivery:?}");
    assert_eq!(server.kept(|kept| kept.requests.len()), 3);
}

#[tokio::test]
async fn a_422_that_names_no_conflict_and_a_conflict_of_a_new_key_are_waited_for() {
    let fates = [Fate::Refused(422, ""), Fate::Conflict, Fate::Conflict, Fate::Conflict, Fate::Stored];
    let server = TestServer::start(move |number, _| fates[number]).await;
    let (mut courier, _) = courier(&server.url, &["--key", "secret"]);
    let mut parcel = parcel("a");

    assert!(matches!(courier.deliver(&parcel).await, Delivery::KeyReused(_)));
    assert_eq!(server.kept(|kept| kept.requests.len()), 2);
    parcel.renew_key("k2".to_owned());
    assert!(matches!(courier.deliver(&parcel).await, Delivery::Stored(_)));

    assert_eq!(server.kept(|kept| kept.requests.len()), fates.len());
}

#[tokio::test]
async fn a_key_file_is_read_again_after_a_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let write = file.clone();
    let server = TestServer::start(move |number, _| {
        std::fs::write(&write, "new\n").unwrap();
        if number == 0 { Fate::Refused(401, "") } else { Fate::Stored }
    })
    .await;
    std::fs::write(&file, "old\n").unwrap();
    let (mut courier, _) = courier(&server.url, &["--key-file", file.to_str().unwrap()]);

    assert!(matches!(courier.deliver(&parcel("a")).await, Delivery::Stored(_)));

    assert_eq!(server.kept(|kept| kept.authorization.clone()), "Bearer new");
}

#[tokio::test]
async fn a_courier_that_is_asked_to_stop_gives_up_what_cannot_be_delivered() {
    let (mut courier, stop) = courier("http://127.0.0.1:1", &["--key", "secret"]);
    let told = stop.clone();
    courier.on_trouble = Arc::new(move |_| told.cancel());

    assert_eq!(courier.deliver(&parcel("a")).await, Delivery::Stopped);
}
