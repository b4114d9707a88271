//! How much memory the process may have, as the control group says that it runs in.
//!
//! A container's limit is not the machine's memory, and who goes beyond it is killed. So what is bounded by a
//! number of bytes by default is bounded by a part of that limit, where that is less.

use std::fs;
use std::path::{Path, PathBuf};

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

/// Returns `bytes`, or a `divisor`th of [`memory_limit`] if that is less.
#[must_use]
pub fn within_memory_limit(bytes: usize, divisor: u64) -> usize {
    part_of(memory_limit(), bytes, divisor)
}

fn part_of(limit_bytes: Option<u64>, bytes: usize, divisor: u64) -> usize {
    let part = limit_bytes.map(|limit| usize::try_from(limit / divisor.max(1)).unwrap_or(usize::MAX));
    part.map_or(bytes, |part| part.min(bytes))
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
    fn a_default_becomes_a_part_of_the_limit_only_where_that_is_less() {
        assert_eq!(part_of(None, 64, 8), 64);
        assert_eq!(part_of(Some(1024), 64, 8), 64);
        assert_eq!(part_of(Some(256), 64, 8), 32);
    }
}
