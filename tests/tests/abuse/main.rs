//! What the services endure: clients that are slow, many, or send too much, each against a real program on the loopback,
//! with bounded numbers. Beside each abuse goes normal load, which must not notice it.
//!
//! * [`target`] the program under abuse, and normal load; [`figures`] what it costs the program, as the system counts it
//! * [`raw`] connections that say byte by byte what they like, from as many addresses as are needed
//! * `slow`, `idle`, `descriptors`, `bombs`, `large`, `halves`, `http2` the tests
//!
//! With `SENTINEL_ABUSE=full` the numbers are the full ones; without it, those that would take long are smaller. Every
//! test prints its numbers.
//!
//! Not covered: floods of the network itself, which are for the system and what stands before it.

#![expect(clippy::print_stdout, reason = "a test's figures are shown when it fails, or is asked to")]

mod bombs;
mod descriptors;
mod figures;
mod halves;
mod http2;
mod idle;
mod large;
mod raw;
mod slow;
mod target;

use std::time::Duration;

/// Long enough for any machine; what takes longer does not happen.
const PLENTY: Duration = Duration::from_secs(120);

/// Returns `full` if the full numbers are asked for, or else `short`.
fn full_or<T>(full: T, short: T) -> T {
    if std::env::var("SENTINEL_ABUSE").is_ok_and(|value| value == "full") { full } else { short }
}
