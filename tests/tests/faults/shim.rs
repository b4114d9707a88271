//! The shim: built once, then put before a process by environment variables.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use e2e_tests::programs::repository;
use tempfile::TempDir;

/// A filesystem in memory, where there is one: images of disks are made by the thousand.
const MEMORY: &str = "/dev/shm";

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Write,
    Sync,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// EIO.
    Io,
    /// ENOSPC.
    NoSpace,
}

/// A fault to inject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) operation: Operation,
    pub(crate) failure: Failure,
    /// Only in files whose name ends so; empty: in all but the index of the WAL.
    pub(crate) file: &'static str,
    /// Which operation fails, counted from 1.
    pub(crate) at: u64,
    /// Whether all that come after it fail too.
    pub(crate) forever: bool,
}

/// A place for a process under test: its data directory, and beside it what the shim writes.
pub(crate) struct Place {
    root: TempDir,
    data: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let root = directory_in_memory();
        Self { data: root.path().join("data"), root }
    }

    /// As [`Place::new`], with a data directory that is there already.
    pub(crate) fn around(data: &Path) -> Self {
        let data = data.canonicalize().expect("the directory is there");
        Self { root: directory_in_memory(), data }
    }

    /// The watched directory; made by whoever works in it.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// As long as this file is there a fault of [`Place::switched_variables`] is on.
    pub(crate) fn switch(&self) -> PathBuf {
        self.root.path().join("switch")
    }

    pub(crate) fn trace(&self) -> PathBuf {
        self.root.path().join("trace")
    }

    /// The file that takes what the world is told.
    pub(crate) fn acks(&self) -> PathBuf {
        self.root.path().join("acks")
    }

    /// Returns how often the fault struck.
    pub(crate) fn fired(&self) -> u64 {
        std::fs::metadata(self.root.path().join("fired")).map_or(0, |found| found.len())
    }

    /// Returns the variables that put the shim before a process.
    pub(crate) fn variables(&self, fault: Option<Fault>) -> Vec<(&'static str, OsString)> {
        let mut variables: Vec<(&str, OsString)> = vec![
            ("LD_PRELOAD", library().into()),
            ("SHIM_DIRECTORY", self.data.clone().into()),
            ("SHIM_ACKS", self.acks().into()),
            ("SHIM_FIRED", self.root.path().join("fired").into()),
        ];
        if let Some(fault) = fault {
            let operation = if fault.operation == Operation::Write { "write" } else { "sync" };
            let errno = if fault.failure == Failure::Io { "5" } else { "28" };
            variables.extend([
                ("SHIM_OP", operation.into()),
                ("SHIM_ERRNO", errno.into()),
                ("SHIM_FILE", fault.file.into()),
                ("SHIM_AT", fault.at.to_string().into()),
            ]);
            if fault.forever {
                variables.push(("SHIM_FOREVER", "1".into()));
            }
        }
        variables
    }

    /// As [`Place::variables`], for a fault that is on as long as the switch is.
    pub(crate) fn switched_variables(&self, fault: Fault) -> Vec<(&'static str, OsString)> {
        let mut variables = self.variables(Some(fault));
        variables.push(("SHIM_WHILE", self.switch().into()));
        variables
    }
}

/// Makes a directory, in memory if possible, whose path has no links in it.
pub(crate) fn directory_in_memory() -> TempDir {
    let parent = if Path::new(MEMORY).is_dir() { PathBuf::from(MEMORY) } else { std::env::temp_dir() };
    let parent = parent.canonicalize().expect("the directory is there");
    tempfile::Builder::new().prefix("sentinel-faults-").tempdir_in(parent).expect("a directory can be made")
}

/// Returns the path of the shim, built by the first who asks.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (built, library) =
            (directory.join(format!("shim-{}.so", std::process::id())), directory.join("shim.so"));
        let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&built);
        let built_well = cc.arg(repository().join("tests/faults/shim.c")).arg("-ldl").status();
        assert!(built_well.expect("there is a C compiler").success(), "the shim is built");
        // Under its name only when it is whole: another process may look for it.
        std::fs::rename(built, &library).expect("it can be renamed");
        library
    })
}
