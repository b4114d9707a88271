//! What the lines of a stream become, whichever encoding they came in.

use domain::timestamp::TimestampError;
use domain::{RecordRef, ServiceName, Severity, Timestamp};

use super::super::builder::BatchBuilder;
use super::super::error::{DecodeError, Fault, codes, shortened};
use super::super::fields;
use super::super::members::{Members, Shared};
use super::super::record::Field;
use super::super::{Context, Decoded};

/// The labels that name a service, the first one first. Behind `service_name` they are those that Loki discovers it by
/// (`discover_service_name`), in its order.
const SERVICE_LABELS: [&str; 14] = [
    "service_name",
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

/// The service of a stream that names none, as Loki has it.
pub(super) const UNKNOWN_SERVICE: &str = "unknown_service";

/// What of labels and metadata has a column, and by which names: the first one first.
const COLUMNS: [&[&str]; 4] = [
    &["level", "severity", "detected_level"],
    &["host", "hostname"],
    &["trace_id", "traceID", "traceId"],
    &["span_id", "spanID", "spanId"],
];
const SEVERITY: usize = 0;
const HOST: usize = 1;
const TRACE_ID: usize = 2;
const SPAN_ID: usize = 3;

const MICROS_PER_SECOND: i64 = 1_000_000;
const NANOS_PER_MICRO: i64 = 1000;

/// The records of a push in the making. A reader fills in what is public, and ends each part when it is read.
pub(super) struct Streams<'a, 'c> {
    batch: BatchBuilder<'a, 'c>,
    pub(super) labels: Members,
    pub(super) metadata: Members,
    stream: Stream,
    /// The labels that are attributes.
    shared: Shared,
}

/// What the lines of a stream have in common.
#[derive(Debug, Default)]
struct Stream {
    service: String,
    columns: [Column; COLUMNS.len()],
    fault: Option<Fault>,
}

/// What has a column of its own, and the name that it came by.
#[derive(Debug, Default)]
struct Column {
    name: &'static str,
    /// Empty: there is none.
    text: String,
}

// === impl Streams ===

impl<'c> Streams<'_, 'c> {
    pub(super) fn new(context: &'c Context<'c>) -> Self {
        let members = || Members::new(context.limits);
        Self {
            batch: BatchBuilder::new(context),
            labels: members(),
            metadata: members(),
            stream: Stream::default(),
            shared: Shared::default(),
        }
    }

    pub(super) fn finish(self) -> Result<Decoded, DecodeError> {
        self.batch.finish()
    }

    /// Starts a stream, whose labels go into [`Self::labels`].
    pub(super) fn start_stream(&mut self) {
        self.labels.clear();
    }

    /// Ends the labels, unless they could not be read; the lines follow.
    pub(super) fn end_labels(&mut self, read: Result<(), Fault>) {
        let bound = self.batch.context().bound_service;
        let stream = read.and_then(|()| Stream::of(&mut self.labels, bound));
        self.stream = stream.unwrap_or_else(|fault| Stream { fault: Some(fault), ..Stream::default() });
        self.shared.clear();
        self.shared.add(&self.labels, "stream.");
        self.shared.complete();
    }

    /// Starts a line, whose metadata goes into [`Self::metadata`].
    ///
    /// # Errors
    /// [`DecodeError::TooManyRecords`] and [`DecodeError::TooLarge`].
    pub(super) fn start_line(&mut self) -> Result<(), DecodeError> {
        self.batch.start_record()?;
        self.metadata.clear();
        Ok(())
    }

    /// Ends the line: its time, `None` for now, and its text.
    pub(super) fn end_line(&mut self, time: Result<Option<Timestamp>, Fault>, line: Result<&str, Fault>) {
        if let Err(fault) = self.push_line(time, line) {
            self.batch.end_with_fault(fault);
        }
    }

    fn push_line(
        &mut self,
        time: Result<Option<Timestamp>, Fault>,
        line: Result<&str, Fault>,
    ) -> Result<(), Fault> {
        let Context { received_at, limits, .. } = *self.batch.context();
        if let Some(fault) = &self.stream.fault {
            return Err(fault.clone());
        }
        let timestamp = time?.unwrap_or(received_at);
        let message = fields::bounded_message(line?, limits.message_bytes)?;
        let columns = take_columns(&mut self.metadata);
        for (ours, streams) in columns.iter().zip(&self.stream.columns) {
            // The label that this line says otherwise is no column here, and is not lost.
            if !ours.text.is_empty() && !streams.text.is_empty() && ours.text != streams.text {
                self.metadata.add_own(streams.name, |json| json.string(&streams.text));
            }
        }
        self.metadata.check()?;
        let text = |column: usize| {
            let own = columns[column].text.as_str();
            if own.is_empty() { self.stream.columns[column].text.as_str() } else { own }
        };
        self.batch.end_with(&RecordRef {
            timestamp,
            received_at,
            severity: Severity::parse(text(SEVERITY)).unwrap_or(Severity::DEFAULT),
            service: &self.stream.service,
            message,
            trace_id: text(TRACE_ID),
            span_id: text(SPAN_ID),
            host: text(HOST),
            attributes: self.metadata.object(&self.shared),
        });
        Ok(())
    }
}

// === impl Stream ===

impl Stream {
    /// Takes out of a stream's labels what has a column.
    fn of(labels: &mut Members, bound: Option<&ServiceName>) -> Result<Self, Fault> {
        labels.check()?;
        let present = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let named = SERVICE_LABELS.iter().find_map(|name| labels.take_if(name, present));
        let named = named.as_deref().or(if bound.is_none() { Some(UNKNOWN_SERVICE) } else { None });
        let service = fields::allowed_service(named, bound)?.to_owned();
        Ok(Self { service, columns: take_columns(labels), fault: None })
    }
}

fn take_columns(members: &mut Members) -> [Column; COLUMNS.len()] {
    if members.is_empty() {
        return Default::default();
    }
    let mut column = 0;
    COLUMNS.map(|names| {
        let is_severity = column == SEVERITY;
        column += 1;
        let read = |text: &str| {
            let is_fit = !is_severity || Severity::parse(text).is_ok();
            fields::as_identifier(text).filter(|_| is_fit)
        };
        let found = names.iter().find_map(|name| Some(Column { name, text: members.take_if(name, read)? }));
        found.unwrap_or_default()
    })
}

/// Makes the time of so many seconds and nanoseconds since the Unix epoch.
pub(super) fn time(seconds: i64, nanos: i64) -> Result<Timestamp, Fault> {
    let micros = seconds.checked_mul(MICROS_PER_SECOND);
    let micros = micros.and_then(|micros| micros.checked_add(nanos.div_euclid(NANOS_PER_MICRO)));
    Timestamp::from_micros(micros.unwrap_or(i64::MAX))
        .map_err(|error| time_fault(error, &format!("{seconds} s and {nanos} ns")))
}

/// Reads a time as so many nanoseconds since the Unix epoch.
pub(super) fn time_of_text(nanos: &str) -> Result<Timestamp, Fault> {
    let read = nanos.parse::<i128>().map_err(|_| TimestampError::Unreadable);
    let micros = read.map(|nanos| nanos.div_euclid(i128::from(NANOS_PER_MICRO)));
    let micros = micros.map(|micros| i64::try_from(micros).unwrap_or(i64::MAX));
    micros.and_then(Timestamp::from_micros).map_err(|error| time_fault(error, nanos))
}

#[cold]
fn time_fault(error: TimestampError, sent: &str) -> Fault {
    let (code, detail) = match error {
        TimestampError::Unreadable => (
            codes::INVALID_TIMESTAMP,
            format!("timestamp \"{}\" is no number of nanoseconds since the Unix epoch", shortened(sent)),
        ),
        TimestampError::OutOfRange => {
            (codes::TIMESTAMP_OUT_OF_RANGE, format!("timestamp {}: {error}", shortened(sent)))
        }
    };
    Fault::of(Field::Timestamp.name(), code, detail)
}
