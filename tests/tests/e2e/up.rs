//! `sentinel up`: one command, and what it prints works as it is printed.

use std::process::{Command, Stdio};
use std::time::Duration;

use e2e_tests::installation::ask;
use e2e_tests::{Answer, Service};
use reqwest::Client;
use serde_json::Value;
use testkit::wait_until;

const PATIENCE: Duration = Duration::from_secs(60);

/// How a key begins.
const KEY_PREFIX: &str = "ls_";

#[tokio::test]
async fn the_first_start_prints_a_link_and_two_commands_that_work_as_pasted() {
    let data = tempfile::tempdir().unwrap();
    let up = Service::start("sentinel", data.path(), &["--simulate", "2"]);
    let printed = printed_until_complete(&up).await;
    let address = up.address().to_string();

    let link = word_with(&printed[0], "http://");
    let page = Answer::to(Client::new().get(link).header("accept", "text/html")).await;
    let commands: Vec<&str> =
        printed.iter().map(|line| line.trim()).filter(|line| line.starts_with("curl ")).collect();
    let pasted: Vec<Value> = commands.iter().map(|command| paste(command)).collect();

    assert!(link.contains(&address), "{link}");
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text().contains("<html"), "{}", page.text());
    assert_eq!(pasted.len(), 2, "{printed:#?}");
    if !curl_is_there() {
        eprintln!("SKIPPED: the printed commands, for curl is not installed");
        return;
    }
    assert!(pasted[0].is_array(), "{}", pasted[0]);
    assert_eq!(pasted[1]["accepted"], 1, "{}", pasted[1]);
    let hello = Client::new().get(up.url("/logs?service=me")).bearer_auth(key_in(&printed));
    let (_, hello) = ask(hello).await;
    assert_eq!(
        (hello[0]["message"].as_str(), &hello[0]["id"]),
        (Some("hello"), &pasted[1]["first_id"]),
        "{hello}"
    );
}

#[tokio::test]
async fn both_services_answer_on_one_origin_and_both_simulators_send() {
    let data = tempfile::tempdir().unwrap();
    let up = Service::start("sentinel", data.path(), &["--simulate", "2"]);
    let key = key_in(&printed_until_complete(&up).await);
    let client = Client::new();

    let (_, document) = ask(client.get(up.url("/openapi.json"))).await;
    let hosts = wait_until("both simulators send", PATIENCE, async || {
        let (_, logs) = ask(client.get(up.url("/logs?limit=1000")).bearer_auth(&key)).await;
        let mut hosts: Vec<String> =
            logs.as_array()?.iter().map(|log| log["host"].as_str().unwrap_or_default().to_owned()).collect();
        hosts.sort();
        hosts.dedup();
        (hosts.len() >= 2).then_some(hosts)
    })
    .await;

    assert_eq!(document["paths"]["/logs"]["get"]["operationId"], "searchLogs");
    assert_eq!(document["paths"]["/logs"]["post"]["operationId"], "postLogs");
    assert_eq!(hosts, ["simulator-1", "simulator-2"]);
}

#[tokio::test]
async fn the_second_start_prints_no_key_and_has_what_the_first_one_stored() {
    let data = tempfile::tempdir().unwrap();
    let first = Service::start("sentinel", data.path(), &[]);
    let key = key_in(&printed_until_complete(&first).await);
    let log = r#"{"service":"me","message":"from the first start"}"#;
    let stored = Answer::to(Client::new().post(first.url("/logs")).bearer_auth(&key).body(log)).await;
    assert!(first.stop().success());

    let second = Service::start("sentinel", data.path(), &[]);
    let (status, logs) = ask(Client::new().get(second.url("/logs")).bearer_auth(&key)).await;
    let printed = second.printed();
    assert!(second.stop().success());

    assert_eq!((stored.status.as_u16(), status.as_u16()), (201, 200));
    assert_eq!(logs[0]["id"], stored.json()["first_id"], "{logs}");
    assert_eq!(logs[0]["message"], "from the first start");
    let all = [printed.stdout(), printed.stderr()].concat().join("\n");
    assert!(all.contains("The key was shown at the first start"), "{all}");
    assert!(!all.contains(KEY_PREFIX), "{all}");
}

/// Returns what a first start prints; the command for sending is the last of it.
async fn printed_until_complete(up: &Service) -> Vec<String> {
    let printed = up.printed();
    wait_until("everything is printed", PATIENCE, async || {
        let lines = printed.stdout();
        lines.last().is_some_and(|line| line.contains(" -d ")).then_some(lines)
    })
    .await
}

fn key_in(printed: &[String]) -> String {
    let line = printed.iter().find(|line| line.starts_with("Your key")).expect("a line for the key");
    word_with(line, KEY_PREFIX).to_owned()
}

fn word_with<'line>(line: &'line str, beginning: &str) -> &'line str {
    line.split_whitespace()
        .find(|word| word.starts_with(beginning))
        .unwrap_or_else(|| panic!("no {beginning} in {line}"))
}

/// Runs a line as a person pastes it; returns the JSON that it prints.
fn paste(command: &str) -> Value {
    let ran = Command::new("sh").args(["-c", command]).env("NO_PROXY", "*").output().expect("sh is there");
    serde_json::from_slice(&ran.stdout).unwrap_or_default()
}

fn curl_is_there() -> bool {
    Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}
