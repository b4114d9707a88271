//! Seeds.

use std::hash::{BuildHasher, RandomState};

/// Returns the seed that an environment variable holds, or a random one, and prints how to have it again.
///
/// # Panics
/// When the variable holds no number.
#[must_use]
#[expect(clippy::print_stdout, reason = "a test's output is shown when it fails")]
pub fn seed_from(variable: &str) -> u64 {
    let seed = match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
        Err(_) => RandomState::new().hash_one(variable),
    };
    println!("to repeat: {variable}={seed}");
    seed
}
