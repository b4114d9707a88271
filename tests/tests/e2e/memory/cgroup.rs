//! A control group with little memory.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups of memory are: of version 1, and of version 2.
pub(super) const ROOTS: [&str; 2] = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"];

/// A control group. Goes when it is dropped.
pub(super) struct Cgroup {
    path: PathBuf,
    files: &'static Files,
    /// The group that this process is in.
    own: PathBuf,
}

/// What a version calls its files.
struct Files {
    limit: &'static str,
    /// Who is in the group; in version 1 a thread can be, by itself.
    members: &'static str,
    /// The list in /proc/self/cgroup that names the controller.
    controllers: &'static str,
    peak: &'static str,
    events: &'static str,
    /// What in `memory.stat` says what programs have allocated.
    allocated: &'static str,
}

const VERSION_1: Files = Files {
    limit: "memory.limit_in_bytes",
    members: "tasks",
    controllers: "memory",
    peak: "memory.max_usage_in_bytes",
    events: "memory.oom_control",
    allocated: "rss",
};

const VERSION_2: Files = Files {
    limit: "memory.max",
    members: "cgroup.procs",
    controllers: "",
    peak: "memory.peak",
    events: "memory.events",
    allocated: "anon",
};

impl Cgroup {
    /// `None`: none can be made here.
    pub(super) fn new(name: &str, limit_bytes: u64) -> Option<Self> {
        ROOTS.iter().zip([&VERSION_1, &VERSION_2]).find_map(|(root, files)| {
            let path = Path::new(root).join(format!("sentinel-{name}-{}", std::process::id()));
            let own = Path::new(root).join(own_group(files.controllers)?);
            fs::create_dir(&path).ok()?;
            let group = Self { path, files, own };
            fs::write(group.path.join(files.limit), limit_bytes.to_string()).ok()?;
            Some(group)
        })
    }

    /// Runs `start` inside of the group: the processes that it starts are in it from their beginning.
    pub(super) fn start<T>(&self, start: impl FnOnce() -> T) -> T {
        let member = self.member();
        fs::write(self.path.join(self.files.members), &member).expect("one can move into the group");
        let started = start();
        fs::write(self.own.join(self.files.members), &member).expect("one can move back");
        started
    }

    fn member(&self) -> String {
        if self.files.members == VERSION_2.members {
            return std::process::id().to_string();
        }
        let thread = fs::read_link("/proc/thread-self").expect("a thread knows its own name");
        thread.file_name().expect("it ends with its number").to_string_lossy().into_owned()
    }

    /// Returns how many bytes the programs in it have allocated now.
    pub(super) fn allocated_bytes(&self) -> u64 {
        let name = |line: &&str| line.split(' ').next() == Some(self.files.allocated);
        let stat = self.read("memory.stat");
        let line = stat.lines().find(name).unwrap_or_default();
        line.split(' ').nth(1).and_then(|bytes| bytes.parse().ok()).unwrap_or_default()
    }

    /// Returns the most bytes that were in use, with the files that the system kept in memory.
    pub(super) fn peak_bytes(&self) -> String {
        self.read(self.files.peak).trim().to_owned()
    }

    /// Returns how many processes were killed for want of memory.
    pub(super) fn killed(&self) -> u64 {
        let events = self.read(self.files.events);
        let killed = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        killed.and_then(|count| count.parse().ok()).unwrap_or_default()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path.join(name)).unwrap_or_default()
    }
}

/// Returns the path of the group that this process is in.
fn own_group(controllers: &str) -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let is_meant = parts.next()?.split(',').any(|name| name == controllers);
        is_meant.then_some(PathBuf::from(parts.next()?.trim_start_matches('/')))
    })
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}
