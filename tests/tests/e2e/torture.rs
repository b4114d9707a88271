//! How long the tests go on that can go on for as long as one likes.

/// Returns how many rounds are played: `SENTINEL_TORTURE_ROUNDS`, or so many.
pub(crate) fn rounds_or(default: usize) -> usize {
    let rounds = std::env::var("SENTINEL_TORTURE_ROUNDS");
    rounds.map_or(default, |rounds| rounds.parse().expect("a number of rounds"))
}
