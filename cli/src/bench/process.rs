//! What the system says of processes and files.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// The unit of CPU times in /proc: `getconf CLK_TCK` is 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Returns the CPU seconds, user and system, that a process has used.
///
/// # Errors
/// When the process is not there.
pub(crate) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    let (_, after_name) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    // proc_pid_stat(5): utime and stime are fields 14 and 15; the state, field 3, is the first here.
    let mut ticks = 0.0;
    for field in after_name.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<f64>().context("no number in /proc/PID/stat")?;
    }
    Ok(ticks / TICKS_PER_SECOND)
}

/// Returns the most memory that a process has had resident, in KiB.
///
/// # Errors
/// When the process is not there.
pub(crate) fn peak_memory_kib(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.context("no VmHWM in /proc/PID/status")
}

/// Returns the bytes that the files of a directory take.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn directory_bytes(directory: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        // A file that SQLite removes meanwhile takes nothing.
        bytes += entry?.metadata().map_or(0, |found| found.len());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_this_process() {
        assert!(cpu_seconds(std::process::id()).unwrap() >= 0.0);
        assert!(peak_memory_kib(std::process::id()).unwrap() > 500);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(cpu_seconds(u32::MAX).is_err());
    }
}
