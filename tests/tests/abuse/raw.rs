//! Connections without a client's manners.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::PLENTY;

/// How many connections come from one address: less than the limit for one.
const PER_ADDRESS: usize = 200;

/// Connects as the `index`th of many clients, from one of as many addresses of the loopback as that needs.
pub(crate) async fn connect(address: SocketAddr, index: usize) -> io::Result<TcpStream> {
    let host = u8::try_from(index / PER_ADDRESS + 2).expect("so many addresses are not needed");
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, host), 0)))?;
    socket.connect(address).await
}

/// Returns the head of a post of so many bytes, or of one in chunks.
pub(crate) fn post_head(key: &str, length: Option<usize>, headers: &str) -> String {
    let length = match length {
        Some(length) => format!("Content-Length: {length}"),
        None => "Transfer-Encoding: chunked".to_owned(),
    };
    format!(
        "POST /logs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\n{headers}{length}\r\n\r\n"
    )
}

/// Reads what comes until the peer closes the connection, also if it does so roughly.
pub(crate) async fn rest_of(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let read = timeout(PLENTY, stream.read_to_end(&mut bytes)).await.expect("the connection is closed");
    drop(read);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends all of it, unless the peer has closed the connection before.
pub(crate) async fn send(stream: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok()
}
