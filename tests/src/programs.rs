//! The programs under test. Cargo does not build other packages' programs for a test, so this does, once.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

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
