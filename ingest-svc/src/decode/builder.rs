//! Puts the records that keep the rules into a batch, and counts and describes the others.

use domain::limits::RECORD_ERRORS_SHOWN;
use domain::{RecordRef, Severity};

use super::attributes::AttributeMerge;
use super::error::{DecodeError, Fault};
use super::record::{Field, RawRecord};
use super::text::Line;
use super::{Context, Decoded, fields};

/// A batch in the making. `'a` is the body, from which everything is borrowed until it is copied into the
/// batch; buffers are used again for every record.
pub(super) struct BatchBuilder<'a, 'c> {
    context: &'c Context<'c>,
    decoded: Decoded,
    next_index: usize,
    attributes: AttributeMerge<'a>,
    /// Why the pass over the body was broken off, if it was not its syntax.
    pub(super) stop: Option<DecodeError>,
    /// The record that is being taken apart.
    pub(super) raw: RawRecord<'a>,
}

impl<'a, 'c> BatchBuilder<'a, 'c> {
    pub(super) fn new(context: &'c Context<'c>) -> Self {
        Self {
            context,
            decoded: Decoded::default(),
            next_index: 0,
            attributes: AttributeMerge::default(),
            stop: None,
            raw: RawRecord::default(),
        }
    }

    /// Forgets all records, for a second attempt at the same body.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.context);
    }

    /// Returns the batch and what was refused.
    pub(super) fn finish(self) -> Decoded {
        self.decoded
    }

    /// Starts the next record. Every record that is started has to be ended by one of the calls below.
    ///
    /// # Errors
    /// [`DecodeError::TooManyRecords`].
    pub(super) fn start_record(&mut self) -> Result<(), DecodeError> {
        let limit = self.context.limits.batch_records;
        if self.next_index == limit {
            return Err(DecodeError::TooManyRecords { limit });
        }
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
        let (raw, limits) = (&self.raw, self.context.limits);
        raw.check_names()?;
        let identifier = |field| fields::identifier(field, raw.get(field));
        let service = fields::service(raw.get(Field::Service))?;
        let record = RecordRef {
            timestamp: fields::timestamp(raw.get(Field::Timestamp), self.context.received_at)?,
            received_at: self.context.received_at,
            severity: fields::severity(raw.get(Field::Severity), raw.get(Field::Level))?,
            service: fields::allowed_service(service, self.context.bound_service)?,
            message: fields::message(raw.get(Field::Message), limits.message_bytes)?,
            trace_id: identifier(Field::TraceId)?,
            span_id: identifier(Field::SpanId)?,
            host: identifier(Field::Host)?,
            attributes: self.attributes.merge(raw.get(Field::Attributes), raw.unknown(), limits)?,
        };
        self.decoded.batch.push(&record);
        Ok(())
    }

    fn push_line(&mut self, line: &Line<'_>) -> Result<(), Fault> {
        let record = RecordRef {
            timestamp: line.timestamp.unwrap_or(self.context.received_at),
            received_at: self.context.received_at,
            severity: line.severity.unwrap_or(Severity::DEFAULT),
            service: fields::allowed_service(line.service, self.context.bound_service)?,
            message: fields::bounded_message(line.message, self.context.limits.message_bytes)?,
            trace_id: "",
            span_id: "",
            host: "",
            attributes: "",
        };
        self.decoded.batch.push(&record);
        Ok(())
    }
}
