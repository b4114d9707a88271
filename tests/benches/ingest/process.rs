//! What the system says of processes and files.

use std::path::Path;

/// The unit of CPU times in /proc: `getconf CLK_TCK` is 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Returns the CPU seconds, user and system, that a process has used.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let after_name = stat.rsplit_once(')').expect("the name is in parentheses").1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // proc_pid_stat(5): utime and stime are fields 14 and 15; the state, field 3, is the first here.
    let ticks: f64 = [11, 12].iter().map(|n| fields[*n].parse::<f64>().expect("a number")).sum();
    ticks / TICKS_PER_SECOND
}

/// Returns the bytes that the files of a directory take.
pub(crate) fn directory_bytes(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory).expect("the directory is there");
    files.map(|file| file.expect("a file").metadata().expect("its size").len()).sum()
}
