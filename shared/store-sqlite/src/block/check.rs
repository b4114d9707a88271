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

#[cfg(test)]
mod tests {
    use testkit::RecordBuilder;
    use testkit::build::{batch, record};

    use super::*;
    use crate::block::{Form, encode_block};

    fn sent() -> Vec<RecordBuilder> {
        (0..20).map(|n| record(&format!("order {n} paid")).at(n).attributes(r#"{"a":1}"#)).collect()
    }

    #[test]
    fn a_block_passes_with_what_went_into_it_and_with_nothing_else() {
        let offsets: Vec<u64> = (0..20).collect();
        let base = || record("order 7 paid").at(7).attributes(r#"{"a":1}"#);
        let others = [
            base().at(8),
            base().received(9),
            base().severity("ERROR"),
            base().service("pay"),
            base().host("web-1"),
            base().span("1", ""),
            base().span("", "1"),
            base().attributes(r#"{"a":2}"#),
            record("order 8 paid").at(7).attributes(r#"{"a":1}"#),
        ];
        for form in [Form::Quick, Form::Settled] {
            let block = encode_block(&batch(&sent()), &offsets, form);
            assert_eq!(check_block(&block, &batch(&sent()), &offsets), Ok(()));
            for other in &others {
                let mut changed = sent();
                changed[7] = other.clone();
                assert!(check_block(&block, &batch(&changed), &offsets).is_err(), "{form:?} {other:?}");
            }
            let gap: Vec<u64> = (0..19).chain([20]).collect();
            assert!(check_block(&block, &batch(&sent()), &gap).is_err());
            assert!(check_block(&block, &batch(&sent()[..19]), &offsets[..19]).is_err());
        }
    }
}
