//! What a process counts, for Prometheus.
//!
//! Counters are OpenTelemetry's; they are kept once for the whole process, whatever services run in it, and written
//! out in Prometheus' text format, version 0.0.4.

use std::sync::OnceLock;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder, Registry, TextEncoder};

/// Who counts, as OpenTelemetry calls it.
const METER: &str = "log-sentinel";

/// Counts something that only grows.
#[derive(Debug, Clone)]
pub struct Counter(opentelemetry::metrics::Counter<u64>);

struct Metrics {
    registry: Registry,
    provider: SdkMeterProvider,
}

impl Counter {
    /// Makes a counter of this name, which by Prometheus' rules ends in `_total`. Counters of one name are one.
    #[must_use]
    pub fn new(name: &'static str, description: &'static str) -> Self {
        let name = name.strip_suffix("_total").unwrap_or(name);
        let meter = metrics().provider.meter(METER);
        Self(meter.u64_counter(name).with_description(description).build())
    }

    /// Counts `n` more under these labels, whose values have to be few.
    pub fn add<const LABELS: usize>(&self, n: u64, labels: [(&'static str, &'static str); LABELS]) {
        self.0.add(n, &labels.map(|(name, value)| KeyValue::new(name, value)));
    }
}

/// Returns all that was counted, in Prometheus' text format.
#[must_use]
pub fn exposition() -> String {
    let mut text = Vec::new();
    // Only a name or a label that is none of Prometheus' can fail: they are ours.
    if let Err(error) = TextEncoder::new().encode(&metrics().registry.gather(), &mut text) {
        tracing::error!(%error, "the metrics cannot be written");
    }
    String::from_utf8(text).unwrap_or_default()
}

fn metrics() -> &'static Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .without_target_info()
            .build()
            .expect("a registry that is empty takes the exporter");
        Metrics { registry, provider: SdkMeterProvider::builder().with_reader(exporter).build() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_written_for_prometheus() {
        let counter = Counter::new("sentinel_test_records_total", "Records of a test.");
        counter.add(2, [("door", "a")]);
        counter.add(3, [("door", "b")]);
        Counter::new("sentinel_test_records_total", "Records of a test.").add(5, [("door", "a")]);

        let text = exposition();

        assert!(text.contains("# TYPE sentinel_test_records_total counter\n"), "{text}");
        assert!(text.contains("sentinel_test_records_total{door=\"a\"} 7\n"), "{text}");
        assert!(text.contains("sentinel_test_records_total{door=\"b\"} 3\n"), "{text}");
    }
}
