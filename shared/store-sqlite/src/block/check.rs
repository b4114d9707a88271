//! Reading a block back before it replaces others.

use domain::{RecordBatch, RecordRef};

use super::{EncodedBlock, Malformed, decode_head, decode_messages, decode_rest};

/// Decodes a block and compares it with what went into it.
///
/// # Errors
/// [`Malformed`] when it does not decode, or to something else.
pub fn check_block(block: &EncodedBlock, batch: &RecordBatch, id_offsets: &[u64]) -> Result<(), Malformed> {
    const DIFFERS: Malformed = Malformed("what comes out of the block is not what went in");
    let services = &block.summary.services;
    let head = decode_head(&block.head, &block.span, services.len())?;
    let ids = head.ids.iter().map(|id| (id - block.span.first_id).cast_unsigned());
    if head.ids.len() != batch.len() || !ids.eq(id_offsets.iter().copied()) {
        return Err(DIFFERS);
    }
    let mut row = 0;
    for (payload, length) in block.chunks.iter().zip(&head.chunk_lengths) {
        let (messages, rest) = (decode_messages(payload, *length)?, decode_rest(payload, *length)?);
        for place in 0..*length {
            let read = RecordRef {
                timestamp: head.timestamps[row],
                received_at: head.received[row],
                severity: head.severities[row],
                service: &services[head.service_codes[row] as usize],
                message: &messages.get(place),
                trace_id: &rest.trace_ids.get(place),
                span_id: &rest.span_ids.get(place),
                host: &rest.hosts.get(place),
                attributes: &rest.attributes.get(place),
            };
            if read != batch.get(row) {
                return Err(DIFFERS);
            }
            row += 1;
        }
    }
    if row == batch.len() { Ok(()) } else { Err(DIFFERS) }
}
