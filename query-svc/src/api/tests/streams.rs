//! The live tail and exports as answers: how many there may be, what they say of themselves, and how they end.

use std::time::Duration;

use futures_util::FutureExt;
use poem::Response;
use sentinel_http::Service;
use testkit::build::record;
use tokio::time::timeout;

use super::{get, get_response, service};
use crate::export::exports::TENANT_MAX_EXPORTS;

/// Long enough for any machine; what takes longer does not happen.
const PLENTY: Duration = Duration::from_secs(60);

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn follow(service: &Service, query: &str) -> Response {
    let response = get_response(service, &format!("/logs/tail{query}")).await;
    assert_eq!(response.status().as_u16(), 200, "{query}");
    response
}

#[tokio::test]
async fn a_tail_ends_in_order_as_soon_as_the_service_is_not_ready_any_more() {
    let service = service(&[record("one"), record("two")]).await;
    let response = follow(&service, "?from=now-1d").await;
    let buffering = (header(&response, "x-accel-buffering"), header(&response, "content-encoding"));
    assert_eq!((header(&response, "content-type"), buffering), ("text/event-stream", ("no", "")));
    assert!(header(&response, "cache-control").contains("no-store"));
    let mut body = Box::pin(response.into_body().into_string());
    for _ in 0..100 {
        assert!(body.as_mut().now_or_never().is_none(), "it goes on");
        tokio::task::yield_now().await;
    }

    service.readiness.switch_off();

    let text = timeout(PLENTY, body).await.expect("it ends").unwrap();
    assert_eq!(text.matches("event: log\n").count(), 2, "{text}");
    assert!(text.ends_with("}\n\n"), "{text}");
}

#[tokio::test]
async fn an_export_more_than_a_tenant_may_have_is_told_to_come_back_until_one_ends() {
    let service = service(&[record("one")]).await;
    let mut answers = Vec::new();
    for _ in 0..TENANT_MAX_EXPORTS {
        let response = get_response(&service, "/api/v1/logs/export").await;
        assert_eq!(response.status().as_u16(), 200);
        answers.push(response);
    }

    let (status, problem) = get(&service, "/report/csv").await;
    assert_eq!((status, &problem["code"]), (429, &"too_many_exports".into()), "{problem}");
    assert!(problem["detail"].as_str().unwrap().ends_with("as it may: 2"), "{problem}");

    let file = answers.pop().unwrap().into_body().into_string().await.unwrap();
    assert_eq!(file.lines().count(), 2, "{file}");
    let again = testkit::wait_until("there is a place again", PLENTY, async || {
        let response = get_response(&service, "/report/csv").await;
        (response.status().as_u16() == 200).then_some(response)
    })
    .await;
    let file = again.into_body().into_string().await.unwrap();
    assert_eq!(file, "id,timestamp,level,message\r\n1,2025-04-01T12:00:00Z,INFO,one\r\n");
}
