//! Answers that nobody takes.

use poem::IntoResponse;
use testkit::build::tenant;

use super::*;

const ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Answers briefly at `/`, and else at length: at `/of-a` as to a tenant `a`, at `/of-b` as to another.
fn large() -> BoxEndpoint<'static> {
    let answer = |request: Request| async move {
        let path = request.uri().path();
        let text = if path != "/" { "x".repeat(ANSWER_BYTES) } else { "brief".to_owned() };
        let mut response = text.into_response();
        if let Some(name) = path.strip_prefix("/of-") {
            response.extensions_mut().insert(tenant(name));
        }
        response
    };
    make(answer).map_to_response().boxed()
}

async fn ask(server: &Server, path: &str) -> TcpStream {
    send(server, "GET", path).await
}

async fn send(server: &Server, method: &str, path: &str) -> TcpStream {
    let mut client = server.connect().await;
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

/// Reads the first line of an answer, and nothing more.
async fn status_line(client: &mut TcpStream) -> String {
    read_until(client, "\r\n").await
}

#[tokio::test]
async fn an_answer_that_nobody_takes_holds_its_memory_and_large_ones_beside_it_are_refused_until_it_is_gone()
{
    let limits = ListenerLimits { answers_max_bytes: ANSWER_BYTES * 3 / 2, ..patient() };
    let server = start(large(), limits, SOON).await;

    let mut idle = ask(&server, "/large").await;
    let first = status_line(&mut idle).await;
    let refused = rest_of(&mut ask(&server, "/large").await).await;
    let brief = rest_of(&mut ask(&server, "/").await).await;
    let shared = status_line(&mut ask(&server, "/docs").await).await;
    let change = status_line(&mut send(&server, "POST", "/large").await).await;
    drop(idle);
    let after = wait_until("there is room again", PLENTY, async || {
        let line = status_line(&mut ask(&server, "/large").await).await;
        line.contains(" 200 ").then_some(line)
    })
    .await;

    assert!(first.contains(" 200 "), "{first}");
    assert!(refused.contains(" 503 ") && refused.contains(r#""code":"overloaded""#), "{refused}");
    assert!(refused.contains("retry-after: 1"), "{refused}");
    assert!(brief.ends_with("brief"), "{brief}");
    assert!(shared.contains(" 200 "), "{shared}");
    assert!(change.contains(" 200 "), "who is refused would do it again: {change}");
    assert!(after.contains(" 200 "));
    server.end().await;
}

#[tokio::test]
async fn an_answer_larger_than_all_there_is_goes_when_nothing_else_does() {
    let limits = ListenerLimits { answers_max_bytes: 1024, ..patient() };
    let server = start(large(), limits, SOON).await;

    let answer = rest_of(&mut ask(&server, "/large").await).await;

    assert!(answer.len() > ANSWER_BYTES);
    server.end().await;
}

#[tokio::test]
async fn a_tenant_whose_answers_nobody_takes_leaves_memory_to_others() {
    let limits = ListenerLimits { answers_max_bytes: 4 * ANSWER_BYTES, ..patient() };
    let server = start(large(), limits, SOON).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut client = ask(&server, "/of-a").await;
        assert!(status_line(&mut client).await.contains(" 200 "));
        idle.push(client);
    }

    let fourth = status_line(&mut ask(&server, "/of-a").await).await;
    let of_another = status_line(&mut ask(&server, "/of-b").await).await;

    assert!(fourth.contains(" 503 "), "{fourth}");
    assert!(of_another.contains(" 200 "), "{of_another}");
    drop(idle);
    server.end().await;
}
