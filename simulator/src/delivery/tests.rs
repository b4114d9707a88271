//! Tests of the delivery against a server that answers by a script.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::system_now;
use crate::keys::ApiKey;
use crate::parcel::Body;
use crate::seeds;
use crate::test_server::{Answer, TestServer};

const STORED: &str = r#"{"message":"ok","accepted":2,"rejected":0,"first_id":17,"last_id":18}"#;

fn parcel() -> Parcel {
    Parcel {
        key: "run-1".to_owned(),
        first_sequence: 1,
        last_sequence: 2,
        body: Body::Text("a\nb\n".to_owned()),
    }
}

fn courier(server: &TestServer, counters: &Arc<Counters>, stop: &Stop) -> Courier {
    let client = IngestClient::new(&server.url, &ApiKey::new("secret"), system_now).unwrap();
    let backoff_rng = seeds::stream(1, "backoff", "auth-service");
    Courier::new(
        Destination::Service(client),
        "auth-service",
        Arc::clone(counters),
        stop.clone(),
        backoff_rng,
    )
}

fn never() -> Stop {
    Stop::after(&CancellationToken::new())
}

#[tokio::test]
async fn a_request_that_failed_is_repeated_with_the_same_key_and_body() {
    let server = TestServer::start(|number, _| match number {
        0 => Answer(503, "retry-after: 0\r\n", String::new()),
        1 => Answer(429, "retry-after: 0\r\n", String::new()),
        _ => Answer(201, "", STORED.to_owned()),
    })
    .await;
    let counters = Arc::new(Counters::default());

    let delivery = courier(&server, &counters, &never()).deliver(&parcel()).await.unwrap();

    let receipt = Receipt { accepted: 2, rejected: 0, first_id: 17, last_id: 18 };
    assert_eq!(delivery, Delivery::Acknowledged(receipt));
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    for request in &seen {
        assert_eq!(request.request_line, "POST /logs");
        assert_eq!(request.header("idempotency-key"), "run-1");
        assert_eq!(request.header("authorization"), "Bearer secret");
        assert_eq!(request.body, "a\nb\n");
    }
    assert_eq!(counters.summary().retries, 2);
}

#[tokio::test]
async fn a_refused_request_is_not_repeated_and_counts_as_rejected() {
    let server =
        TestServer::start(|_, _| Answer(403, "", r#"{"detail":"not your service"}"#.to_owned())).await;
    let counters = Arc::new(Counters::default());

    let delivery = courier(&server, &counters, &never()).deliver(&parcel()).await.unwrap();

    let Delivery::Refused { reason } = delivery else { panic!("{delivery:?}") };
    assert!(reason.contains("403") && reason.contains("not your service"), "{reason}");
    assert_eq!(server.seen().len(), 1);
    assert_eq!((counters.summary().rejected, counters.summary().refusals), (2, 1));
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_no_acknowledgement() {
    let server = TestServer::start(|number, _| match number {
        // The chunk is announced longer than it is.
        0 => Answer(201, "transfer-encoding: chunked\r\n", "ff\r\n{\"accep".to_owned()),
        _ => Answer(201, "", STORED.to_owned()),
    })
    .await;
    let counters = Arc::new(Counters::default());

    let delivery = courier(&server, &counters, &never()).deliver(&parcel()).await.unwrap();

    assert!(matches!(delivery, Delivery::Acknowledged(_)), "{delivery:?}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_delivery_ends_without_an_answer_when_the_grace_is_over() {
    let server = TestServer::start(|_, _| Answer(503, "", String::new())).await;
    let (counters, stop) = (Arc::new(Counters::default()), never());
    stop.soft.cancel();
    stop.hard.cancel();

    let delivery = courier(&server, &counters, &stop).deliver(&parcel()).await.unwrap();

    assert_eq!(delivery, Delivery::Abandoned);
    assert_eq!(counters.summary().abandoned, 2);
}
