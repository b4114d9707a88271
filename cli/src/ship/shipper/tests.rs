//! Tests of shipping against a server that fails as it is told, with shippers that are killed.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::future::Future;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use clap::Parser;
use domain::SystemClock;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;

use super::super::discovery::Discovery;
use super::super::records::RECORD_MAX_BYTES;
use super::*;
use crate::deliver::EndpointOptions;
use crate::deliver::test_server::{Fate, TestServer};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    endpoint: EndpointOptions,
}

/// A server, a directory with logs and a directory with the state.
struct Bench {
    server: TestServer,
    logs: TempDir,
    state: TempDir,
    batch_size: usize,
}

impl Bench {
    async fn new() -> Self {
        Self::with(|_, _| Fate::Stored).await
    }

    async fn with(fate: impl Fn(usize, &[Value]) -> Fate + Send + Sync + 'static) -> Self {
        let directory = || tempfile::tempdir().expect("a temporary directory can be made");
        Self { server: TestServer::start(fate).await, logs: directory(), state: directory(), batch_size: 3 }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.log(name)).expect("it is ours");
        file.write_all(text.as_ref()).expect("there is room");
    }

    /// A shipper that ends when everything is acknowledged.
    fn shipper(&self, seed: u64) -> Shipper {
        let line = Line::try_parse_from(["x", "--url", &self.server.url, "--key", "k"]).expect("it is right");
        let endpoint = line.endpoint.endpoint().expect("it is right");
        let (stop, rng) = (CancellationToken::new(), StdRng::seed_from_u64(seed));
        let mut courier = Courier::new(endpoint, stop.clone(), rng.clone(), Arc::new(|_| {}));
        courier.mend_wait = Duration::from_millis(2);
        let discovery = Discovery {
            patterns: vec![self.log("*.log").to_string_lossy().into_owned()],
            is_multiline: true,
            ..Discovery::default()
        };
        let settings = Settings {
            discovery,
            source: "web-1".to_owned(),
            batch_size: self.batch_size,
            is_from_end: false,
            discover_every: Duration::from_millis(5),
            is_once: true,
        };
        let (clock, progress) = (Arc::new(SystemClock), Arc::default());
        let directory = StateDirectory::open(self.state.path()).expect("nobody else has it");
        Shipper::new(settings, directory, Tools { courier, stop, clock, rng, progress }).expect("it is whole")
    }

    async fn ship(&self) {
        assert!(self.shipper(rand::rng().random()).run().await.expect("the state can be written"));
    }

    fn lines(&self) -> Vec<String> {
        self.server.lines()
    }

    fn sorted(&self) -> Vec<String> {
        let mut lines = self.lines();
        lines.sort();
        lines
    }

    /// Fails if a key was ever used for two bodies.
    fn assert_keys_have_one_body(&self) {
        let requests = self.server.kept(|kept| kept.requests.clone());
        for (key, body) in &requests {
            assert!(requests.iter().all(|(other, more)| other != key || more == body), "{key}");
        }
    }
}

/// Polls a future so often, and drops it then.
async fn polled<T>(future: impl Future<Output = T>, most: usize) -> Option<T> {
    let (mut future, mut polls) = (pin!(future), 0);
    std::future::poll_fn(|context| {
        if polls == most {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn files_are_shipped_to_their_ends_and_later_only_what_is_new() {
    let bench = Bench::new().await;
    bench.write("a.log", "a1\na2\n  more\na3\na4\npart");
    bench.write("b.log", "b1\r\n\n");
    bench.ship().await;
    assert_eq!(bench.sorted(), ["a1", "a2\n  more", "a3", "a4", "b1", "part"]);

    bench.write("a.log", "\na5\n");
    bench.write("c.log", "c1\n");
    bench.ship().await;
    assert_eq!(bench.sorted(), ["a1", "a2\n  more", "a3", "a4", "a5", "b1", "c1", "part"]);
    let log = bench.server.kept(|kept| kept.logs[0].clone());
    assert_eq!(log["metadata"]["source"], "web-1");
    assert!(log["metadata"]["file_path"].as_str().unwrap().ends_with(".log"), "{log}");
}

#[tokio::test]
async fn a_file_that_was_renamed_is_finished_also_when_no_shipper_ran_meanwhile() {
    let bench = Bench::new().await;
    bench.write("a.log", "a1\na2\n");
    bench.ship().await;
    bench.write("a.log", "a3\n");
    fs::rename(bench.log("a.log"), bench.log("a.log.1")).unwrap();
    bench.write("a.log", "a4\n");

    bench.ship().await;
    bench.ship().await;

    assert_eq!(bench.sorted(), ["a1", "a2", "a3", "a4"]);
    let of_log = |log: &Value| log["metadata"]["file_path"].as_str().unwrap().ends_with("a.log");
    assert!(bench.server.kept(|kept| kept.logs.iter().all(of_log)));
}

#[tokio::test]
async fn from_the_end_means_of_files_that_are_there_at_the_first_start() {
    let bench = Bench::new().await;
    let ship = async || {
        let mut shipper = bench.shipper(1);
        shipper.watch.settings.is_from_end = true;
        assert!(shipper.run().await.unwrap());
    };
    bench.write("a.log", "old\n");
    ship().await;
    bench.write("a.log", "new 1\n");
    fs::rename(bench.log("a.log"), bench.log("a.log.1")).unwrap();
    bench.write("a.log", "new 2\n");
    bench.write("b.log", "new 3\n");
    ship().await;

    assert_eq!(bench.sorted(), ["new 1", "new 2", "new 3"]);
}

#[tokio::test]
async fn from_the_end_leaves_nothing_out_after_a_first_start_that_found_no_file() {
    let bench = Bench::new().await;
    let ship = async || {
        let mut shipper = bench.shipper(1);
        shipper.watch.settings.is_from_end = true;
        assert!(shipper.run().await.unwrap());
    };
    ship().await;
    bench.write("a.log", "new\n");
    ship().await;

    assert_eq!(bench.lines(), ["new"]);
}

#[tokio::test]
async fn a_file_that_has_the_inode_of_one_that_is_gone_is_read_from_its_beginning() {
    let bench = Bench::new().await;
    bench.write("a.log", "banner\n");
    bench.ship().await;
    let path = bench.state.path().join("state.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let is_told = state["files"][0]["born"].is_u64();
    // As if the one that was shipped had been made at another time.
    for (born, is_new) in [(Value::Null, false), (Value::from(1), is_told)] {
        let before = bench.lines().len();
        state["files"][0]["born"] = born;
        fs::write(&path, state.to_string()).unwrap();

        bench.ship().await;

        assert_eq!(bench.lines().len() - before, usize::from(is_new));
    }
    bench.ship().await;
    assert_eq!(bench.lines().len(), 1 + usize::from(is_told));
}

#[tokio::test]
async fn a_file_that_was_emptied_or_written_anew_is_read_from_its_beginning() {
    let bench = Bench::new().await;
    bench.write("a.log", "first 1\nfirst 2\n");
    bench.ship().await;
    fs::write(bench.log("a.log"), "2nd\n").unwrap();
    bench.ship().await;
    fs::write(bench.log("a.log"), "third, which is longer\n").unwrap();
    bench.ship().await;

    assert_eq!(bench.lines(), ["first 1", "first 2", "2nd", "third, which is longer"]);
}

#[tokio::test]
async fn a_shipper_that_is_killed_at_any_step_loses_and_doubles_nothing() {
    for kill_after in 0.. {
        let bench = Bench::with(|number, _| match number {
            0 | 4 => Fate::LostAfter,
            1 | 3 => Fate::Refused(503, "retry-after: 0\r\n"),
            _ => Fate::Stored,
        })
        .await;
        let lines: Vec<String> = (0..8).map(|n| format!("line {n}")).collect();
        bench.write("a.log", lines.join("\n"));

        let ended = polled(bench.shipper(1).run(), kill_after).await;
        bench.write("a.log", "\n");
        bench.ship().await;

        assert_eq!(bench.lines(), lines, "killed after {kill_after} polls");
        bench.assert_keys_have_one_body();
        if ended.is_some() {
            assert!(kill_after > 5, "it was killed now and then: {kill_after}");
            break;
        }
    }
}

#[tokio::test]
async fn a_state_that_is_older_than_the_answer_repeats_the_request() {
    let bench =
        Bench::with(|number, _| if number == 1 { Fate::Refused(503, "") } else { Fate::Stored }).await;
    bench.write("a.log", "1\n2\n3\n4\n");
    let (state, kept) = (bench.state.path().join("state.json"), bench.state.path().join("kept"));
    // The first batch is stored; the second is decided, and so the first one's end is on the disk.
    let mut shipper = bench.shipper(1);
    let stop = shipper.stop.clone();
    let told = async {
        while bench.server.kept(|kept| kept.requests.len()) < 2 {
            sleep(Duration::from_millis(1)).await;
        }
        fs::copy(&state, &kept).unwrap();
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(shipper.run(), told);
    ran.unwrap();
    drop(shipper);
    bench.ship().await;
    fs::rename(&kept, &state).unwrap();

    bench.ship().await;

    assert_eq!(bench.lines(), ["1", "2", "3", "4"]);
    bench.assert_keys_have_one_body();
}

#[tokio::test]
async fn what_is_not_valid_is_left_out_and_counted_and_the_rest_goes_on() {
    let bench =
        Bench::with(|number, _| if number == 1 { Fate::Refused(400, "") } else { Fate::Stored }).await;
    bench.write("a.log", "1\npoison\n3\n4\n5\n6\n7\n");
    let mut shipper = bench.shipper(1);

    assert!(shipper.run().await.unwrap());

    assert_eq!(bench.lines(), ["1", "3", "7"]);
    assert_eq!(shipper.progress.counts(), (3, 4));
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_halved_until_it_passes_and_a_record_that_never_does_is_left_out() {
    let is_too_large = |_, logs: &[Value]| {
        let is_huge = logs.iter().any(|log| log["raw_log"] == "huge");
        if logs.len() > 2 || is_huge { Fate::Refused(413, "") } else { Fate::Stored }
    };
    let mut bench = Bench::with(is_too_large).await;
    bench.batch_size = 100;
    bench.write("a.log", "1\n2\n3\nhuge\n5\n6\n7\n8\n9\n");
    let mut shipper = bench.shipper(1);

    assert!(shipper.run().await.unwrap());

    assert_eq!(bench.lines(), ["1", "2", "3", "5", "6", "7", "8", "9"]);
    assert_eq!(shipper.progress.counts(), (8, 1));
}

#[tokio::test]
async fn a_line_longer_than_what_is_read_at_a_time_arrives_in_parts() {
    let is_too_large = |_, logs: &[Value]| match logs.len() > 1 {
        true => Fate::Refused(413, ""),
        false => Fate::Stored,
    };
    for bench in [Bench::new().await, Bench::with(is_too_large).await] {
        let line = "0123456789äöü€".repeat(200_000);
        bench.write("a.log", format!("before\n{line}\nafter\n"));

        bench.ship().await;

        let logs = bench.server.kept(|kept| kept.logs.clone());
        let texts: Vec<&str> = logs.iter().map(|log| log["raw_log"].as_str().unwrap()).collect();
        let (last, parts) = (texts.len() - 1, &texts[1..texts.len() - 1]);
        assert_eq!((texts[0], texts[last]), ("before", "after"));
        assert_eq!(parts.concat(), line);
        assert!(parts.iter().all(|part| part.len() <= RECORD_MAX_BYTES));
        let numbers: Vec<u64> =
            logs[1..last].iter().map(|log| log["metadata"]["part"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=parts.len() as u64).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_batch_whose_file_was_changed_is_sent_under_a_new_key() {
    let bench = Bench::with(|number, _| match number {
        0 => Fate::LostAfter,
        _ => Fate::Stored,
    })
    .await;
    bench.write("a.log", format!("{}\nsame\n", "x".repeat(2000)));
    let mut shipper = bench.shipper(1);
    let stop = shipper.stop.clone();
    let told = async {
        while bench.server.kept(|kept| kept.requests.is_empty()) {
            sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(shipper.run(), told);
    ran.unwrap();
    drop(shipper);
    fs::write(bench.log("a.log"), format!("{}\nelse\n", "x".repeat(2000))).unwrap();

    bench.ship().await;

    assert_eq!(bench.lines()[2..], ["x".repeat(2000), "else".to_owned()], "rather twice than never");
}

#[tokio::test]
async fn what_is_pending_of_a_file_that_is_gone_hinders_nothing() {
    let bench = Bench::with(|number, _| if number == 0 { Fate::LostBefore } else { Fate::Stored }).await;
    bench.write("a.log", "lost\n");
    polled(bench.shipper(1).run(), 1).await;
    assert!(fs::read_to_string(bench.state.path().join("state.json")).unwrap().contains("\"end\":5"));
    fs::remove_file(bench.log("a.log")).unwrap();
    bench.write("b.log", "b\n");

    bench.ship().await;

    assert_eq!(bench.lines(), ["b"]);
}

#[tokio::test]
async fn a_file_that_comes_and_goes_while_the_service_is_away_is_shipped_all_the_same() {
    let is_away = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&is_away);
    let bench = Bench::with(move |_, _| match asked.load(Ordering::Relaxed) {
        true => Fate::Refused(503, "retry-after: 0\r\n"),
        false => Fate::Stored,
    })
    .await;
    bench.write("a.log", "1\n");
    let mut shipper = bench.shipper(1);
    let rotations = async {
        for number in 2..5 {
            let inode = fs::metadata(bench.log("a.log")).unwrap().ino();
            let is_known = || {
                let state = fs::read_to_string(bench.state.path().join("state.json")).unwrap_or_default();
                state.contains(&format!("\"inode\":{inode},"))
                    || state.contains(&format!("\"inode\":{inode}}}"))
            };
            while !is_known() {
                sleep(Duration::from_millis(1)).await;
            }
            fs::rename(bench.log("a.log"), bench.log(&format!("a.log.{number}"))).unwrap();
            bench.write("a.log", format!("{number}\n"));
        }
        is_away.store(false, Ordering::Relaxed);
    };

    let (ran, ()) = tokio::join!(shipper.run(), rotations);
    ran.unwrap();
    drop(shipper);
    bench.ship().await;

    assert_eq!(bench.sorted(), ["1", "2", "3", "4"]);
}

/// Files grow, are renamed and emptied; the shipper is killed, the server fails: all at random.
#[tokio::test]
async fn whatever_happens_every_line_is_there_once() {
    let seed: u64 = std::env::var("SENTINEL_TEST_SEED")
        .map_or_else(|_| rand::rng().random(), |seed| seed.parse().expect("a number"));
    println!("to repeat: SENTINEL_TEST_SEED={seed}");
    for round in 0..4 {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(round));
        let fates: Vec<u8> = (0..64).map(|_| rng.random_range(0..12)).collect();
        let mut bench = Bench::with(move |number, _| match fates[number % fates.len()] {
            0 => Fate::LostBefore,
            1 => Fate::LostAfter,
            2 => Fate::Refused(503, "retry-after: 0\r\n"),
            3 => Fate::Refused(429, "retry-after: 0\r\n"),
            _ => Fate::Stored,
        })
        .await;
        bench.batch_size = rng.random_range(1..6);
        let (mut written, mut renamed, mut seen) = (Vec::new(), 0, BTreeSet::new());
        for _ in 0..25 {
            let name = ["a.log", "b.log"][rng.random_range(0..2)];
            match rng.random_range(0..10) {
                0..5 => {
                    for _ in 0..rng.random_range(1..6) {
                        let line =
                            format!("{name} {} {}", written.len(), "x".repeat(rng.random_range(0..400)));
                        bench.write(name, format!("{line}\n"));
                        written.push(line);
                    }
                }
                // What no shipper ever saw under its name is lost.
                5 if seen.remove(name) => {
                    renamed += 1;
                    fs::rename(bench.log(name), bench.log(&format!("{name}.{renamed}"))).unwrap();
                }
                6 if bench.log(name).exists() => {
                    // What is emptied before it was shipped is lost, so it is shipped first. What is written then is a new
                    // file's, which nobody saw yet.
                    bench.ship().await;
                    seen.remove(name);
                    fs::write(bench.log(name), "").unwrap();
                }
                _ => {
                    let polls = rng.random_range(1..40);
                    seen.extend(["a.log", "b.log"].into_iter().filter(|name| bench.log(name).exists()));
                    polled(bench.shipper(rng.random()).run(), polls).await;
                }
            }
        }
        bench.ship().await;
        let mut lines: Vec<String> = bench.sorted();
        written.sort();
        lines.dedup();
        assert_eq!(bench.lines().len(), written.len(), "round {round}");
        assert_eq!(lines, written, "round {round}");
        bench.assert_keys_have_one_body();
    }
}
