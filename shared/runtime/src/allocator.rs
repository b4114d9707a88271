//! How the C library's allocator treats memory that is free.
//!
//! It keeps what was freed, for each arena apart, and has up to eight arenas for each core: fast where there is plenty. In a
//! process that may have little, what one thread has freed is missing to the next, until the process is killed.

/// Bytes from which on an allocation is a mapping of its own, which goes back to the system when it is freed (128 KiB).
/// Unless it is set, it grows up to 32 MiB by itself.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_FROM_BYTES: i32 = 128 * 1024;

/// Bytes of free memory at an arena's end from which on they go back to the system (128 KiB).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const TRIMMED_FROM_BYTES: i32 = 128 * 1024;

/// How many arenas all threads share.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: i32 = 1;

/// Makes the allocator give back what is free rather than keep it: for a process that may have little memory. To be called
/// before there are threads. Does nothing where the C library is not glibc.
pub fn give_free_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [
        (libc::M_ARENA_MAX, ARENAS),
        (libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES),
        (libc::M_TRIM_THRESHOLD, TRIMMED_FROM_BYTES),
    ] {
        // SAFETY: takes two numbers, and refuses those that it does not know.
        #[expect(unsafe_code, reason = "the allocator has no other interface")]
        let is_set = unsafe { libc::mallopt(parameter, value) };
        debug_assert_eq!(is_set, 1, "glibc knows the parameter {parameter}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn what_was_freed_goes_back_to_the_system_though_more_was_allocated_behind_it() {
        const BLOCK_BYTES: usize = 1024 * 1024;
        let resident_bytes = || {
            let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
            statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
        };
        give_free_memory_back();
        // Without a threshold that stays, the first free raises it, and the rest lies in the heap.
        drop(vec![1_u8; 24 * BLOCK_BYTES]);
        let mut blocks: Vec<Vec<u8>> = (0..64).map(|_| vec![1; BLOCK_BYTES]).collect();
        let last = blocks.pop();
        let full = resident_bytes();

        drop(blocks);

        assert!(resident_bytes() + 48 * BLOCK_BYTES < full, "{} of {full} bytes are kept", resident_bytes());
        drop(last);
    }
}
