//! Builders: a test names what it is about, the rest has sensible values.

use domain::{RecordBatch, RecordRef, Severity, Tenant, Timestamp};

/// The moment that records happen at unless a test says otherwise: 2025-04-01T12:00:00Z.
pub const NOON_MICROS: i64 = 1_743_508_800_000_000;

/// Builds one record.
#[derive(Debug, Clone)]
pub struct RecordBuilder {
    timestamp: Timestamp,
    received_at: Timestamp,
    severity: Severity,
    service: String,
    message: String,
    trace_id: String,
    span_id: String,
    host: String,
    attributes: String,
}

/// Starts an INFO record of `auth-service` at noon with this message.
#[must_use]
pub fn record(message: &str) -> RecordBuilder {
    RecordBuilder {
        timestamp: Timestamp::saturating_from_micros(NOON_MICROS),
        received_at: Timestamp::saturating_from_micros(NOON_MICROS + 1_000_000),
        severity: Severity::DEFAULT,
        service: "auth-service".to_owned(),
        message: message.to_owned(),
        trace_id: String::new(),
        span_id: String::new(),
        host: String::new(),
        attributes: String::new(),
    }
}

/// Returns the tenant with this name.
///
/// # Panics
/// When it is not a tenant's name.
#[must_use]
pub fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).expect("a test names a valid tenant")
}

/// Makes a batch of records.
pub fn batch<'a>(records: impl IntoIterator<Item = &'a RecordBuilder>) -> RecordBatch {
    let mut batch = RecordBatch::default();
    for record in records {
        batch.push(&record.as_record_ref());
    }
    batch
}

impl RecordBuilder {
    /// Sets when it happened, in seconds after noon.
    #[must_use]
    pub fn at(mut self, seconds: i64) -> Self {
        self.timestamp = Timestamp::saturating_from_micros(NOON_MICROS + seconds * 1_000_000);
        self
    }

    /// Sets when it happened, in microseconds since the Unix epoch.
    #[must_use]
    pub fn at_micros(mut self, micros: i64) -> Self {
        self.timestamp = Timestamp::saturating_from_micros(micros);
        self
    }

    /// Sets when it arrived, in microseconds since the Unix epoch.
    #[must_use]
    pub fn received_micros(mut self, micros: i64) -> Self {
        self.received_at = Timestamp::saturating_from_micros(micros);
        self
    }

    /// Sets when it arrived, in seconds after noon.
    #[must_use]
    pub fn received(mut self, seconds: i64) -> Self {
        self.received_at = Timestamp::saturating_from_micros(NOON_MICROS + seconds * 1_000_000);
        self
    }

    /// Sets the severity, in any spelling.
    ///
    /// # Panics
    /// When it is not a severity.
    #[must_use]
    pub fn severity(mut self, text: &str) -> Self {
        self.severity = Severity::parse(text).expect("a test names a valid severity");
        self
    }

    /// Sets the service.
    #[must_use]
    pub fn service(mut self, name: &str) -> Self {
        name.clone_into(&mut self.service);
        self
    }

    /// Sets the trace and the span.
    #[must_use]
    pub fn span(mut self, trace_id: &str, span_id: &str) -> Self {
        trace_id.clone_into(&mut self.trace_id);
        span_id.clone_into(&mut self.span_id);
        self
    }

    /// Sets the host.
    #[must_use]
    pub fn host(mut self, name: &str) -> Self {
        name.clone_into(&mut self.host);
        self
    }

    /// Sets the attributes, the text of a JSON object.
    #[must_use]
    pub fn attributes(mut self, json: &str) -> Self {
        json.clone_into(&mut self.attributes);
        self
    }

    /// Borrows the record.
    #[must_use]
    pub fn as_record_ref(&self) -> RecordRef<'_> {
        RecordRef {
            timestamp: self.timestamp,
            received_at: self.received_at,
            severity: self.severity,
            service: &self.service,
            message: &self.message,
            trace_id: &self.trace_id,
            span_id: &self.span_id,
            host: &self.host,
            attributes: &self.attributes,
        }
    }
}
