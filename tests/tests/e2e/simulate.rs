//! The simulator, as `docker compose` runs it: keys from files, a ledger, and the check of that ledger.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use e2e_tests::installation::{ask, sentinel};
use e2e_tests::programs::program;
use e2e_tests::{Installation, seed_from};
use serde_json::{Value, json};

const COUNT: &str = "600";

/// What a log says, apart from when: its service, severity and message.
type Content = (String, String, String);

/// An installation with the keys that `sentinel keys bootstrap` makes, and a ledger.
struct Simulation {
    installation: Installation,
    seed: String,
    ledger: PathBuf,
}

impl Simulation {
    fn prepare() -> Self {
        let installation = Installation::start();
        let made = sentinel(&["keys", "bootstrap"], installation.data.path());
        assert!(made.status.success(), "{}", text(&made.stderr));
        let ledger = installation.data.path().join("ledger.jsonl");
        Self { installation, seed: seed_from("SENTINEL_TEST_SEED").to_string(), ledger }
    }

    /// Sends [`COUNT`] logs, to the end.
    fn run(&self, arguments: &[&str]) {
        let mut command = self.command();
        command.arg("--key-dir").arg(self.keys()).args(["--url", &self.installation.ingest.url("")]);
        command.args(["--count", COUNT, "--seed", &self.seed, "--rate", "100000"]).args(arguments);
        let ran = command.arg("--ledger").arg(&self.ledger).output().expect("the simulator starts");
        assert!(ran.status.success(), "{}", text(&ran.stderr));
    }

    /// Checks the ledger; returns the exit status, and the counts by name.
    fn verify(&self) -> (Option<i32>, BTreeMap<String, u64>) {
        let mut command = self.command();
        command.args(["verify", "--url", &self.installation.query.url("")]).arg("--ledger").arg(&self.ledger);
        command.arg("--key-file").arg(self.keys().join("reader.key"));
        let Output { status, stdout, stderr } = command.output().expect("the simulator starts");
        let counts = text(&stdout);
        // acked 600 / found 600 / missing 0 / duplicated 0
        assert!(counts.starts_with("acked "), "{counts}{}", text(&stderr));
        let counts = counts.lines().next().unwrap_or_default().split(" / ").map(|count| {
            let (name, number) = count.split_once(' ').expect("a name and a number");
            (name.to_owned(), number.parse().expect("a number"))
        });
        (status.code(), counts.collect())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program("simulator"));
        command.current_dir(self.installation.data.path());
        command
    }

    fn keys(&self) -> PathBuf {
        self.installation.data.path().join("keys")
    }

    /// Returns any log of the simulator's.
    async fn any_log(&self) -> Value {
        let (_, logs) = ask(self.installation.get("/logs?limit=1")).await;
        logs[0].clone()
    }
}

#[tokio::test]
async fn what_the_simulator_had_acknowledged_is_there_exactly_once() {
    let simulation = Simulation::prepare();

    simulation.run(&[]);
    let (status, counts) = simulation.verify();

    assert_eq!(status, Some(0));
    assert_eq!(counts, expected(&[("acked", 600), ("found", 600), ("missing", 0), ("duplicated", 0)]));
    let (_, stats) = ask(simulation.installation.get("/stats")).await;
    assert_eq!(stats["total"], 600);
    assert_eq!(stats["logs_per_service"].as_object().unwrap().len(), 6, "{stats}");
}

#[tokio::test]
async fn the_check_notices_that_an_acknowledged_log_is_gone() {
    let simulation = Simulation::prepare();
    simulation.run(&[]);
    let log = simulation.any_log().await;
    let (service, time) = (log["service"].as_str().unwrap(), log["timestamp"].as_str().unwrap());

    let one = format!("/logs?service={service}&timestamp_start={time}&timestamp_end={time}");
    let (_, answer) = ask(simulation.installation.delete(&one)).await;
    let deleted = answer["deleted"].as_u64().unwrap();
    let (status, counts) = simulation.verify();

    assert!(deleted >= 1, "{answer}");
    assert_eq!(status, Some(1));
    let found = 600 - deleted;
    assert_eq!(
        counts,
        expected(&[("acked", 600), ("found", found), ("missing", deleted), ("duplicated", 0)])
    );
}

#[tokio::test]
async fn the_check_notices_that_a_record_is_stored_twice() {
    let simulation = Simulation::prepare();
    simulation.run(&[]);
    let log = simulation.any_log().await;

    let copy = ["timestamp", "service", "severity", "message", "attributes"]
        .map(|name| (name.to_owned(), log[name].clone()));
    simulation.installation.post_logs(&json!([Value::Object(copy.into_iter().collect())])).await;
    let (status, counts) = simulation.verify();

    assert_eq!(status, Some(1));
    assert_eq!(counts, expected(&[("acked", 600), ("found", 600), ("missing", 0), ("duplicated", 1)]));
}

#[tokio::test]
async fn lines_of_text_are_stored_with_the_services_severities_and_messages_that_json_has() {
    let simulation = Simulation::prepare();

    simulation.run(&["--format", "text"]);
    simulation.run(&["--format", "json"]);
    let (status, counts) = simulation.verify();

    assert_eq!(status, Some(0));
    assert_eq!(counts, expected(&[("acked", 1200), ("found", 1200), ("missing", 0), ("duplicated", 0)]));
    let logs = simulation.installation.all_logs("").await;
    let (json, text): (Vec<Value>, Vec<Value>) =
        logs.into_iter().partition(|log| log["attributes"]["simulator"].is_string());
    assert_eq!(contents(&text), contents(&json));
}

fn expected(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
    counts.iter().map(|&(name, number)| (name.to_owned(), number)).collect()
}

fn contents(logs: &[Value]) -> Vec<Content> {
    let field = |log: &Value, name: &str| log[name].as_str().expect("a text").to_owned();
    let content = |log| (field(log, "service"), field(log, "severity"), field(log, "message"));
    let mut contents: Vec<Content> = logs.iter().map(content).collect();
    contents.sort();
    contents
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
