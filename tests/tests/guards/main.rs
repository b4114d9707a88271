//! The guards: rules of this repository that no compiler checks. They read files and start no service.
//!
//! * `architecture` which package may use which, and which may use what from outside
//! * `sources` where in a package an engine or the HTTP framework may be named; the form of every file
//! * `openapi` the documents are what the services serve, and say everything that a client's author needs

mod architecture;
mod openapi;
mod sources;

use std::fs;
use std::process::Command;

use e2e_tests::programs::repository;

/// A file of the repository.
struct TrackedFile {
    /// Its path from the root.
    path: String,
    /// Its bytes; most are text.
    bytes: Vec<u8>,
}

impl TrackedFile {
    /// Returns the text; empty if it is none.
    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }
}

/// Returns every file that git keeps, or would keep when it is added.
fn tracked_files() -> Vec<TrackedFile> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(repository());
    let output = git.output().expect("git is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8(output.stdout).expect("paths are UTF-8");
    // A file that was removed, but not yet from the index, is listed and cannot be read.
    let files = paths.split_terminator('\0').filter_map(|path| {
        let bytes = fs::read(repository().join(path)).ok()?;
        Some(TrackedFile { path: path.to_owned(), bytes })
    });
    let files: Vec<_> = files.collect();
    assert!(files.len() > 100, "the repository has files: {}", files.len());
    files
}

/// Returns the Rust sources.
fn rust_files() -> Vec<TrackedFile> {
    let mut files = tracked_files();
    files.retain(|file| file.path.ends_with(".rs"));
    files
}
