//! Answers that nobody takes.

use super::*;

const ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Answers briefly at `/`, and else at length.
fn large() -> BoxEndpoint<'static> {
    let answer = |request: Request| async move {
        if request.uri().path() != "/" { "x".repeat(ANSWER_BYTES) } else { "brief".to_owned() }
    };
    make(answer).map_to_response().boxed()
}

async fn ask(server: &Server, path: &str) -> TcpStream {
    let mut client = server.connect().await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
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
