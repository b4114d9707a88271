//! OTLP/HTTP: what an exporter sends is found, and it is told what became of it in its own words.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use e2e_tests::protobuf::{field, fixed64, integer};
use e2e_tests::{Answer, Installation, Service};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// 2025-04-01T12:00:00.000001Z, in nanoseconds.
const NANOS: u64 = 1_743_508_800_000_001_000;

fn text_value(text: &str) -> Vec<u8> {
    field(1, text)
}

fn attribute(key: &str, value: Vec<u8>) -> Vec<u8> {
    [field(1, key), field(2, value)].concat()
}

/// Makes an `ExportLogsServiceRequest` of a service and records.
fn request_of(service: &str, records: &[Vec<u8>]) -> Vec<u8> {
    let resource = [
        field(1, attribute("service.name", text_value(service))),
        field(1, attribute("host.name", text_value("web-1"))),
    ];
    let scope = field(1, field(1, "lib.pay"));
    let records = records.iter().map(|record| field(2, record)).collect::<Vec<_>>().concat();
    field(1, [field(1, resource.concat()), field(2, [scope, records].concat())].concat())
}

fn record(body: &str) -> Vec<u8> {
    [
        fixed64(1, NANOS),
        integer(2, 17),
        field(5, text_value(body)),
        field(6, attribute("latency_ms", integer(3, 815))),
        field(9, [0xAB; 16]),
        field(10, [0xCD; 8]),
    ]
    .concat()
}

fn json_record(body: &str) -> Value {
    json!({"timeUnixNano": NANOS.to_string(), "severityNumber": 17, "body": {"stringValue": body},
           "attributes": [{"key": "latency_ms", "value": {"intValue": "815"}}],
           "traceId": "AB".repeat(16), "spanId": "cd".repeat(8)})
}

fn json_request(records: &[Value]) -> Vec<u8> {
    let attributes = json!([{"key": "service.name", "value": {"stringValue": "pay"}},
                            {"key": "host.name", "value": {"stringValue": "web-1"}}]);
    let scopes = json!([{"scope": {"name": "lib.pay"}, "logRecords": records}]);
    let request = json!({"resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": scopes}]});
    request.to_string().into_bytes()
}

fn post(installation: &Installation, content_type: &str, body: Vec<u8>) -> RequestBuilder {
    installation.post("/v1/logs").header("Content-Type", content_type).body(body)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}

#[tokio::test]
async fn records_of_both_encodings_plain_and_compressed_are_found_alike() {
    let installation = Installation::start();
    let (protobuf, json) = (request_of("pay", &[record("late")]), json_request(&[json_record("late")]));
    let snappy = snap::raw::Encoder::new().compress_vec(&protobuf).unwrap();
    let sent = [
        post(&installation, PROTOBUF, protobuf.clone()),
        post(&installation, PROTOBUF, gzip(&protobuf)).header("Content-Encoding", "gzip"),
        post(&installation, PROTOBUF, snappy).header("Content-Encoding", "snappy"),
        post(&installation, JSON, json.clone()),
        post(&installation, "application/json; charset=utf-8", gzip(&json))
            .header("Content-Encoding", "gzip"),
    ];
    let count = sent.len();

    for (index, request) in sent.into_iter().enumerate() {
        let answer = Answer::to(request).await;
        let (content_type, body) = if index < 3 { (PROTOBUF, "") } else { (JSON, "{}") };
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, body));
        assert_eq!(answer.header("content-type"), content_type);
    }

    let mut logs = installation.all_logs("q=trace_id:abababababababababababababababab").await;
    assert_eq!(logs.len(), count);
    for log in &mut logs {
        for of_its_own in ["id", "received_at"] {
            log.as_object_mut().unwrap().remove(of_its_own);
        }
    }
    let expected = json!({
        "timestamp": "2025-04-01T12:00:00.000001Z", "service": "pay", "severity": "ERROR", "level": "ERROR", "message": "late",
        "trace_id": "ab".repeat(16), "span_id": "cd".repeat(8), "host": "web-1",
        "attributes": {"latency_ms": 815, "otel.scope.name": "lib.pay"}});
    assert!(logs.iter().all(|log| *log == expected), "{logs:#?}");
}

#[tokio::test]
async fn records_that_are_not_valid_are_counted_and_the_others_stored() {
    let installation = Installation::start();
    let long = "x".repeat(300_000);
    let (protobuf, json) = (
        request_of("pay", &[record("good"), record(&long)]),
        json_request(&[json_record("good"), json_record(&long)]),
    );

    let in_protobuf = Answer::to(post(&installation, PROTOBUF, protobuf)).await;
    let in_json = Answer::to(post(&installation, JSON, json)).await;
    let none = Answer::to(post(&installation, JSON, json_request(&[json_record(&long)]))).await;

    let message = "record 1: message has 300000 bytes of UTF-8, at most 262144 are accepted";
    assert_eq!(in_protobuf.status, 200);
    assert_eq!(in_protobuf.body, field(1, [integer(1, 1), field(2, message)].concat()));
    assert_eq!(in_json.status, 200);
    let expected = json!({"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": message}});
    assert_eq!(in_json.json(), expected);
    assert_eq!(
        (none.status.as_u16(), &none.json()["partialSuccess"]["rejectedLogRecords"]),
        (200, &json!("1"))
    );
    assert_eq!(installation.all_logs("").await.len(), 2);
}

#[tokio::test]
async fn errors_are_a_status_in_the_encoding_of_the_request() {
    let installation = Installation::start();
    let reader = installation.create_key(&["--scopes", "read"]);
    let anybody = || installation.client.post(installation.ingest.url("/v1/logs"));
    let large = vec![b' '; 9 * 1024 * 1024];
    let table = [
        (anybody().bearer_auth("wrong"), b"{}".to_vec(), 401, 16),
        (anybody().bearer_auth(&reader), b"{}".to_vec(), 403, 7),
        (installation.post("/v1/logs"), b"{}}".to_vec(), 400, 3),
        (installation.post("/v1/logs"), large, 413, 3),
        (installation.post("/v1/logs").header("Content-Encoding", "br"), b"{}".to_vec(), 415, 3),
        (installation.post("/v1/logs").header("Idempotency-Key", ""), b"{}".to_vec(), 400, 3),
    ];
    for (request, body, status, code) in table {
        let in_json = request.try_clone().unwrap().header("Content-Type", JSON).body(body.clone());
        let in_json = Answer::to(in_json).await;
        let in_protobuf = Answer::to(request.header("Content-Type", PROTOBUF).body(body)).await;

        assert_eq!((in_json.status.as_u16(), in_json.header("content-type")), (status, JSON));
        let (message, as_json) = (in_json.json()["message"].clone(), in_json.json()["code"].clone());
        assert!(
            message.as_str().is_some_and(|text| !text.is_empty()) && as_json == code,
            "{}",
            in_json.text()
        );
        assert_eq!((in_protobuf.status.as_u16(), in_protobuf.header("content-type")), (status, PROTOBUF));
        assert_eq!(in_protobuf.body[..2], integer(1, code)[..]);
        assert!(!in_json.header("x-request-id").is_empty());
    }
    let unknown = Answer::to(post(&installation, "text/plain", b"x".to_vec())).await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["code"]), (415, &json!(3)), "{}", unknown.text());
    assert!(unknown.text().contains(PROTOBUF), "it says what is taken: {}", unknown.text());
    assert!(installation.all_logs("").await.is_empty());
}

#[tokio::test]
async fn a_repeat_with_a_key_of_idempotency_stores_nothing() {
    let installation = Installation::start();
    for (body, status) in [("one", 200), ("one", 200), ("another", 400)] {
        let request = post(&installation, PROTOBUF, request_of("pay", &[record(body)]));
        let answer = Answer::to(request.header("Idempotency-Key", "k1")).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(installation.all_logs("").await.len(), 1);
}

#[tokio::test]
async fn a_bound_key_sends_for_its_service_only() {
    let installation = Installation::start();
    let key = installation.create_key(&["--scopes", "ingest", "--service", "pay"]);
    let body =
        [request_of("unknown_service:java", &[record("a")]), request_of("auth", &[record("b")])].concat();
    let request = installation.client.post(installation.ingest.url("/v1/logs")).bearer_auth(key);
    let answer = Answer::to(request.header("Content-Type", PROTOBUF).body(body)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("record 1") && answer.text().contains("auth"), "{}", answer.text());
    let logs = installation.all_logs("").await;
    assert_eq!((logs.len(), &logs[0]["service"]), (1, &json!("pay")));
}

/// Returns an address that nobody listens on.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it has an address")
}

#[tokio::test]
async fn otlp_may_have_a_port_of_its_own_with_nothing_else() {
    for name in ["ingest-svc", "sentinel"] {
        let data = tempfile::tempdir().unwrap();
        let output =
            e2e_tests::installation::sentinel(&["keys", "create", "--scopes", "ingest,read"], data.path());
        let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let otlp = free_address();
        let service = Service::start(name, data.path(), &["--otlp-listen", &otlp.to_string()]);
        let client = Client::new();
        let send = |url: String| {
            let body = request_of("pay", &[record("late")]);
            client.post(url).bearer_auth(&key).header("Content-Type", PROTOBUF).body(body)
        };

        let here = Answer::to(send(format!("http://{otlp}/v1/logs"))).await;
        let there = Answer::to(send(service.url("/v1/logs"))).await;
        let elsewhere = Answer::to(send(format!("http://{otlp}/logs"))).await;
        let read = Answer::to(client.get(format!("http://{otlp}/logs")).bearer_auth(&key)).await;
        let ready = Answer::to(client.get(format!("http://{otlp}/readyz"))).await;
        let metrics = Answer::to(client.get(service.url("/metrics"))).await.text();

        assert_eq!(
            (here.status.as_u16(), there.status.as_u16(), ready.status.as_u16()),
            (200, 200, 200),
            "{name}"
        );
        elsewhere.problem(404, "not_found").unwrap();
        read.problem(404, "not_found").unwrap();
        assert!(metrics.contains("sentinel_ingest_records_accepted_total{door=\"otlp\"} 2"), "{metrics}");
        assert!(service.stop().success());
        assert!(client.get(format!("http://{otlp}/readyz")).send().await.is_err());
    }
}
