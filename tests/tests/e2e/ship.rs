//! `sentinel ship`: lines of files, of containers and of stdin are found, each once, whatever is killed meanwhile.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e_tests::programs::{output_of, program};
use e2e_tests::{Installation, seed_from};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::wait_until;

/// How long everything may take to arrive.
const WITHIN: Duration = Duration::from_secs(60);

/// The memory that a shipper may have had beside its program's own text, in KiB, whatever its backlog. (The text is some 25 MiB
/// in a build for tests, and less in one for use.)
const MEMORY_MAX_KIB: u64 = 16 * 1024;

/// An installation, and a directory with logs.
struct Scene {
    installation: Installation,
    logs: TempDir,
}

impl Scene {
    fn new() -> Self {
        let logs = tempfile::tempdir().expect("a temporary directory can be made");
        Self { installation: Installation::start(), logs }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.log(name)).expect("it is ours");
        file.write_all(text.as_bytes()).expect("there is room");
    }

    /// Prepares `sentinel ship`, with what it remembers beside the logs.
    fn shipper(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("sentinel"));
        command.arg("ship").args(arguments).env_clear().current_dir(self.logs.path());
        command.env("SENTINEL_INGEST_URL", self.installation.ingest.url(""));
        command.env("SENTINEL_KEY", &self.installation.key).env("SENTINEL_STATE_DIR", self.log("state"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Ships what is there.
    async fn ship(&self, arguments: &[&str]) {
        let mut command = self.shipper(arguments);
        command.arg("--once");
        let ended = tokio::task::spawn_blocking(move || output_of(&mut command)).await.expect("no panic");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }

    async fn messages(&self) -> Vec<String> {
        let logs = self.installation.all_logs("").await;
        let mut messages: Vec<String> =
            logs.iter().map(|log| log["message"].as_str().expect("a text").to_owned()).collect();
        messages.sort();
        messages
    }

    async fn wait_for(&self, count: u64) {
        wait_until("all lines are stored", WITHIN, async || {
            let (_, stats) = e2e_tests::installation::ask(self.installation.get("/stats")).await;
            (stats["total"].as_u64()? >= count).then_some(())
        })
        .await;
    }
}

/// A shipper that is killed with whoever forgets it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn lines_of_a_file_are_records_with_their_time_level_and_origin() {
    let scene = Scene::new();
    scene.append(
        "shop.access.log",
        "2025-10-23 14:32:15 ERROR [pay] it failed\n\tat a.B.c(B.java:1)\nno shape\nlast",
    );
    let path = scene.log("shop.access.log");

    scene.ship(&["--log-file", path.to_str().unwrap(), "--source", "web-1"]).await;
    scene.ship(&["--log-file", path.to_str().unwrap(), "--source", "web-1"]).await;

    let logs = scene.installation.all_logs("order=asc&service=shop").await;
    let messages: Vec<&Value> = logs.iter().map(|log| &log["message"]).collect();
    assert_eq!(messages, ["no shape", "last"]);
    assert_eq!((&logs[0]["host"], &logs[0]["attributes"]["log.file.path"]), (&json!("web-1"), &json!(path)));
    let failed = scene.installation.all_logs("service=pay").await;
    assert_eq!((failed.len(), &failed[0]["level"]), (1, &json!("ERROR")));
    assert_eq!(failed[0]["message"], "it failed\n\tat a.B.c(B.java:1)");
    assert_eq!(failed[0]["timestamp"], "2025-10-23T14:32:15Z");
}

#[tokio::test]
async fn containers_are_shipped_under_their_names_and_stdin_to_its_end() {
    let scene = Scene::new();
    fs::create_dir(scene.log("c1")).unwrap();
    fs::write(scene.log("c1/config.v2.json"), r#"{"Name":"/web"}"#).unwrap();
    let line = |log: &str| json!({"log": log, "stream": "stderr", "time": "2025-04-01T12:00:00.25Z"});
    scene.append("c1/c1-json.log", &format!("{}\n{}\n", line("cut "), line("in two\n")));

    scene.ship(&["--docker", scene.logs.path().to_str().unwrap()]).await;
    let mut command = scene.shipper(&["--stdin"]);
    let mut piped = command.stdin(Stdio::piped()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(b"a\nb\n").unwrap();
    let ended = tokio::task::spawn_blocking(move || piped.wait()).await.unwrap().unwrap();

    let container = scene.installation.all_logs("service=web").await;
    assert_eq!((container.len(), &container[0]["message"]), (1, &json!("cut in two")));
    assert_eq!(container[0]["timestamp"], "2025-04-01T12:00:00.250000Z");
    assert_eq!(container[0]["attributes"]["log.iostream"], "stderr");
    assert!(ended.success());
    assert_eq!(scene.installation.all_logs("service=stdin").await.len(), 2);
}

/// What happens, and after how long, derives from the seed; where in its work that meets a process does not.
#[tokio::test]
async fn no_line_is_lost_or_doubled_when_shipper_and_service_are_killed_while_files_grow_and_rotate() {
    let mut rng = StdRng::seed_from_u64(seed_from("SENTINEL_TEST_SEED"));
    let mut scene = Scene::new();
    let pattern = scene.log("*.log");
    let arguments = ["--log-file", pattern.to_str().unwrap(), "--batch-size", "50", "--multiline", "off"];
    let mut shipper = None;
    let (mut written, mut rotated) = (Vec::new(), 0);
    for step in 0..60 {
        for _ in 0..rng.random_range(1..200) {
            written.push(format!("line {:06} {}", written.len(), "x".repeat(rng.random_range(0..200))));
            scene.append("app.log", &format!("{}\n", written.last().unwrap()));
        }
        if step == 0 {
            // A file that no shipper ever saw under its name is no shipper's.
            shipper = Some(Running(scene.shipper(&arguments).spawn().unwrap()));
            scene.wait_for(1).await;
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..100))).await;
        match rng.random_range(0..6) {
            0 => {
                drop(shipper.take());
                shipper = Some(Running(scene.shipper(&arguments).spawn().unwrap()));
            }
            1 => {
                scene.installation.ingest.crash();
                tokio::time::sleep(Duration::from_millis(rng.random_range(0..300))).await;
                scene.installation.ingest.start_again();
            }
            2 if is_known(&scene.log("state/state.json"), &scene.log("app.log")) => {
                rotated += 1;
                fs::rename(scene.log("app.log"), scene.log(&format!("app.log.{rotated}"))).unwrap();
            }
            _ => {}
        }
    }
    scene.wait_for(written.len() as u64).await;
    drop(shipper);
    scene.ship(&arguments).await;

    assert!(rotated > 0);
    let stored = scene.messages().await;
    assert_eq!(stored.len(), written.len());
    assert!(stored == written, "each is there once");
}

/// Says whether a shipper remembers the file that is there now.
fn is_known(state: &Path, file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(metadata) = fs::metadata(file) else { return false };
    let state = fs::read_to_string(state).unwrap_or_default();
    state.contains(&format!("\"inode\":{}", metadata.ino()))
}

#[tokio::test]
async fn a_large_backlog_needs_little_memory_and_a_shipper_stops_when_it_is_asked_to() {
    let scene = Scene::new();
    let lines: String =
        (0..100_000).map(|n| format!("line {n} of a backlog of some megabytes {}\n", n * 7919)).collect();
    for name in ["a.log", "b.log"] {
        scene.append(name, &lines);
    }
    let pattern = scene.log("*.log");
    let mut shipper = Running(scene.shipper(&["--log-file", pattern.to_str().unwrap()]).spawn().unwrap());

    scene.wait_for(200_000).await;
    let status = fs::read_to_string(format!("/proc/{}/status", shipper.0.id())).unwrap();
    let told = Command::new("kill").args(["-TERM", &shipper.0.id().to_string()]).status();
    assert!(told.unwrap().success());
    let ended = shipper.0.wait().unwrap();

    let kib = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
        line.expect("the kernel says it").trim().parse().expect("a number")
    };
    let had = kib("VmHWM:") - kib("RssFile:");
    println!("the shipper had {had} KiB");
    assert!(had < MEMORY_MAX_KIB, "{had} KiB");
    assert!(ended.success());
    let state = scene.log("state");
    let mut command = Command::new(program("sentinel"));
    command.args(["ship", "status", "--state-dir"]).arg(&state).env_clear();
    let shown = String::from_utf8(output_of(&mut command).stdout).unwrap();
    let row = |line: &&str| line.contains(".log") && line.split_whitespace().nth(3) == Some("0");
    assert_eq!(shown.lines().filter(row).count(), 2, "{shown}");
}
