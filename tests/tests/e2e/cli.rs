//! `sentinel search`, `tail`, `stats` and `export` against running services.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use e2e_tests::Installation;
use e2e_tests::programs::program;
use serde_json::{Value, json};

/// Returns the command, which asks this installation.
fn sentinel(installation: &Installation, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("sentinel"));
    command.args(arguments).env_clear().current_dir(installation.data.path());
    command.env("SENTINEL_QUERY_URL", installation.query.url("")).env("SENTINEL_KEY", &installation.key);
    command
}

/// Runs the command while the services answer.
async fn output(installation: &Installation, arguments: &[&str]) -> Output {
    let mut command = sentinel(installation, arguments);
    let ran = tokio::task::spawn_blocking(move || command.output()).await;
    ran.expect("no panic").expect("sentinel can be started")
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

async fn installation_with_logs(count: usize) -> Installation {
    let installation = Installation::start();
    let log = |n: usize| {
        let level = if n.is_multiple_of(3) { "ERROR" } else { "INFO" };
        json!({"service": "shop", "level": level, "message": format!("order {n}"), "attributes": {"n": n}})
    };
    installation.post_logs(&json!((0..count).map(log).collect::<Vec<_>>())).await;
    installation
}

#[tokio::test]
async fn a_search_goes_through_as_many_pages_as_it_takes_and_a_pipe_gets_json() {
    let installation = installation_with_logs(2500).await;

    let all = output(&installation, &["search", "--limit", "5000", "--order", "asc"]).await;
    let errors = output(&installation, &["search", "level:error", "n:>=2490", "-n", "2"]).await;
    let coloured = output(&installation, &["search", "n:7", "--output", "text", "--color", "always"]).await;
    let plain = output(&installation, &["search", "--attr", "n=7", "--output", "text"]).await;

    let ids: Vec<i64> = lines(&all)
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, (1..=2500).collect::<Vec<_>>());
    let messages: Vec<Value> = lines(&errors)
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].clone())
        .collect();
    assert_eq!(messages, ["order 2499", "order 2496"]);
    assert!(lines(&coloured)[0].contains("\u{1b}["), "{coloured:?}");
    let plain = lines(&plain);
    assert!(plain.len() == 1 && plain[0].ends_with("INFO  shop order 7 n=7"), "{plain:?}");
}

#[tokio::test]
async fn a_tail_prints_logs_as_they_come_also_after_the_service_was_started_again() {
    let mut installation = installation_with_logs(3).await;
    let mut command =
        sentinel(&installation, &["tail", "--from", "2000-01-01T00:00:00Z", "--service", "shop"]);
    let mut tail = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut printed = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = move || {
        let line = printed.next().expect("the tail goes on").unwrap();
        (serde_json::from_str::<Value>(&line).unwrap()["id"].as_i64().unwrap(), printed_back(&line))
    };
    for id in 1..=3 {
        assert_eq!(next().0, id);
    }

    installation.query.crash();
    installation.query.start_again();
    installation.forget_connections();
    let more = json!([{"service": "shop", "message": "later"}, {"service": "else", "message": "not meant"}]);
    installation.post_logs(&more).await;
    let later = tokio::task::spawn_blocking(next).await.unwrap();

    tail.kill().unwrap();
    tail.wait().unwrap();
    assert_eq!(later, (4, "later".to_owned()));
}

fn printed_back(line: &str) -> String {
    let log: Value = serde_json::from_str(line).expect("a line is JSON");
    log["message"].as_str().expect("a log has a message").to_owned()
}

#[tokio::test]
async fn counts_and_exports_have_what_the_filters_select() {
    let installation = installation_with_logs(30).await;
    let file = installation.data.path().join("errors.csv");
    let path = file.to_str().unwrap();

    let all = output(&installation, &["stats", "--output", "text"]).await;
    let errors = output(&installation, &["stats", "level:error"]).await;
    let exported = output(&installation, &["export", "level:error", "--out", path]).await;
    let again = output(&installation, &["export", "--out", path]).await;
    let ndjson = output(&installation, &["export", "--format", "ndjson", "--service", "shop"]).await;

    assert!(lines(&all).contains(&"          20  INFO".to_owned()), "{all:?}");
    let errors: Value = serde_json::from_str(&lines(&errors)[0]).unwrap();
    assert_eq!((&errors["total"], &errors["by_level"]), (&json!(10), &json!({"ERROR": 10})));
    assert!(lines(&exported).is_empty());
    let csv = std::fs::read_to_string(&file).unwrap();
    assert!(csv.lines().count() == 11 && csv.starts_with("id,timestamp,"), "{csv}");
    assert!(!again.status.success(), "a file that is there is not written over");
    assert_eq!(lines(&ndjson).len(), 30);
}

#[tokio::test]
async fn what_the_service_says_is_wrong_is_said_and_fails() {
    let installation = installation_with_logs(1).await;
    for (arguments, expected) in [
        (&["search", "a:("][..], "parameter q"),
        (&["tail", "--from", "yesterday"], "parameter from"),
        (&["export", "--key", "nobody"], "401"),
        (&["stats", "--url", "http://127.0.0.1:1"], "does not answer"),
    ] {
        let output = output(&installation, arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    }
}
