//! The client behind `--healthcheck`: asks a service on this machine whether it is ready. For containers whose
//! image holds no other program that could.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest time for the whole exchange.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How an answer begins that says ready.
const READY: &[u8] = b"HTTP/1.1 200";

/// Asks the service that listens on `listen` whether it is ready; no answer within 2 s is a no.
pub async fn healthcheck(listen: SocketAddr) -> bool {
    matches!(timeout(ANSWER_WITHIN, is_ready(reachable(listen))).await, Ok(Ok(true)))
}

async fn is_ready(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut beginning = [0; READY.len()];
    stream.read_exact(&mut beginning).await?;
    Ok(beginning == READY)
}

/// Returns where a client finds a service that listens on every address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make_sync;
    use poem::http::StatusCode;
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::serve;

    async fn checked_with(status: StatusCode) -> bool {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let endpoint =
            make_sync(move |request| if request.uri() == "/readyz" { status } else { StatusCode::GONE });
        let server = tokio::spawn(serve(listener, endpoint, stop.clone(), Duration::ZERO));
        let is_ready = healthcheck(address).await;
        stop.cancel();
        server.await.unwrap().unwrap();
        is_ready
    }

    #[tokio::test]
    async fn a_service_says_itself_whether_it_is_ready() {
        assert!(checked_with(StatusCode::OK).await);
        assert!(!checked_with(StatusCode::SERVICE_UNAVAILABLE).await);
    }

    #[tokio::test]
    async fn nobody_there_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(!healthcheck(address).await);
    }

    #[test]
    fn a_service_on_every_address_is_asked_on_the_loopback() {
        assert_eq!(reachable("0.0.0.0:8001".parse().unwrap()).to_string(), "127.0.0.1:8001");
        assert_eq!(reachable("[::]:8001".parse().unwrap()).to_string(), "[::1]:8001");
        assert_eq!(reachable("10.0.0.7:1".parse().unwrap()).to_string(), "10.0.0.7:1");
    }
}
