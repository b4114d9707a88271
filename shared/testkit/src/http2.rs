//! HTTP/2 made by hand, for clients without manners: frames, heads, and what comes back.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Kinds of frames.
pub const DATA: u8 = 0;
/// See [`DATA`].
pub const HEADERS: u8 = 1;
/// See [`DATA`].
pub const RST_STREAM: u8 = 3;
/// See [`DATA`].
pub const SETTINGS: u8 = 4;
/// See [`DATA`].
pub const PING: u8 = 6;
/// See [`DATA`].
pub const GOAWAY: u8 = 7;
/// See [`DATA`].
pub const WINDOW_UPDATE: u8 = 8;
/// See [`DATA`].
pub const CONTINUATION: u8 = 9;

/// Flags of frames.
pub const END_STREAM: u8 = 1;
/// See [`END_STREAM`].
pub const END_HEADERS: u8 = 4;

/// What an HTTP/2 client says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Number of the setting that says how large the window of each new stream is.
const INITIAL_WINDOW_SIZE: u8 = 4;

/// Long enough for any machine; what takes longer does not happen.
const PLENTY: Duration = Duration::from_secs(120);

/// A frame that came.
#[derive(Debug)]
pub struct Frame {
    /// Its kind, as [`DATA`].
    pub kind: u8,
    /// Its stream; 0: the connection.
    pub stream: u32,
    /// What it holds.
    pub payload: Vec<u8>,
}

/// Writes a frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Writes what a client says first, with the window that it opens for each answer, in bytes.
#[must_use]
pub fn greeting(window: u32) -> Vec<u8> {
    let setting = [&[0, INITIAL_WINDOW_SIZE][..], &window.to_be_bytes()].concat();
    [PREFACE, &frame(SETTINGS, 0, 0, &setting)].concat()
}

/// Writes a header as a literal that nobody keeps.
#[must_use]
pub fn header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 127);
        bytes.push(length.expect("so short that a byte holds its length"));
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// Writes the head of a request, without the frame.
#[must_use]
pub fn head(method: &str, path: &str, key: &str) -> Vec<u8> {
    [
        header(":method", method),
        header(":scheme", "http"),
        header(":authority", "x"),
        header(":path", path),
        header("authorization", &format!("Bearer {key}")),
        header("content-type", "application/json"),
    ]
    .concat()
}

/// Writes a whole request without a body.
#[must_use]
pub fn get(stream: u32, path: &str, key: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", path, key))
}

/// Writes that so many further bytes of a stream are wanted; of stream 0: of all together.
#[must_use]
pub fn window_update(stream: u32, bytes: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
}

/// Returns the next frame; `None`: the connection is closed.
pub async fn next(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Frame> {
    let mut start = [0; 9];
    let read = timeout(PLENTY, stream.read_exact(&mut start)).await.expect("something comes, or the end");
    read.ok()?;
    let [a, b, c, kind, _, stream_id @ ..] = start;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    timeout(PLENTY, stream.read_exact(&mut payload)).await.expect("all of the frame comes").ok()?;
    Some(Frame { kind, stream: u32::from_be_bytes(stream_id), payload })
}

/// Returns the next frame that is one of these, or `None` at the end of the connection.
pub async fn next_of(stream: &mut (impl AsyncReadExt + Unpin), kinds: &[u8]) -> Option<Frame> {
    loop {
        let frame = next(stream).await?;
        if kinds.contains(&frame.kind) {
            return Some(frame);
        }
    }
}

/// Sends pings until the peer has closed the connection: to the socket, a client that is alive.
pub async fn ping_until_closed(to: &mut (impl AsyncWriteExt + Unpin), every: Duration) {
    let ping = frame(PING, 0, 0, &[0; 8]);
    while to.write_all(&ping).await.is_ok() {
        tokio::time::sleep(every).await;
    }
}

/// Reads a number of four bytes.
#[must_use]
pub fn number(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().expect("four bytes"))
}
