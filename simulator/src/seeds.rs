//! Randomness: one seed, and from it one independent stream of random numbers per purpose and service.
//!
//! The streams are separate so that a draw in one (say, the jitter of a retry) never changes another (the messages).

use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// The offset basis of FNV-1a, 64 bits.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
/// The prime of FNV-1a, 64 bits.
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// Returns the stream of random numbers for `purpose` and `name`, the same for the same seed.
pub(crate) fn stream(seed: u64, purpose: &str, name: &str) -> StdRng {
    let mut hash = FNV_OFFSET;
    for byte in purpose.bytes().chain([0]).chain(name.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
    }
    StdRng::seed_from_u64(seed ^ hash)
}

/// Returns a number that nobody can predict, from the operating system.
pub(crate) fn entropy() -> anyhow::Result<u64> {
    getrandom::u64().map_err(|error| anyhow::anyhow!("the operating system gives no random numbers: {error}"))
}
