//! What a process costs, read from /proc.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

/// Most bytes that an abuse may add to the memory of a process (64 MiB), beside what its connections do.
const GROWTH_MAX_KIB: u64 = 64 * 1024;

/// Most bytes that a connection may add to that (64 KiB); what a connection is doing is held somewhere.
const CONNECTION_MAX_KIB: u64 = 64;

/// How many of the system's ticks are a second; Linux shows it so on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process that is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures(u32);

impl Figures {
    pub(crate) fn of(pid: u32) -> Self {
        Self(pid)
    }

    /// Returns the seconds of processor time that it has used.
    pub(crate) fn cpu_seconds(self) -> f64 {
        let stat = fs::read_to_string(self.path("stat")).expect("the process is there");
        // The name in parentheses may hold spaces; utime and stime are the 12th and 13th behind it.
        let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks.map(|text| text.parse::<f64>().expect("a number")).sum::<f64>() / TICKS_PER_SECOND
    }

    /// Returns how many descriptors are open.
    pub(crate) fn descriptors(self) -> usize {
        fs::read_dir(self.path("fd")).expect("the process is there").count()
    }

    /// Returns the memory that it holds, in KiB, and forgets what it held at most before.
    pub(crate) fn start_memory(self) -> u64 {
        // "5" resets the high-water mark.
        fs::write(self.path("clear_refs"), "5").expect("the process is ours");
        self.status("VmRSS:")
    }

    /// Asserts that the process has not held more than it may beyond `start_kib`, and prints what it did hold.
    pub(crate) fn assert_growth(self, what: &str, start_kib: u64) {
        self.assert_growth_within(what, start_kib, GROWTH_MAX_KIB);
    }

    /// As [`Figures::assert_growth`], with what so many connections may take.
    pub(crate) fn assert_growth_of(self, what: &str, connections: usize, start_kib: u64) {
        self.assert_growth_within(what, start_kib, GROWTH_MAX_KIB + connections as u64 * CONNECTION_MAX_KIB);
    }

    fn assert_growth_within(self, what: &str, start_kib: u64, max_kib: u64) {
        let peak_kib = self.status("VmHWM:");
        let growth_kib = peak_kib.saturating_sub(start_kib);
        println!("{what}: {} MiB at first, {} MiB more at most", start_kib / 1024, growth_kib / 1024);
        assert!(growth_kib <= max_kib, "{what}: grew by {growth_kib} KiB, may by {max_kib}");
    }

    /// Sets how many descriptors it may open.
    pub(crate) fn limit_descriptors(self, current: u64) {
        let pid = i32::try_from(self.0).ok().and_then(Pid::from_raw).expect("a process's id");
        let maximum = getrlimit(Resource::Nofile).maximum;
        prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(current), maximum })
            .expect("the process is ours");
    }

    fn status(self, name: &str) -> u64 {
        let status = fs::read_to_string(self.path("status")).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it is in every status");
        line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    }

    fn path(self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0))
    }
}

/// Lets this process and `service` open as many descriptors as the system allows; returns how many that is.
pub(crate) fn raise_descriptors(service: Figures) -> u64 {
    let maximum = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    Figures(std::process::id()).limit_descriptors(maximum);
    service.limit_descriptors(maximum);
    maximum
}
