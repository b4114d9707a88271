//! Tests of what waits for how long, with times that are made up.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use super::*;

struct Watched {
    file: Followed,
    now: Instant,
}

impl Watched {
    fn new(path: &Path) -> Self {
        let reading = Reading { is_docker: false, is_multiline: true };
        let target = Target { path: path.to_owned(), service: None, reading };
        let now = Instant::now();
        let file = Followed::open(File::open(path).expect("it is there"), target, 0, now);
        Self { file: file.expect("it can be read"), now }
    }

    /// Lets time go by, looks, and has everything acknowledged that is to be sent.
    fn look_after(&mut self, time: Duration) -> String {
        self.now += time;
        let circumstances = Circumstances {
            now: self.now,
            time: "2025-04-01T12:00:00Z",
            source: "web-1",
            batch_size: 100,
            is_last_look: false,
        };
        match self.file.decide(&circumstances, || "k".to_owned()).expect("it can be read") {
            Decision::Idle => "idle".to_owned(),
            Decision::Moved => "moved".to_owned(),
            Decision::Send(envelopes) => {
                self.file.moved_on(envelopes.count);
                let lines = String::from_utf8(envelopes.ndjson).expect("JSON is text");
                let raw = |line| {
                    serde_json::from_str::<serde_json::Value>(line).expect("JSON")["raw_log"].to_string()
                };
                lines.lines().map(raw).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("it is ours");
    file.write_all(text.as_bytes()).expect("there is room");
}

const MOMENT: Duration = Duration::from_millis(250);

#[test]
fn the_last_record_waits_a_second_for_more_of_it_and_a_line_without_end_until_it_has_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    append(&path, "one\ntwo\n");
    let mut watched = Watched::new(&path);

    assert_eq!(watched.look_after(MOMENT), r#""one""#);
    assert_eq!(watched.look_after(MOMENT), "idle");
    append(&path, "  more of two\n");
    assert_eq!(watched.look_after(RECORD_WAITS - MOMENT), "idle", "it has just grown");
    assert_eq!(watched.look_after(RECORD_WAITS), r#""two\n  more of two""#);
    append(&path, "half");
    assert_eq!(watched.look_after(MOMENT), "idle");
    assert_eq!(watched.look_after(ROTATED_LINE_WAITS), "idle");
    append(&path, " a line\n");
    assert_eq!(watched.look_after(MOMENT), "idle");
    assert_eq!(watched.look_after(RECORD_WAITS), r#""half a line""#);
}

#[test]
fn a_file_that_was_rotated_away_is_finished_and_closed_in_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    append(&path, "one\nhalf");
    let mut watched = Watched::new(&path);
    assert_eq!(watched.look_after(MOMENT), "idle");
    watched.file.found(None);

    assert_eq!(watched.look_after(RECORD_WAITS), r#""one""#);
    assert_eq!(watched.look_after(MOMENT), "idle");
    assert_eq!(watched.look_after(ROTATED_LINE_WAITS), r#""half""#);
    assert_eq!(watched.look_after(DELETED_KEPT), "idle");
    assert!(!watched.file.is_over(watched.now), "somebody may still write to it");
    fs::remove_file(&path).unwrap();
    watched.now += MOMENT;
    assert!(watched.file.is_over(watched.now));
}

#[test]
fn a_file_that_was_emptied_while_nobody_looked_is_noticed_by_its_first_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    append(&path, "one\ntwo\n");
    let mut watched = Watched::new(&path);
    watched.look_after(MOMENT);
    assert_eq!(watched.look_after(RECORD_WAITS), r#""two""#);

    fs::write(&path, "three\nfour\nfive\n").unwrap();

    assert_eq!(watched.look_after(MOMENT), "moved");
    assert_eq!(watched.look_after(MOMENT), r#""three" "four""#);
}
