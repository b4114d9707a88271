//! The set of logs that engines are compared on: deterministic, 24 hours evenly, 2 % up to 5 s late.

use std::fmt::Write;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

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
/// 2025-04-01T00:00:00Z, in microseconds since the Unix epoch.
const DAY_STARTS: u64 = 1_743_465_600_000_000;
/// The time between two logs: a day holds a million.
const STEP_MICROS: u64 = 86_400;

/// One log of the set, as its parts.
pub(crate) struct SetLog {
    pub(crate) timestamp_micros: u64,
    pub(crate) service: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) message: String,
    pub(crate) attributes: String,
}

/// Makes the logs of the set.
pub(crate) struct ComparisonSet {
    random: StdRng,
}

impl ComparisonSet {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed) }
    }

    /// Returns a batch as a JSON array.
    pub(crate) fn batch(&mut self, batch: u64, size: u64) -> String {
        let mut json = String::from("[");
        for n in 0..size {
            let log = self.log(batch * size + n);
            let separator = if n == 0 { "" } else { "," };
            let (seconds, micros) = (log.timestamp_micros / 1_000_000, log.timestamp_micros % 1_000_000);
            let of_day = seconds % 86_400;
            let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
            let day = 1 + (seconds * 1_000_000 - DAY_STARTS) / 86_400_000_000;
            let _ = write!(
                json,
                "{separator}{{\"timestamp\":\"2025-04-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z\",\
                 \"service\":\"{}\",\"severity\":\"{}\",\"message\":\"{}\"",
                log.service, log.severity, log.message
            );
            if !log.attributes.is_empty() {
                let _ = write!(json, ",\"attributes\":{}", log.attributes);
            }
            json.push('}');
        }
        json.push(']');
        json
    }

    /// Returns the `n`-th log.
    pub(crate) fn log(&mut self, n: u64) -> SetLog {
        let random = &mut self.random;
        let late = if random.random_ratio(2, 100) { random.random_range(0..5_000_000) } else { 0 };
        let timestamp_micros = DAY_STARTS + (n * STEP_MICROS).saturating_sub(late);
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
        SetLog { timestamp_micros, service, severity, message, attributes }
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
