//! Server-sent events, as a client reads them.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

/// Longest silence of a stream that goes on: it says every 15 s that it is alive.
const SILENT_FOR_AT_MOST: Duration = Duration::from_secs(120);

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: i64,
    /// What it is: `log` or `gap`.
    pub kind: String,
    /// What it says.
    pub data: Value,
}

/// A stream of events that is read.
#[derive(Debug)]
pub struct Events {
    response: Response,
    text: String,
    undecoded: Vec<u8>,
    waiting: VecDeque<Event>,
}

impl Events {
    /// Asks for a stream of events, and returns when it begins.
    ///
    /// # Panics
    /// When the answer is none.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the service answers");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers().get(CONTENT_TYPE).expect("it has a type"), "text/event-stream");
        Self { response, text: String::new(), undecoded: Vec::new(), waiting: VecDeque::new() }
    }

    /// Returns the next event; `None`: the stream has ended, in order.
    ///
    /// # Errors
    /// When it breaks off.
    ///
    /// # Panics
    /// When nothing comes any more, or what comes is no event.
    pub async fn next(&mut self) -> reqwest::Result<Option<Event>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            let chunk = timeout(SILENT_FOR_AT_MOST, self.response.chunk()).await;
            let Some(chunk) = chunk.expect("something comes, if only heartbeats")? else { return Ok(None) };
            self.read(&chunk);
        }
    }

    fn read(&mut self, chunk: &[u8]) {
        self.undecoded.extend_from_slice(chunk);
        let whole = match std::str::from_utf8(&self.undecoded) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let rest = self.undecoded.split_off(whole);
        let text = std::mem::replace(&mut self.undecoded, rest);
        self.text.push_str(&String::from_utf8(text).expect("it was checked"));
        let Some(end) = self.text.rfind("\n\n") else { return };
        let rest = self.text.split_off(end + 2);
        let blocks = std::mem::replace(&mut self.text, rest);
        self.waiting.extend(blocks.split_terminator("\n\n").filter_map(read_event));
    }
}

/// Reads an event; `None`: it is a comment, or says how to come back.
fn read_event(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = field("data")?;
    let id = field("id").and_then(|id| id.parse().ok());
    Some(Event {
        id: id.unwrap_or_else(|| panic!("an event without an id: {block}")),
        kind: field("event").unwrap_or("message").to_owned(),
        data: serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {block}")),
    })
}
