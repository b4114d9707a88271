//! Puts the records that keep the rules into a batch, and counts and describes the others.

use domain::limits::{BATCH_DECODED_MAX_BYTES, RECORD_ERRORS_SHOWN, RecordLimits};
use domain::{RecordBatch, RecordRef, Severity, Timestamp};

use super::attributes::AttributeMerge;
use super::error::{DecodeError, Fault};
use super::foreign::{self, Foreign, Workflow};
use super::line::Line;
use super::record::{Field, RawRecord};
use super::value::Value;
use super::{Context, Decoded, fields};

/// A batch in the making. `'a` is the body, from which everything is borrowed until it is copied into the
/// batch; buffers are used again for every record.
pub(super) struct BatchBuilder<'a, 'c> {
    context: &'c Context<'c>,
    /// What was refused; its batch stays empty until the end.
    decoded: Decoded,
    batch: BoundedBatch,
    next_index: usize,
    attributes: AttributeMerge<'a>,
    /// Why the pass over the body was broken off, if it was not its syntax.
    pub(super) stop: Option<DecodeError>,
    /// The record that is being taken apart.
    pub(super) raw: RawRecord<'a>,
}

/// The records so far. What would make them too large is not taken, and [`Self::check`] says so from then on.
#[derive(Debug, Default)]
struct BoundedBatch {
    batch: RecordBatch,
    /// The bytes of messages and attributes, those included that were not taken.
    bytes: usize,
}

impl<'a, 'c> BatchBuilder<'a, 'c> {
    pub(super) fn new(context: &'c Context<'c>) -> Self {
        Self {
            context,
            decoded: Decoded::default(),
            batch: BoundedBatch::default(),
            next_index: 0,
            attributes: AttributeMerge::default(),
            stop: None,
            raw: RawRecord::default(),
        }
    }

    /// Returns when the request arrived.
    pub(super) fn received_at(&self) -> Timestamp {
        self.context.received_at
    }

    /// Returns what a record may hold.
    pub(super) fn limits(&self) -> &'c RecordLimits {
        self.context.limits
    }

    /// Returns what is known about the request.
    pub(super) fn context(&self) -> &'c Context<'c> {
        self.context
    }

    /// Forgets all records, for a second attempt at the same body.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.context);
    }

    /// Returns the batch and what was refused.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`].
    pub(super) fn finish(self) -> Result<Decoded, DecodeError> {
        self.batch.check()?;
        Ok(Decoded { batch: self.batch.batch, ..self.decoded })
    }

    /// Starts the next record. Every record that is started has to be ended by one of the calls below.
    ///
    /// # Errors
    /// [`DecodeError::TooManyRecords`]; [`DecodeError::TooLarge`], when the records before it were too large.
    pub(super) fn start_record(&mut self) -> Result<(), DecodeError> {
        let limit = self.context.limits.batch_records;
        if self.next_index == limit {
            return Err(DecodeError::TooManyRecords { limit });
        }
        self.batch.check()?;
        self.next_index += 1;
        Ok(())
    }

    /// Returns the index of the record that was started last, if there is one.
    pub(super) fn last_started(&self) -> Option<usize> {
        self.next_index.checked_sub(1)
    }

    /// Ends the record with what [`Self::raw`] holds.
    #[inline]
    pub(super) fn end_with_raw(&mut self) {
        if let Err(fault) = self.push_raw() {
            self.end_with_fault(fault);
        }
    }

    /// Ends the record with one of a text line.
    pub(super) fn end_with_line(&mut self, line: &Line<'_>) {
        if let Err(fault) = self.push_line(line) {
            self.end_with_fault(fault);
        }
    }

    /// Ends the record with one that keeps the rules.
    #[inline]
    pub(super) fn end_with(&mut self, record: &RecordRef<'_>) {
        self.batch.push(record);
    }

    /// Ends the record by refusing it.
    #[cold]
    pub(super) fn end_with_fault(&mut self, fault: Fault) {
        self.decoded.rejected += 1;
        *self.decoded.rejected_by.entry(fault.code).or_default() += 1;
        if self.decoded.errors.len() < RECORD_ERRORS_SHOWN {
            self.decoded.errors.push(fault.at(self.next_index.saturating_sub(1)));
        }
    }

    #[inline]
    fn push_raw(&mut self) -> Result<(), Fault> {
        self.raw.check_names()?;
        let foreign = if self.raw.may_be_foreign() { Foreign::of(&self.raw) } else { None };
        match foreign {
            None => self.push_own(None),
            Some(Foreign::Workflow(workflow)) => self.push_own(Some(&workflow)),
            Some(Foreign::Envelope { raw_log, metadata }) => {
                let (service, line) = foreign::opened(&raw_log, metadata, self.context)?;
                self.push_line_of(&service, &line)
            }
        }
    }

    /// Adds a record of our own form, where it is a workflow's log with what follows from its fields.
    #[inline]
    fn push_own(&mut self, workflow: Option<&Workflow<'_>>) -> Result<(), Fault> {
        let (raw, limits) = (&self.raw, self.context.limits);
        let (received_at, bound_service) = (self.context.received_at, self.context.bound_service);
        let identifier = |field| fields::identifier(field, raw.get(field));
        let mut service = fields::service(raw.get(Field::Service))?;
        let mut timestamp = fields::timestamp(raw.get(Field::Timestamp), received_at)?;
        let mut severity = fields::severity(raw.get(Field::Severity), raw.get(Field::Level))?;
        let message = raw.get(Field::Message);
        let mut made_message = None;
        if let Some(workflow) = workflow {
            service = service.or_else(|| Workflow::default_service(bound_service));
            timestamp = workflow.timestamp(received_at)?;
            severity = severity.or_else(|| Some(workflow.severity()));
            made_message = (*message == Value::Absent).then(|| Value::Text(workflow.message().into()));
        }
        let record = RecordRef {
            timestamp,
            received_at,
            severity: severity.unwrap_or(Severity::DEFAULT),
            service: fields::allowed_service(service, bound_service)?,
            message: fields::message(made_message.as_ref().unwrap_or(message), limits.message_bytes)?,
            trace_id: identifier(Field::TraceId)?,
            span_id: identifier(Field::SpanId)?,
            host: identifier(Field::Host)?,
            attributes: self.attributes.merge(raw.get(Field::Attributes), raw.unknown(), limits)?,
        };
        self.batch.push(&record);
        Ok(())
    }

    /// Adds a line. A key's service takes the place of what only the line's sender is called.
    fn push_line(&mut self, line: &Line<'_>) -> Result<(), Fault> {
        let bound = self.context.bound_service;
        let named = line.service.as_deref().filter(|_| line.names_service || bound.is_none());
        let service = fields::allowed_service(named, bound)?;
        self.push_line_of(service, line)
    }

    fn push_line_of(&mut self, service: &str, line: &Line<'_>) -> Result<(), Fault> {
        let attributes = line.attributes.to_json();
        let record = RecordRef {
            timestamp: line.timestamp.unwrap_or(self.context.received_at),
            received_at: self.context.received_at,
            severity: line.severity.unwrap_or(Severity::DEFAULT),
            service,
            message: fields::bounded_message(&line.message, self.context.limits.message_bytes)?,
            trace_id: &line.trace_id,
            span_id: &line.span_id,
            host: &line.host,
            attributes: &attributes,
        };
        self.batch.push(&record);
        Ok(())
    }
}

// === impl BoundedBatch ===

impl BoundedBatch {
    #[inline]
    fn push(&mut self, record: &RecordRef<'_>) {
        self.bytes = self.bytes.saturating_add(record.message.len() + record.attributes.len());
        if self.bytes <= BATCH_DECODED_MAX_BYTES {
            self.batch.push(record);
        }
    }

    #[inline]
    fn check(&self) -> Result<(), DecodeError> {
        if self.bytes <= BATCH_DECODED_MAX_BYTES {
            return Ok(());
        }
        Err(DecodeError::TooLarge { limit_bytes: BATCH_DECODED_MAX_BYTES })
    }
}
