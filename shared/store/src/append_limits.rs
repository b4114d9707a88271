//! What an engine may keep waiting before it stores it, and how much of the disk it leaves free.

/// What bounds the appends of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendLimits {
    /// Most records that wait to be stored. Default: 50,000.
    pub queue_max_records: usize,
    /// Most bytes of memory that these take. Default: 64 MiB.
    pub queue_max_bytes: usize,
    /// Most bytes of memory of the records that are stored together, unless one request alone has more. Default: 32 MiB.
    pub group_max_bytes: usize,
    /// Most bytes of memory of the records of blocks that are merged into one. Default: 32 MiB.
    pub merged_max_bytes: usize,
    /// How much of the disk stays free.
    pub disk_reserve: DiskReserve,
}

/// How much of its filesystem a store leaves free: below it appends are refused, so that deletes, merges and whatever
/// else lies on the disk still have room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskReserve {
    /// 5 % of the filesystem, at least 512 MiB, but at most a quarter of it: a filesystem of 64 MiB has 16 MiB.
    #[default]
    Standard,
    /// None: appends are refused when there is no room at all.
    Off,
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of the filesystem.
    Percent(u64),
}

/// Most records that wait to be stored.
pub const QUEUE_MAX_RECORDS: usize = 50_000;

/// Most bytes of memory that waiting records take (64 MiB).
pub const QUEUE_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Most bytes of memory of the records that are stored together (32 MiB); a block then has far fewer chunks than it may.
pub const GROUP_MAX_BYTES: usize = 32 * 1024 * 1024;

/// Most bytes of memory of the records of a merged block (32 MiB).
pub const MERGED_MAX_BYTES: usize = 32 * 1024 * 1024;

const STANDARD_PERCENT: u64 = 5;
const STANDARD_LEAST_BYTES: u64 = 512 * 1024 * 1024;

/// Of a small filesystem no more than this part is reserved.
const STANDARD_MOST_PERCENT: u64 = 25;

impl Default for AppendLimits {
    fn default() -> Self {
        Self {
            queue_max_records: QUEUE_MAX_RECORDS,
            queue_max_bytes: QUEUE_MAX_BYTES,
            group_max_bytes: GROUP_MAX_BYTES,
            merged_max_bytes: MERGED_MAX_BYTES,
            disk_reserve: DiskReserve::default(),
        }
    }
}

impl DiskReserve {
    /// Returns how many bytes of a filesystem of `total_bytes` stay free.
    #[must_use]
    pub fn of_filesystem(self, total_bytes: u64) -> u64 {
        let percent = |percent| total_bytes / 100 * percent;
        match self {
            Self::Standard => {
                percent(STANDARD_PERCENT).max(STANDARD_LEAST_BYTES).min(percent(STANDARD_MOST_PERCENT))
            }
            Self::Off => 0,
            Self::Bytes(bytes) => bytes,
            Self::Percent(hundredths) => percent(hundredths),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;
    const GIB: u64 = 1024 * MIB;

    #[test]
    fn the_standard_reserve_is_a_twentieth_at_least_half_a_gib_and_at_most_a_quarter() {
        for (total, reserve) in
            [(1000 * GIB, 50 * GIB), (10 * GIB, 512 * MIB), (GIB, 256 * MIB), (64 * MIB, 16 * MIB), (0, 0)]
        {
            let found = DiskReserve::Standard.of_filesystem(total);
            assert!(found.abs_diff(reserve) < 100, "{total}: {found}");
        }
    }

    #[test]
    fn a_reserve_that_was_asked_for_is_what_it_says() {
        assert_eq!(DiskReserve::Off.of_filesystem(GIB), 0);
        assert_eq!(DiskReserve::Bytes(7).of_filesystem(GIB), 7);
        assert_eq!(DiskReserve::Percent(30).of_filesystem(1000), 300);
    }
}
