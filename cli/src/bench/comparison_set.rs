//! The set of logs that engines are compared on: deterministic, a million in 24 hours evenly, 2 % up to 5 s late.

use std::borrow::Cow;
use std::fmt::Write;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::log_set::{SET_STARTS_MICROS, STEP_MICROS, SetLog};

const SERVICES: [&str; 8] = [
    "payment-service",
    "auth-service",
    "user-service",
    "order-service",
    "inventory-service",
    "notification-service",
    "gateway",
    "search-service",
];
const NOUNS: [&str; 5] = ["Payment", "Refund", "Invoice", "Transfer", "Chargeback"];
const VERBS: [&str; 8] =
    ["completed", "started", "failed", "retried", "declined", "approved", "queued", "settled"];

/// Makes the logs of the set. One seed gives the same logs every time.
pub(super) struct ComparisonSet {
    random: StdRng,
}

impl ComparisonSet {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed) }
    }

    /// Returns the `n`-th log.
    pub(super) fn log(&mut self, n: u64) -> SetLog<'static> {
        let random = &mut self.random;
        let late = if random.random_ratio(2, 100) { random.random_range(0..5_000_000) } else { 0 };
        let timestamp_micros = SET_STARTS_MICROS + (n * STEP_MICROS).saturating_sub(late);
        let severity = match random.random_range(0..100) {
            0..70 => "INFO",
            70..85 => "WARN",
            85..95 => "ERROR",
            _ => "DEBUG",
        };
        let (noun, verb) = (NOUNS[random.random_range(0..5)], VERBS[random.random_range(0..8)]);
        let mut message = format!(
            "{noun} {verb} for order ord-{:09} user u{:05} in {} ms region eu-{} attempt {}",
            random.random_range(0..1_000_000_000_u32),
            random.random_range(0..100_000_u32),
            random.random_range(1..2000),
            random.random_range(1..4),
            random.random_range(1..4),
        );
        if random.random_ratio(25, 1000) {
            message.push_str(" stack overflow in worker pool");
        }
        let service = SERVICES[random.random_range(0..SERVICES.len())];
        let attributes = if random.random_ratio(30, 100) { Self::attributes(random) } else { String::new() };
        SetLog {
            timestamp_micros,
            service,
            severity: Some(severity),
            message: Cow::Owned(message),
            attributes,
        }
    }

    fn attributes(random: &mut StdRng) -> String {
        let trace: u128 = random.random();
        let (host, latency) = (random.random_range(0..20), random.random_range(1..2000));
        let mut json =
            format!("{{\"trace_id\":\"{trace:032x}\",\"host\":\"web-{host}\",\"latency_ms\":{latency}");
        if random.random_ratio(1, 2) {
            let _ = write!(json, ",\"user_id\":\"u{:05}\"", random.random_range(0..100_000));
        }
        json.push('}');
        json
    }
}
