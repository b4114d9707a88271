//! The programs under test. Cargo does not build other packages' programs for a test, so this does, once.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longest time for a program to end that is to end by itself.
const AT_MOST: Duration = Duration::from_secs(60);

/// How often it is asked whether it has ended.
const POLL_EVERY: Duration = Duration::from_millis(5);

/// The packages whose programs are tested.
const PACKAGES: [&str; 4] = ["ingest-svc", "query-svc", "simulator", "sentinel-cli"];

/// Returns the path of a program, freshly built in the profile that the test itself was built in.
///
/// # Panics
/// When the programs do not build.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(build).join(name)
}

/// Runs a program that is to end by itself; returns how it ended and what it printed, which is less than a pipe holds.
///
/// # Panics
/// When it cannot be run, and when it goes on; then it is killed.
#[must_use]
pub fn output_of(command: &mut Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the program can be run");
    let give_up = Instant::now() + AT_MOST;
    let is_over = loop {
        let ended = child.try_wait().expect("a child can be waited for");
        if ended.is_some() || Instant::now() >= give_up {
            break ended.is_some();
        }
        sleep(POLL_EVERY);
    };
    if !is_over {
        child.kill().expect("a running process can be killed");
    }
    let output = child.wait_with_output().expect("a pipe can be read to its end");
    assert!(is_over, "it does not end by itself: {command:?}");
    output
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it lies");
    // .../target/<profile>/deps/<test>
    let directory = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps").to_owned();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg("build").arg("--quiet").current_dir(repository());
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(directory.parent().expect("the profile's directory has a parent"));
    let status = cargo.status().expect("cargo is there, it runs this test");
    assert!(status.success(), "the programs under test do not build");
    directory
}

/// Returns the root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package lies in the repository")
        .to_owned()
}
