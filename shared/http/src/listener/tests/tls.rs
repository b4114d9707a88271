//! Handshakes: good ones, none, slow ones; and certificates that are replaced.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::*;
use crate::healthcheck;
use crate::listener::tls::{Tls, provider};
use crate::options::TlsOptions;

/// A certificate for `localhost` and its key, as files.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.replace();
        files
    }

    fn at(&self) -> TlsFiles {
        let path = |name| self.directory.path().join(name);
        TlsFiles { certificate: path("cert.pem"), key: path("key.pem") }
    }

    /// Writes new files; returns the certificate.
    fn replace(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(self.at().certificate, cert.pem()).unwrap();
        std::fs::write(self.at().key, signing_key.serialize_pem()).unwrap();
        cert.der().clone()
    }

    fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.at().certificate).unwrap()
    }
}

async fn start_tls(files: &Files, limits: ListenerLimits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let endpoint = crate::guard(make(|_| async { "hello" }), crate::RouteTable::default());
    let tls = Some(files.at());
    let run = tokio::spawn(serve_with_limits(listener, endpoint, limits, tls, stop.clone(), PLENTY));
    Server { address, stop, run }
}

/// Shakes hands, trusting nothing but this certificate, and offering this protocol.
async fn shake(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    version: &'static SupportedProtocolVersion,
    protocol: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

async fn answer_over(mut stream: TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(PLENTY, stream.read_to_string(&mut answer)).await.expect("an answer comes").unwrap();
    answer
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken_and_answers_ask_for_it_from_then_on() {
    let files = Files::new();
    let server = start_tls(&files, patient()).await;
    for version in [&TLS12, &TLS13] {
        let stream = shake(server.address, &files.certificate(), version, "http/1.1").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = answer_over(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    }
    server.end().await;
}

#[tokio::test]
async fn http_2_is_agreed_on_in_the_handshake() {
    let files = Files::new();
    let server = start_tls(&files, patient()).await;
    let mut stream = shake(server.address, &files.certificate(), &TLS13, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame_header = [0; 9];
    timeout(PLENTY, stream.read_exact(&mut frame_header)).await.unwrap().unwrap();
    assert_eq!(frame_header[3], 4, "a server of HTTP/2 begins with its settings");
    drop(stream);
    server.end().await;
}

#[tokio::test]
async fn what_is_no_handshake_or_only_half_of_one_is_closed() {
    let files = Files::new();
    let server = start_tls(&files, ListenerLimits { head_time: BRIEF, ..patient() }).await;
    let half = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01];
    for beginning in [GET, b"\0\0\0\0\0\0\0\0garbage", &half, b""] {
        let mut client = server.connect().await;
        client.write_all(beginning).await.unwrap();
        let mut rest = Vec::new();
        let _ = timeout(PLENTY, client.read_to_end(&mut rest)).await.expect("the connection is closed");
        assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    }
    // A head after the handshake has the same limit.
    let mut stream = shake(server.address, &files.certificate(), &TLS13, "http/1.1").await.unwrap();
    stream.write_all(b"GET / HT").await.unwrap();
    let mut rest = Vec::new();
    let _ = timeout(PLENTY, stream.read_to_end(&mut rest)).await.expect("the connection is closed");
    assert!(rest.is_empty());
    server.end().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_end_takes_no_place_for_ever() {
    let files = Files::new();
    let limits = ListenerLimits { max_connections: 1, head_time: BRIEF, ..patient() };
    let server = start_tls(&files, limits).await;
    let mut silent = server.connect().await;
    assert_eq!(rest_of(&mut silent).await, "");
    let certificate = files.certificate();
    wait_until("its place is free again", PLENTY, async || {
        shake(server.address, &certificate, &TLS13, "http/1.1").await.ok()
    })
    .await;
    server.end().await;
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_go_on() {
    let files = Files::new();
    let first = files.certificate();
    let server = start_tls(&files, patient()).await;
    let mut old = shake(server.address, &first, &TLS13, "http/1.1").await.unwrap();
    old.write_all(GET).await.unwrap();
    let mut byte = [0];
    old.read_exact(&mut byte).await.unwrap();

    let second = files.replace();
    wait_until("the new certificate is shown", PLENTY, async || {
        shake(server.address, &second, &TLS13, "http/1.1").await.ok()
    })
    .await;
    assert!(shake(server.address, &first, &TLS13, "http/1.1").await.is_err());
    assert!(answer_over(old).await.contains("hello"), "a connection from before goes on");
    server.end().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_change_nothing() {
    let files = Files::new();
    let tls = Tls::load(files.at()).await.unwrap();
    let before = Arc::as_ptr(tls.acceptor().config());
    let is_kept = || Arc::as_ptr(tls.acceptor().config()) == before;

    tls.look().await;
    assert!(is_kept(), "the same files are no new ones");
    let key = std::fs::read(files.at().key).unwrap();
    std::fs::write(files.at().certificate, "no certificate").unwrap();
    tls.look().await;
    assert!(is_kept());
    files.replace();
    std::fs::write(files.at().key, &key).unwrap();
    tls.look().await;
    assert!(is_kept(), "the key of another certificate");
    std::fs::remove_file(files.at().key).unwrap();
    tls.look().await;
    assert!(is_kept());

    files.replace();
    tls.look().await;
    assert!(!is_kept());
}

#[tokio::test]
async fn a_service_does_not_start_with_files_that_cannot_be_used() {
    let files = Files::new();
    let load = || async { Tls::load(files.at()).await.map(|_| ()).unwrap_err().to_string() };
    std::fs::write(files.at().key, "no key").unwrap();
    assert!(load().await.contains("key.pem"), "{}", load().await);
    std::fs::write(files.at().certificate, "").unwrap();
    assert!(load().await.contains("cert.pem"), "{}", load().await);
    std::fs::remove_file(files.at().key).unwrap();
    assert!(load().await.starts_with("cannot read "), "{}", load().await);
}

#[tokio::test]
async fn a_service_that_speaks_tls_is_asked_over_tls_whether_it_is_ready() {
    let files = Files::new();
    let server = start_tls(&files, patient()).await;
    let TlsFiles { certificate, key } = files.at();
    let options = TlsOptions { tls_cert: Some(certificate), tls_key: Some(key) };
    assert!(healthcheck(server.address, &options).await);
    assert!(!healthcheck(server.address, &TlsOptions::default()).await);
    server.end().await;
}
