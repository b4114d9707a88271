//! `sentinel bench`: a table of what endpoints answered, and an exit code that says whether all did.

use std::process::{Command, Output};

use e2e_tests::Installation;
use e2e_tests::programs::program;
use serde_json::json;

#[tokio::test]
async fn every_endpoint_is_asked_at_every_concurrency_and_failures_are_counted() {
    let installation = Installation::start();
    installation.post_logs(&json!([{"service": "shop", "message": "one"}])).await;

    let good = bench(&installation, &installation.key, "/logs?limit=1,/stats");
    let bad = bench(&installation, "ls_00000000_no", "/stats,/livez");

    let (printed, of_bad) = (text(&good.stdout), text(&bad.stdout));
    let rows: Vec<Vec<&str>> = printed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(good.status.code(), Some(0), "{printed}");
    let headings = "endpoint count conc latency_mean latency_p95 latency_p99 throughput errors";
    assert_eq!(rows[1].join(" "), headings);
    let asked: Vec<String> =
        rows[2..].iter().map(|row| format!("{} {} {} {}", row[0], row[1], row[2], row[7])).collect();
    assert_eq!(asked, ["/logs?limit=1 10 1 0", "/logs?limit=1 10 3 0", "/stats 10 1 0", "/stats 10 3 0"]);
    assert_eq!(bad.status.code(), Some(1), "{of_bad}");
    assert!(of_bad.contains("/stats at 3: 10 failed; the first: 401 Unauthorized"), "{of_bad}");
    assert!(!of_bad.contains("/livez at"), "{of_bad}");
}

fn bench(installation: &Installation, key: &str, endpoints: &str) -> Output {
    let mut command = Command::new(program("sentinel"));
    command.args(["bench", "--base-url", &installation.query.url(""), "--key", key, "--runs", "10"]);
    command.args(["--concurrency", "1,3", "--endpoints", endpoints]).current_dir(installation.data.path());
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
