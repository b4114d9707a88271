//! syslog over TCP and UDP: what is sent is found, byte for byte, and what is not stored is counted.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use e2e_tests::installation::sentinel;
use e2e_tests::{Answer, Installation};
use reqwest::Client;
use serde_json::{Value, json};
use testkit::wait_until;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An installation that takes syslog.
struct Syslog {
    installation: Installation,
    address: SocketAddr,
}

impl Syslog {
    fn start() -> Self {
        let data = tempfile::tempdir().expect("a temporary directory can be made");
        let made = sentinel(&["keys", "create", "--scopes", "ingest", "--name", "syslog"], data.path());
        let key_file = data.path().join("syslog-key");
        std::fs::write(&key_file, made.stdout).expect("the key can be written");
        let free = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = free.local_addr().expect("it has an address");
        drop(free);
        let variables: [(&str, OsString); 2] = [
            ("SENTINEL_SYSLOG_LISTEN", address.to_string().into()),
            ("SENTINEL_SYSLOG_KEY_FILE", key_file.into()),
        ];
        Self { installation: Installation::start_in(data, &variables), address }
    }

    /// Returns the logs of a query once there are so many, the oldest first.
    async fn logs(&self, query: &str, count: usize) -> Vec<Value> {
        let found = async || {
            let logs = self.installation.all_logs(&format!("{query}&order=asc")).await;
            (logs.len() == count).then_some(logs)
        };
        wait_until("the messages are stored", PATIENCE, found).await
    }

    async fn counted(&self, series: &str) -> u64 {
        let text = Answer::to(Client::new().get(self.installation.ingest.url("/metrics"))).await.text();
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.map_or(0, |value| value.trim().parse().expect("a counter is a number"))
    }
}

#[tokio::test]
async fn messages_over_tcp_are_found_in_order_and_byte_for_byte() {
    let syslog = Syslog::start();
    let counted = "<165>1 2025-10-11T22:14:15.003Z web-1 shop 99 ID47 [ex@1 k=\"v\"] two\nlines  ";
    let stream = [
        format!("{} {counted}", counted.len()),
        "<34>Oct 11 22:14:16 web-2 su[7]: 'su root' failed [x]\r\n".to_owned(),
        "no header at all, ä\n".to_owned(),
        "<11>1 2025-10-11T22:14:18Z - - - - - the last one has no end".to_owned(),
    ]
    .concat();
    let mut connection = TcpStream::connect(syslog.address).await.unwrap();
    for piece in stream.as_bytes().chunks(7) {
        connection.write_all(piece).await.unwrap();
        connection.flush().await.unwrap();
    }
    drop(connection);

    let logs = syslog.logs("", 4).await;

    let find = |message: &str| {
        let found = logs.iter().find(|log| log["message"] == message);
        found.unwrap_or_else(|| panic!("{message} is not in {logs:?}"))
    };
    let first = find("two\nlines  ");
    assert_eq!(
        (&first["service"], &first["host"], &first["level"]),
        (&json!("shop"), &json!("web-1"), &json!("INFO"))
    );
    assert_eq!(first["timestamp"], "2025-10-11T22:14:15.003000Z");
    assert_eq!(first["attributes"]["ex@1.k"], "v");
    assert_eq!(find("'su root' failed [x]")["service"], "su");
    assert_eq!(find("no header at all, ä")["host"], "127.0.0.1");
    assert_eq!(find("the last one has no end")["level"], "ERROR");
}

#[tokio::test]
async fn a_datagram_is_a_message_and_bytes_that_are_no_text_are_kept() {
    let syslog = Syslog::start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..500 {
        socket
            .send_to(format!("<14>1 2025-10-11T22:14:15Z web-1 pay - - - n {n}").as_bytes(), syslog.address)
            .unwrap();
    }
    socket.send_to(b"<14>1 2025-10-11T22:14:15Z web-1 raw - - - \xff\xfe x\n", syslog.address).unwrap();

    let logs = syslog.logs("service=pay", 500).await;
    let raw = syslog.logs("service=raw", 1).await;

    for n in 0..500 {
        assert_eq!(logs.iter().filter(|log| log["message"] == format!("n {n}")).count(), 1, "{n}");
    }
    assert_eq!(raw[0]["message"], "\u{fffd}\u{fffd} x");
    let original = raw[0]["attributes"]["log.record.original.base64"].as_str().unwrap();
    let original = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, original).unwrap();
    assert_eq!(original, b"<14>1 2025-10-11T22:14:15Z web-1 raw - - - \xff\xfe x");
    assert_eq!(syslog.counted("sentinel_ingest_records_accepted_total{door=\"syslog\"}").await, 501);
}

#[tokio::test]
async fn many_messages_of_one_connection_are_all_stored() {
    const SENT: usize = 30_000;
    let syslog = Syslog::start();
    let lines: String = (0..SENT).map(|n| format!("<14>n {n}\n")).collect();
    let mut connection = TcpStream::connect(syslog.address).await.unwrap();
    connection.write_all(lines.as_bytes()).await.unwrap();
    drop(connection);

    let counted = async || {
        let stats = Answer::to(syslog.installation.get("/stats")).await.json();
        (stats["total"] == SENT).then_some(())
    };
    wait_until("all are stored", PATIENCE, counted).await;

    let file = Answer::to(syslog.installation.get("/api/v1/logs/export?format=ndjson")).await.text();
    let messages: Vec<String> = file
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].as_str().unwrap().to_owned())
        .collect();
    let expected: Vec<String> = (0..SENT).map(|n| format!("<14>n {n}")).collect();
    assert!(messages == expected, "in order, each once");
}

#[tokio::test]
async fn a_message_that_was_cut_is_counted_and_not_stored() {
    let syslog = Syslog::start();
    let mut connection = TcpStream::connect(syslog.address).await.unwrap();
    connection
        .write_all(b"<14>1 2025-10-11T22:14:15Z web-1 pay - - - whole\n100 <14>1 2025 cut")
        .await
        .unwrap();
    drop(connection);

    let logs = syslog.logs("", 1).await;

    assert_eq!(logs[0]["message"], "whole");
    let series = "sentinel_ingest_records_dropped_total{door=\"syslog\",reason=\"incomplete\"}";
    wait_until("it is counted", PATIENCE, async || (syslog.counted(series).await == 1).then_some(())).await;
}

#[tokio::test]
async fn a_revoked_key_ends_the_connection_and_what_it_sent_is_counted() {
    let syslog = Syslog::start();
    let keys = Answer::to(syslog.installation.get("/api/v1/keys")).await.json();
    let id =
        keys["keys"].as_array().unwrap().iter().find(|key| key["name"] == "syslog").unwrap()["id"].clone();
    let revoke = syslog.installation.delete(&format!("/api/v1/keys/{}", id.as_str().unwrap()));
    assert!(revoke.send().await.unwrap().status().is_success());
    let series = "sentinel_ingest_records_dropped_total{door=\"syslog\",reason=\"unauthorized\"}";

    wait_until("messages are refused", PATIENCE, async || {
        let mut connection = TcpStream::connect(syslog.address).await.ok()?;
        connection.write_all(b"<14>1 2025-10-11T22:14:15Z web-1 pay - - - x\n").await.ok()?;
        drop(connection);
        (syslog.counted(series).await > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_too_long_is_left_out_and_counted_and_the_next_is_stored() {
    let syslog = Syslog::start();
    let mut connection = TcpStream::connect(syslog.address).await.unwrap();
    let long = format!("<14>{}\n<14>1 2025-10-11T22:14:15Z web-1 pay - - - after\n", "x".repeat(400_000));
    connection.write_all(long.as_bytes()).await.unwrap();
    drop(connection);

    let logs = syslog.logs("", 1).await;

    assert_eq!(logs[0]["message"], "after");
    let series = "sentinel_ingest_records_dropped_total{door=\"syslog\",reason=\"too_long\"}";
    assert_eq!(syslog.counted(series).await, 1);
}

#[tokio::test]
async fn without_a_key_that_may_send_a_service_does_not_start() {
    let data = tempfile::tempdir().unwrap();
    let made = sentinel(&["keys", "create", "--scopes", "read"], data.path());
    let key_file = data.path().join("key");
    std::fs::write(&key_file, made.stdout).unwrap();
    for arguments in [
        &["--syslog-listen", "127.0.0.1:0"][..],
        &["--syslog-listen", "127.0.0.1:0", "--syslog-key-file", key_file.to_str().unwrap()],
        &["--syslog-listen", "127.0.0.1:0", "--syslog-key-file", "/nowhere"],
    ] {
        let output = std::process::Command::new(e2e_tests::programs::program("ingest-svc"))
            .args(["--data-dir", data.path().to_str().unwrap(), "--listen", "127.0.0.1:0"])
            .args(arguments)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains("key"), "{arguments:?}: {stderr}");
    }
}

/// Sends a signal to a process.
fn signal(name: &str, pid: u32) {
    let sent = std::process::Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.expect("kill can be run").success(), "{name}");
}

#[tokio::test]
async fn datagrams_for_which_there_was_no_room_are_counted() {
    const SENT: u64 = 20_000;
    let syslog = Syslog::start();
    let pid = syslog.installation.ingest.pid();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    signal("-STOP", pid);
    let padding = "x".repeat(2000);
    for n in 0..SENT {
        let message = format!("<14>1 2025-10-11T22:14:15Z web-1 pay - - - n {n} {padding}");
        socket.send_to(message.as_bytes(), syslog.address).unwrap();
    }
    signal("-CONT", pid);

    let dropped = |reason: &str| {
        format!("sentinel_ingest_records_dropped_total{{door=\"syslog\",reason=\"{reason}\"}}")
    };
    let (kernel, queue) = (dropped("kernel"), dropped("queue_full"));
    let counts = async || {
        let accepted = syslog.counted("sentinel_ingest_records_accepted_total{door=\"syslog\"}").await;
        let (kernel, queue) = (syslog.counted(&kernel).await, syslog.counted(&queue).await);
        (accepted + kernel + queue == SENT).then_some((accepted, kernel))
    };
    let (accepted, kernel) = wait_until("every datagram is stored or counted", PATIENCE, counts).await;

    assert!(accepted > 0 && kernel > 0, "{accepted} stored, {kernel} lost");
    let stats = Answer::to(syslog.installation.get("/stats")).await.json();
    assert_eq!(stats["total"], accepted);
}
