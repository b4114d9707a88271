//! Keys that an operator brings along: `API_KEYS`, `API_KEYS_FILE`, `API_KEY_HEADER`, `DEMO`.

use std::fs;
use std::process::{Command, Output};

use e2e_tests::programs::{output_of, program};
use e2e_tests::{Answer, Service};
use reqwest::Client;
use serde_json::json;
use tempfile::TempDir;

const KEY: &str = "k7Qz-81nnA-pp0-xw3";
const OTHER_KEY: &str = "Zr!x9$w2Lm#44Qpt";

/// The programs that honour the variables.
const PROGRAMS: [&str; 3] = ["ingest-svc", "query-svc", "sentinel"];

fn new_data() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

/// Sends a log to what takes logs, and reads with the others; returns the status.
async fn used(program: &str, service: &Service, header: &str, key: &str, log_of: &str) -> u16 {
    let url = service.url("/logs");
    let request = if program == "query-svc" {
        Client::new().get(url)
    } else {
        Client::new().post(url).json(&json!({"service": log_of, "message": "m"}))
    };
    Answer::to(request.header(header, key)).await.status.as_u16()
}

#[tokio::test]
async fn keys_in_the_environment_work_and_stand_in_no_log() {
    let keys = format!(r#"{{"{KEY}":"default","{OTHER_KEY}":"other"}}"#);
    for name in PROGRAMS {
        let data = new_data();
        let service = Service::start_with(
            name,
            data.path(),
            &[],
            &[("API_KEYS", &keys), ("RUST_LOG", &"debug".to_owned())],
        );
        let printed = service.printed();

        for key in [KEY, OTHER_KEY] {
            assert!([200, 201].contains(&used(name, &service, "X-API-Key", key, "s").await), "{name}");
        }
        assert_eq!(used(name, &service, "X-API-Key", "svc-reports-123", "reports").await, 401, "{name}");

        assert!(service.stop().success());
        let lines = [printed.stdout(), printed.stderr()].concat();
        assert!(!lines.iter().any(|line| line.contains(KEY) || line.contains(OTHER_KEY)), "{lines:#?}");
    }
}

#[tokio::test]
async fn keys_in_a_file_work() {
    for name in PROGRAMS {
        let data = new_data();
        let file = data.path().join("older.json");
        fs::write(&file, format!(r#"{{"{KEY}":"default"}}"#)).unwrap();
        let service = Service::start_with(name, data.path(), &[], &[("API_KEYS_FILE", file.as_os_str())]);
        assert!([200, 201].contains(&used(name, &service, "X-API-Key", KEY, "s").await), "{name}");
    }
}

#[tokio::test]
async fn a_further_header_carries_a_key() {
    let keys = format!(r#"{{"{KEY}":"default"}}"#);
    for name in PROGRAMS {
        let data = new_data();
        let variables = [("API_KEYS", keys.as_str()), ("API_KEY_HEADER", "X-Logger-Key")];
        let service = Service::start_with(name, data.path(), &[], &variables);
        assert!([200, 201].contains(&used(name, &service, "X-Logger-Key", KEY, "s").await), "{name}");
        assert_eq!(used(name, &service, "X-Logger-Kez", KEY, "s").await, 401, "{name}");
    }
}

#[tokio::test]
async fn demo_keys_work_with_a_warning_and_each_for_its_service() {
    for name in PROGRAMS {
        let data = new_data();
        let service = Service::start_with(name, data.path(), &[], &[("DEMO", "1")]);
        let printed = service.printed();

        for (key, of) in [
            ("svc-reports-123", "reports"),
            ("svc-payments-456", "payments"),
            ("svc-chat-789", "chat"),
            ("auth-service-token-001", "auth-service"),
            ("payment-service-token-002", "payment-service"),
            ("notification-service-token-003", "notification-service"),
        ] {
            let token = format!("Token {key}");
            assert!(
                [200, 201].contains(&used(name, &service, "Authorization", &token, of).await),
                "{name} {key}"
            );
        }
        if name != "query-svc" {
            assert_eq!(used(name, &service, "X-API-Key", "svc-reports-123", "chat").await, 400, "{name}");
        }

        assert!(service.stop().success());
        assert!(printed.stderr().iter().any(|line| line.contains("DEMO is on")), "{:#?}", printed.stderr());
    }
}

#[test]
fn no_program_starts_with_keys_that_are_malformed_or_no_secret_and_none_shows_them() {
    for (keys, reason) in [
        ("hunter2hunter2hunter2", "expected a JSON object"),
        (r#"{"hunter2hunter2hunter2":"a""#, "expected a JSON object"),
        (r#"{"hunter2":"a"}"#, "fewer than 16 characters"),
        (r#"{"hunter2-changeme-hunter2":"a"}"#, "well-known"),
        (r#"{"svc-payments-456":"a"}"#, "well-known"),
        (r#"{"hunter2hunter2hunter2":"A Team"}"#, "no tenant's name"),
    ] {
        for name in PROGRAMS {
            let data = new_data();
            let Output { status, stdout, stderr } = start_in_vain(name, &data, keys);
            let printed = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
            assert!(!status.success(), "{name} {keys}");
            assert!(printed.contains(reason), "{name} {keys}: {printed}");
            assert!(!printed.contains("hunter2") && !printed.contains("svc-payments"), "{name}: {printed}");
        }
    }
}

/// Starts a program that is not to start.
fn start_in_vain(name: &str, data: &TempDir, keys: &str) -> Output {
    let mut command = Command::new(program(name));
    if name == "sentinel" {
        command.arg("up");
    }
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    output_of(command.env("API_KEYS", keys).env_remove("RUST_LOG").current_dir(data.path()))
}
