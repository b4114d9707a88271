//! The client behind `--healthcheck`: asks a service on this machine whether it is ready. For containers whose
//! image holds no other program that could.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::{self, ALL_VERSIONS, ClientConfig, DigitallySignedStruct, SignatureScheme};

use crate::listener::tls::provider;
use crate::options::TlsOptions;

/// Longest time for the whole exchange.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How an answer begins that says ready.
const READY: &[u8] = b"HTTP/1.1 200";

/// Asks the service that listens on `listen` whether it is ready, over TLS if that is what it speaks; no answer within
/// 2 s is a no.
pub async fn healthcheck(listen: SocketAddr, tls: &TlsOptions) -> bool {
    let is_tls = tls.files().is_some();
    matches!(timeout(ANSWER_WITHIN, ask(reachable(listen), is_tls)).await, Ok(Ok(true)))
}

async fn ask(address: SocketAddr, is_tls: bool) -> io::Result<bool> {
    let stream = TcpStream::connect(address).await?;
    if !is_tls {
        return is_ready(stream, address).await;
    }
    let tls = TlsConnector::from(Arc::new(client_config().map_err(io::Error::other)?));
    is_ready(tls.connect(address.ip().into(), stream).await?, address).await
}

async fn is_ready(mut stream: impl AsyncRead + AsyncWrite + Unpin, address: SocketAddr) -> io::Result<bool> {
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut beginning = [0; READY.len()];
    stream.read_exact(&mut beginning).await?;
    Ok(beginning == READY)
}

/// Returns how the client speaks TLS: to whoever is there. It tells nothing and asks only for a yes, and what the
/// service's certificate says of names is for others.
fn client_config() -> Result<ClientConfig, rustls::Error> {
    let provider = provider();
    let verifier = Arc::new(AnyCertificate(Arc::clone(&provider)));
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(ALL_VERSIONS)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Takes every certificate whose owner has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns where a client on this machine finds a service: on the loopback if it listens on every address.
#[must_use]
pub fn reachable(listen: SocketAddr) -> SocketAddr {
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
        let is_ready = healthcheck(address, &TlsOptions::default()).await;
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
        assert!(!healthcheck(address, &TlsOptions::default()).await);
    }

    #[test]
    fn a_service_on_every_address_is_asked_on_the_loopback() {
        assert_eq!(reachable("0.0.0.0:8001".parse().unwrap()).to_string(), "127.0.0.1:8001");
        assert_eq!(reachable("[::]:8001".parse().unwrap()).to_string(), "[::1]:8001");
        assert_eq!(reachable("10.0.0.7:1".parse().unwrap()).to_string(), "10.0.0.7:1");
    }
}
