//! From a batch of records to the blobs and columns of a block.

use domain::{RecordBatch, Timestamp};

use super::{BlockSpan, CHUNK_MAX_RECORDS, SETTLED_CHUNK_MAX_RECORDS, Summary, chunk, frame, head};

/// How much work goes into a block's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As little as it takes: somebody waits for the answer.
    Quick,
    /// As much as pays: the block stays.
    Settled,
}

/// A block, ready to be inserted. Its ids count from 0: the first one is known only inside the transaction.
#[derive(Debug, Clone)]
pub struct EncodedBlock {
    /// Its span, with ids that count from 0.
    pub span: BlockSpan,
    /// The counts, decoded.
    pub summary: Summary,
    /// The head's frame.
    pub head: Vec<u8>,
    /// The chunks' payloads, in order.
    pub chunks: Vec<Vec<u8>>,
    /// How many bytes of memory the records take.
    pub text_bytes: usize,
}

/// Encodes a batch, which has to hold at least one record. `id_offsets` are the records' ids, counted from
/// the first one's; they grow.
#[must_use]
pub fn encode_block(batch: &RecordBatch, id_offsets: &[u64], form: Form) -> EncodedBlock {
    let chunk_rows = chunk::split(batch, form);
    let chunk_lengths: Vec<usize> = chunk_rows.iter().map(ExactSizeIterator::len).collect();
    let chunks = chunk_rows.iter().map(|rows| chunk::encode(batch, rows, form)).collect();
    let head = frame::write(&head::content(batch, id_offsets, &chunk_lengths, form));
    let span = BlockSpan {
        first_id: 0,
        last_id: id_offsets.last().copied().unwrap_or(0).cast_signed(),
        record_count: batch.len() as i64,
        timestamps: ends(batch.timestamps()),
        received: ends(batch.received()),
    };
    EncodedBlock { span, summary: Summary::of(batch), head, chunks, text_bytes: batch.memory_bytes() }
}

impl Form {
    /// Returns how many records a chunk may hold.
    pub(super) fn chunk_max_records(self) -> usize {
        match self {
            Self::Quick => CHUNK_MAX_RECORDS,
            Self::Settled => SETTLED_CHUNK_MAX_RECORDS,
        }
    }
}

fn ends(times: &[Timestamp]) -> (Timestamp, Timestamp) {
    let min = times.iter().min().copied().unwrap_or(Timestamp::MIN);
    let max = times.iter().max().copied().unwrap_or(Timestamp::MIN);
    (min, max)
}

#[cfg(test)]
mod tests {
    use domain::RecordRef;
    use proptest::prelude::*;
    use testkit::build::{RecordBuilder, batch, record};
    use testkit::strategy::any_record;

    use super::*;
    use crate::block::{Malformed, decode_head, decode_messages, decode_rest, locate};

    const FORMS: [Form; 2] = [Form::Quick, Form::Settled];

    /// Reads a block as far as it is asked for its records; returns the first one that differs from `batch`.
    fn first_difference(
        block: &EncodedBlock,
        batch: &RecordBatch,
        id_offsets: &[u64],
    ) -> Result<Option<usize>, Malformed> {
        let summary =
            Summary::decode(&block.summary.encode(block.span.timestamps.1), block.span.timestamps.1)?;
        let head = decode_head(&block.head, &block.span, summary.services.len())?;
        let read = |chunk: &Vec<u8>, records: &usize| {
            Ok((decode_messages(chunk, *records)?, decode_rest(chunk, *records)?))
        };
        let chunks =
            block.chunks.iter().zip(&head.chunk_lengths).map(|(chunk, records)| read(chunk, records));
        let chunks = chunks.collect::<Result<Vec<_>, Malformed>>()?;
        Ok(batch.iter().enumerate().position(|(row, sent)| {
            let (chunk, place) = locate(&head.chunk_lengths, row).unwrap();
            let (messages, rest) = &chunks[chunk];
            let kept = RecordRef {
                timestamp: head.timestamps[row],
                received_at: head.received[row],
                severity: head.severities[row],
                service: &summary.services[head.service_codes[row] as usize],
                message: &messages.get(place),
                trace_id: &rest.trace_ids.get(place),
                span_id: &rest.span_ids.get(place),
                host: &rest.hosts.get(place),
                attributes: &rest.attributes.get(place),
            };
            kept != sent || head.ids[row] != block.span.first_id + id_offsets[row] as i64
        }))
    }

    fn hex(digits: &str) -> Vec<u8> {
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn what_goes_into_a_block_comes_out_of_it(records in prop::collection::vec((any_record(), 1..3_u64), 1..60)) {
            let batch = batch(records.iter().map(|(record, _)| record));
            let id_offsets: Vec<u64> = records.iter().scan(0, |id, (_, gap)| { *id += gap; Some(*id - records[0].1) }).collect();

            for form in FORMS {
                let mut block = encode_block(&batch, &id_offsets, form);
                block.span = block.span.starting_at(1000);

                prop_assert_eq!(first_difference(&block, &batch, &id_offsets), Ok(None));
                prop_assert_eq!(block.summary.cells.iter().map(|c| c.count).sum::<u64>(), records.len() as u64);
            }
        }

        #[test]
        fn bytes_that_are_no_block_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let framed = frame::write(&frame::Content::of(&bytes));
            let payload = [&[2, framed.len() as u8][..], &framed, &framed].concat();
            let span = encode_block(&batch(&[record("x")]), &[0], Form::Quick).span;
            let _ = Summary::decode(&bytes, Timestamp::MAX);
            let _ = decode_head(&framed, &span, 3);
            for chunk in [&bytes, &framed, &payload] {
                let _ = decode_messages(chunk, 7);
                let _ = decode_rest(chunk, 7);
            }
            prop_assert!(decode_head(&bytes, &span, 3).is_err());
            prop_assert!(decode_messages(&bytes, 7).is_err() && decode_rest(&bytes, 7).is_err());
        }
    }

    fn some_records() -> Vec<RecordBuilder> {
        let text = |n: u64| format!("order {} failed in {} ms", n * n * 7919 % 1009, n % 7);
        let one = |n| record(&text(n)).at(n as i64).host("web-1").attributes(&format!("{{\"n\":{n}}}"));
        (0..40).map(one).collect()
    }

    #[test]
    fn every_flipped_bit_of_a_block_is_noticed_or_harmless() {
        let (batch, ids) = (batch(&some_records()), (0..40).collect::<Vec<u64>>());
        for form in FORMS {
            let block = encode_block(&batch, &ids, form);
            assert_eq!(first_difference(&block, &batch, &ids), Ok(None));
            for bit in 0..block.head.len() * 8 {
                let mut damaged = block.clone();
                damaged.head[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    matches!(first_difference(&damaged, &batch, &ids), Ok(None) | Err(_)),
                    "head, bit {bit}"
                );
            }
            for bit in 0..block.chunks[0].len() * 8 {
                let mut damaged = block.clone();
                damaged.chunks[0][bit / 8] ^= 1 << (bit % 8);
                assert!(
                    matches!(first_difference(&damaged, &batch, &ids), Ok(None) | Err(_)),
                    "chunk, bit {bit}"
                );
            }
        }
    }

    #[test]
    fn a_block_of_the_first_version_is_read() {
        const HEAD: &str =
            "28b52ffd241de90000010301030200020301008092f401ff887a000080a4e803091109000100900776f2";
        const CHUNK: &str = "28b52ffd2477850300640601012d000b5061796d656e74206661696c656420666f72206f7264652d3030303031372069\
            6e20383135206d734772c3bcc39f6520303037011100027b2261223a312c2262223a22782079227d7b7d011000003030\
            6666010200003132010500007765622d330200bb6348dae204f6da23e5";
        let records = [
            record("Payment failed for order ord-000017 in 815 ms")
                .host("web-3")
                .span("00ff00ff00ff00ff", "12")
                .attributes(r#"{"a":1,"b":"x y"}"#),
            record("").service("pay").at(2).severity("ERROR"),
            record("Grüße 007").at(1).received(5).attributes("{}"),
        ];
        let (batch, ids) = (batch(&records), [0, 1, 5]);
        let mut block = encode_block(&batch, &ids, Form::Quick);
        block.head = hex(HEAD);
        block.chunks = vec![hex(CHUNK)];

        assert_eq!(first_difference(&block, &batch, &ids), Ok(None));
    }

    #[test]
    fn a_chunk_holds_a_bounded_number_of_records_and_bytes() {
        let small = record("x");
        let large = record(&"x".repeat(3 * 1024 * 1024));
        let records: Vec<_> = std::iter::repeat_n(&small, 4097).chain([&large, &large, &small]).collect();
        let batch = batch(records);
        let lengths =
            |form| chunk::split(&batch, form).into_iter().map(|rows| rows.len()).collect::<Vec<_>>();

        assert_eq!(lengths(Form::Quick), [4096, 2, 2]);
        assert_eq!(lengths(Form::Settled), [4098, 2]);
    }
}
