//! The process's own log lines and spans.
//!
//! Log lines go to stderr, chosen by `RUST_LOG` (default: `info`, the libraries quieter). With
//! `OTEL_EXPORTER_OTLP_ENDPOINT` set, spans go there as well, over OTLP/HTTP, in batches from a thread of
//! their own: an exporter that is slow or away costs spans, never time. The standard `OTEL_*` variables of
//! the exporter apply.

use std::any::Any;
use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::LogFormat;

/// What is logged if `RUST_LOG` does not say.
const DEFAULT_FILTER: &str =
    "info,sqlx=warn,hyper=warn,hyper_util=warn,h2=warn,reqwest=warn,opentelemetry=warn";

/// Names the endpoint that spans are sent to; the exporter reads it by itself.
const ENDPOINT_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Libraries whose spans the exporter itself would cause: sending them would cause more of them.
const EXPORTERS_OWN: [&str; 4] = ["hyper", "h2", "reqwest", "opentelemetry"];

/// How long the end of the process may wait for the last spans to leave.
const FLUSH_AT_MOST: Duration = Duration::from_secs(3);

/// Keeps telemetry going; sends what is left when it is dropped, within 3 s.
#[derive(Debug)]
#[must_use = "dropping it ends the export of spans"]
pub struct TelemetryGuard {
    provider: Option<SdkTracerProvider>,
}

/// Starts telemetry for the whole process: log lines, spans if they are asked for, and a line for every panic.
/// A second call in one process changes nothing about the first.
pub fn init(service_name: &'static str, format: LogFormat) -> TelemetryGuard {
    let (provider, complaint) = match span_provider(service_name) {
        Ok(provider) => (provider, None),
        Err(error) => (None, Some(error)),
    };
    let span_layer = provider.as_ref().map(|provider| {
        let tracer = provider.tracer(service_name);
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(filter_fn(is_worth_exporting))
    });
    let started = Registry::default().with(line_layer(format)).with(span_layer).try_init();
    if started.is_ok() {
        panic::set_hook(Box::new(log_panic));
    }
    if let Some(error) = complaint {
        tracing::warn!(%error, "no spans are sent: the exporter cannot be made");
    }
    TelemetryGuard { provider }
}

fn line_layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    }
}

fn span_provider(
    service_name: &'static str,
) -> Result<Option<SdkTracerProvider>, opentelemetry_otlp::ExporterBuildError> {
    if std::env::var_os(ENDPOINT_VARIABLE).is_none_or(|endpoint| endpoint.is_empty()) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_http().build()?;
    let resource = Resource::builder().with_service_name(service_name).build();
    Ok(Some(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build()))
}

fn is_worth_exporting(metadata: &Metadata<'_>) -> bool {
    let is_exporters_own = EXPORTERS_OWN.iter().any(|name| metadata.target().starts_with(name));
    *metadata.level() <= Level::INFO && !is_exporters_own
}

/// Logs a panic in one line, whatever its message holds.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    tracing::error!(message = "panicked", panic = ?panic_message(panic.payload()), %location, thread);
}

/// Returns the text that a panic was given, as far as it was one.
fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        let Some(provider) = self.provider.take() else { return };
        let (done, wait) = mpsc::channel();
        // On a thread of its own: the exporter blocks, and this may be a thread that must not.
        thread::spawn(move || {
            let _ = done.send(provider.shutdown_with_timeout(FLUSH_AT_MOST));
        });
        if !matches!(wait.recv_timeout(FLUSH_AT_MOST), Ok(Ok(()))) {
            tracing::warn!("the last spans could not be sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_panic_is_found_in_either_form() {
        let formatted = panic::catch_unwind(|| panic!("{} of it", 3)).unwrap_err();
        let plain = panic::catch_unwind(|| panic!("plain")).unwrap_err();
        let other = panic::catch_unwind(|| panic::panic_any(7)).unwrap_err();
        assert_eq!(panic_message(formatted.as_ref()), "3 of it");
        assert_eq!(panic_message(plain.as_ref()), "plain");
        assert_eq!(panic_message(other.as_ref()), "(no text)");
    }

    #[test]
    fn the_default_filter_is_one() {
        assert!(EnvFilter::try_new(DEFAULT_FILTER).is_ok());
    }

    #[test]
    fn starting_twice_is_harmless() {
        let first = init("test", LogFormat::Json);
        let second = init("test", LogFormat::Text);
        drop((first, second));
    }
}
