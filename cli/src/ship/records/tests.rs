//! Tests of records out of bytes.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng, SeedableRng};

use super::*;

const PLAIN: Reading = Reading { is_docker: false, is_multiline: true };
const LINES: Reading = Reading { is_docker: false, is_multiline: false };
const DOCKER: Reading = Reading { is_docker: true, is_multiline: true };

fn texts(taken: &Taken<'_>) -> Vec<String> {
    taken.records.iter().map(|record| String::from_utf8_lossy(&record.text).into_owned()).collect()
}

fn docker(stream: &str, log: &str) -> String {
    serde_json::json!({"log": log, "stream": stream, "time": "2025-04-01T12:00:00.5Z"}).to_string() + "\n"
}

#[test]
fn a_record_that_may_go_on_waits_and_so_does_a_line_without_its_end() {
    let bytes = b"a\r\nb\n\n  more of b\nc\n  more of c\npart";

    let waits = take(bytes, PLAIN, 100, Ending::Waits);
    assert_eq!((texts(&waits), waits.end), (vec!["a".to_owned(), "b\n\n  more of b".to_owned()], 18));
    let records = take(bytes, PLAIN, 100, Ending::Records);
    assert_eq!((records.records.len(), records.end), (3, bytes.len() - 4));
    let all = take(bytes, PLAIN, 100, Ending::All);
    assert_eq!((all.records.len(), all.end), (4, bytes.len()));
    let lines = take(bytes, LINES, 100, Ending::Waits);
    assert_eq!(texts(&lines), ["a", "b", "  more of b", "c", "  more of c"]);
}

#[test]
fn so_many_records_are_taken_and_no_more_and_blank_lines_are_none() {
    let taken = take(b"\n \na\n\n  a2\n\nb\nc\n", PLAIN, 1, Ending::Waits);
    assert_eq!((texts(&taken), taken.end), (vec!["a\n\n  a2".to_owned()], 12));
    let taken = take(b"\n\n", PLAIN, 1, Ending::Waits);
    assert_eq!((taken.records.len(), taken.end), (0, 2));
}

#[test]
fn a_record_is_bounded_in_lines_and_bytes() {
    let many = format!("a\n{}", "  b\n".repeat(2 * RECORD_MAX_LINES));
    let taken = take(many.as_bytes(), PLAIN, 100, Ending::All);
    let lines: Vec<usize> = texts(&taken).iter().map(|text| text.lines().count()).collect();
    assert_eq!(lines, [500, 500, 1]);

    let large = format!("a\n {0}\n {0}\n {0}\n", "x".repeat(100_000));
    let taken = take(large.as_bytes(), PLAIN, 100, Ending::All);
    let bytes: Vec<usize> = texts(&taken).iter().map(String::len).collect();
    assert_eq!(bytes, [200_005, 100_001]);
}

#[test]
fn what_docker_cut_is_joined_within_its_stream() {
    let bytes = [
        docker("stdout", "begin "),
        docker("stderr", "error\n"),
        docker("stdout", "middle "),
        docker("stderr", "  at x\n"),
        docker("stdout", "end\n"),
        docker("stdout", "next\n"),
        "not docker's\n".to_owned(),
    ];
    let bytes = bytes.concat().into_bytes();

    let taken = take(&bytes, DOCKER, 100, Ending::All);

    assert_eq!(texts(&taken), ["begin middle end", "error\n  at x", "next", "not docker's"]);
    assert_eq!(taken.records[1].stream.as_deref(), Some("stderr"));
    assert_eq!(taken.records[1].time.as_deref(), Some("2025-04-01T12:00:00.5Z"));
    assert_eq!(taken.records[3].stream, None);
}

#[test]
fn nothing_is_taken_from_between_the_lines_of_what_waits() {
    let lines = [docker("stdout", "a\n"), docker("stdout", "long "), docker("stderr", "b\n")];
    let more = [docker("stderr", "c\n"), docker("stdout", "er\n")];
    let (first, bytes) = (lines[0].len(), lines.concat().into_bytes());

    let waits = take(&bytes, DOCKER, 100, Ending::Waits);
    assert_eq!((texts(&waits), waits.end), (vec!["a".to_owned()], first));

    let bytes = [bytes, more.concat().into_bytes()].concat();
    let all = take(&bytes, DOCKER, 100, Ending::All);
    assert_eq!(texts(&all), ["a", "long er", "b", "c"]);
}

/// However a file is cut into batches, read anew from where each ends it gives the same records.
#[test]
fn a_batch_read_again_from_its_bytes_alone_has_the_same_records() {
    let seed: u64 = rand::rng().random();
    println!("seed: {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let plain = [
        "a\n",
        "b\n",
        "\n",
        "  indented\n",
        "Traceback (most recent call last):\n",
        "ValueError: x\n",
        "goroutine 1 [running]:\n",
        "main.main()\n",
        "}\n",
        "part",
        " \n",
        "java.io.IOException: x\n",
    ]
    .map(str::to_owned);
    let mut dockers = vec!["raw\n".to_owned()];
    for stream in ["stdout", "stderr"] {
        dockers.extend(plain.iter().map(|line| docker(stream, line)));
    }
    for round in 0..2000 {
        let (lines, reading) = if round % 2 == 0 { (&plain[..], PLAIN) } else { (&dockers[..], DOCKER) };
        let lines: String =
            (0..rng.random_range(1..40)).map(|_| lines.choose(&mut rng).unwrap().as_str()).collect();
        let bytes = lines.as_bytes();
        let ending = *[Ending::Waits, Ending::Records, Ending::All].choose(&mut rng).unwrap();

        let taken = take(bytes, reading, rng.random_range(1..10), ending);
        let again = take(&bytes[..taken.end], reading, usize::MAX, Ending::All);

        assert_eq!(again, taken, "{lines}");
    }
}
