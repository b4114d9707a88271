//! How much memory the process may have, as the control group says that it runs in.
//!
//! A container's limit is not the machine's memory, and who goes beyond it is killed. So what is bounded by a
//! number of bytes by default is bounded by a part of that limit, where that is less.

use std::fs;
use std::path::{Path, PathBuf};

/// What the memory that the process may have is shared out to. What no share has is left for the program, its threads and
/// connections, and what a store takes to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Bodies of requests, as they come.
    Bodies,
    /// Records that wait to be stored.
    Queue,
    /// Blocks of records that are merged: the records, which a merge takes several times.
    Merge,
    /// Answers that wait for their clients.
    Answers,
    /// What is read from the store, while it is decoded.
    Reads,
    /// Pages and counts, and answers while they are made of them.
    Questions,
    /// Exports.
    Exports,
    /// What waits for the clients of live tails.
    Tails,
}

impl Share {
    /// Every share.
    pub const ALL: [Self; 8] = [
        Self::Bodies,
        Self::Queue,
        Self::Merge,
        Self::Answers,
        Self::Reads,
        Self::Questions,
        Self::Exports,
        Self::Tails,
    ];

    /// Returns how many sixty-fourths of the memory it is.
    const fn parts(self) -> u64 {
        match self {
            // Two bodies of 8 MiB, and some smaller ones, of 128 MiB.
            Self::Bodies => 12,
            // Of the queue a tenant has three quarters: one request of 8 MiB, of 128 MiB.
            Self::Queue | Self::Answers | Self::Reads | Self::Questions => 8,
            Self::Exports | Self::Tails => 4,
            Self::Merge => 1,
        }
    }

    /// Returns its bytes; `None`: the process may have as much memory as there is.
    #[must_use]
    pub fn bytes(self) -> Option<usize> {
        memory_limit().map(|limit| self.of(limit))
    }

    /// Returns `bytes`, or the share if that is less.
    #[must_use]
    pub fn or_less(self, bytes: usize) -> usize {
        self.bytes().map_or(bytes, |share| share.min(bytes))
    }

    fn of(self, limit_bytes: u64) -> usize {
        usize::try_from(limit_bytes / PARTS * self.parts()).unwrap_or(usize::MAX)
    }
}

/// A share is so many of so many parts.
const PARTS: u64 = 64;

/// Where the control groups are.
const CGROUP_ROOT: &str = "/sys/fs/cgroup";

/// Which of them this process is in.
const CGROUPS_OF_PROCESS: &str = "/proc/self/cgroup";

/// From here on a number stands for no limit: version 1 writes a number of pages near 2^63 for that.
const UNLIMITED_FROM_BYTES: u64 = 1 << 60;

/// Returns the most memory that the process may have, in bytes: the lowest limit of its control groups, of version 1 or 2,
/// and of those around them. `None`: none is set, or there are no control groups here.
#[must_use]
pub fn memory_limit() -> Option<u64> {
    let groups = fs::read_to_string(CGROUPS_OF_PROCESS).ok()?;
    limit_of(&groups, Path::new(CGROUP_ROOT))
}

/// Returns the lowest limit of the control groups that `groups` lists, as lines `number:controllers:path`.
fn limit_of(groups: &str, root: &Path) -> Option<u64> {
    groups.lines().filter_map(|line| lowest_of_line(line, root)).min()
}

fn lowest_of_line(line: &str, root: &Path) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let (mount, file) = match controllers {
        "" => (root.to_owned(), "memory.max"),
        some if some.split(',').any(|name| name == "memory") => {
            (root.join("memory"), "memory.limit_in_bytes")
        }
        _ => return None,
    };
    // In a container the path may be the host's, and its own group the root: the parents are asked as well.
    let path = Path::new(path.trim_start_matches('/'));
    path.ancestors().filter_map(|group| limit_in(mount.join(group).join(file))).min()
}

fn limit_in(file: PathBuf) -> Option<u64> {
    let limit_bytes = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    (limit_bytes < UNLIMITED_FROM_BYTES).then_some(limit_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(groups: &str, files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        limit_of(groups, root.path())
    }

    #[test]
    fn the_lowest_limit_of_a_group_and_those_around_it_counts() {
        let files = [("memory.max", "max\n"), ("a/memory.max", "1000\n"), ("a/b/memory.max", "2000\n")];
        assert_eq!(limit("0::/a/b\n", &files), Some(1000));
        assert_eq!(limit("0::/a\n", &files), Some(1000));
        assert_eq!(limit("0::/\n", &files), None);
    }

    #[test]
    fn a_container_that_sees_the_hosts_path_finds_its_limit_at_the_root() {
        assert_eq!(limit("0::/docker/abc\n", &[("memory.max", "536870912\n")]), Some(512 << 20));
    }

    #[test]
    fn version_1_is_read_where_the_memory_controller_is() {
        let files = [("memory/x/memory.limit_in_bytes", "4096\n"), ("cpu/x/memory.limit_in_bytes", "1\n")];
        assert_eq!(limit("5:cpu,cpuacct:/x\n4:memory:/x\n0::/x\n", &files), Some(4096));
        let unlimited = [("memory/memory.limit_in_bytes", "9223372036854771712\n")];
        assert_eq!(limit("4:memory:/\n", &unlimited), None);
    }

    #[test]
    fn what_cannot_be_read_is_no_limit() {
        for groups in ["", "\n", "0", "0:", "0::", "0::/nowhere", "4:memory:/x"] {
            assert_eq!(limit(groups, &[]), None, "{groups:?}");
        }
        assert_eq!(limit("0::/", &[("memory.max", "many")]), None);
    }

    #[test]
    fn the_shares_leave_an_eighth_of_the_memory_to_nobody() {
        let limit = 128 << 20;
        let shared_out: usize = Share::ALL.into_iter().map(|share| share.of(limit)).sum();
        assert!(shared_out <= (limit - limit / 8) as usize, "{shared_out}");
        assert_eq!(Share::Bodies.of(limit), 24 << 20);
    }
}
