//! From a batch of records to the blobs and columns of a block.

use domain::{RecordBatch, Timestamp};

use super::frame::FrameWriter;
use super::{BlockSpan, Summary, chunk, head};

/// A block, ready to be inserted. Its ids count from 0: the first one is known only inside the transaction.
#[derive(Debug, Clone)]
pub struct EncodedBlock {
    /// Its span, with ids that count from 0.
    pub span: BlockSpan,
    /// The counts, decoded.
    pub summary: Summary,
    /// The head's frame.
    pub head: Vec<u8>,
    /// The chunks' frames, in order.
    pub chunks: Vec<Vec<u8>>,
    /// How many bytes of memory the records take.
    pub text_bytes: usize,
}

/// Encodes a batch, which has to hold at least one record. `id_offsets` are the records' ids, counted from
/// the first one's; they grow.
#[must_use]
pub fn encode_block(batch: &RecordBatch, id_offsets: &[u64]) -> EncodedBlock {
    let mut writer = FrameWriter::new();
    let chunk_rows = chunk::split(batch);
    let chunk_lengths: Vec<usize> = chunk_rows.iter().map(ExactSizeIterator::len).collect();
    let chunks = chunk_rows.iter().map(|rows| writer.write(&chunk::encode_content(batch, rows))).collect();
    let head = writer.write(&head::encode_content(batch, id_offsets, &chunk_lengths));
    let span = BlockSpan {
        first_id: 0,
        last_id: id_offsets.last().copied().unwrap_or(0).cast_signed(),
        record_count: batch.len() as i64,
        timestamps: ends(batch.timestamps()),
        received: ends(batch.received()),
    };
    EncodedBlock { span, summary: Summary::of(batch), head, chunks, text_bytes: batch.memory_bytes() }
}

fn ends(times: &[Timestamp]) -> (Timestamp, Timestamp) {
    let min = times.iter().min().copied().unwrap_or(Timestamp::MIN);
    let max = times.iter().max().copied().unwrap_or(Timestamp::MIN);
    (min, max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testkit::build::batch;
    use testkit::strategy::any_record;

    use super::*;
    use crate::block::{decode_chunk, decode_head, locate};

    proptest! {
        #[test]
        fn what_goes_into_a_block_comes_out_of_it(records in prop::collection::vec((any_record(), 1..3_u64), 1..60)) {
            let batch = batch(records.iter().map(|(record, _)| record));
            let id_offsets: Vec<u64> = records.iter().scan(0, |id, (_, gap)| { *id += gap; Some(*id - records[0].1) }).collect();

            let block = encode_block(&batch, &id_offsets);
            let summary_bytes = block.summary.encode(block.span.timestamps.1);
            let summary = Summary::decode(&summary_bytes, block.span.timestamps.1).unwrap();
            let span = block.span.starting_at(1000);
            let head = decode_head(&block.head, &span, summary.services.len()).unwrap();

            prop_assert_eq!(&summary, &block.summary);
            prop_assert_eq!(summary.cells.iter().map(|c| c.count).sum::<u64>(), records.len() as u64);
            prop_assert_eq!(head.ids.last(), Some(&span.last_id));
            for (row, sent) in batch.iter().enumerate() {
                let (chunk, place) = locate(&head.chunk_lengths, row).unwrap();
                let texts = decode_chunk(&block.chunks[chunk], head.chunk_lengths[chunk]).unwrap();
                prop_assert_eq!(head.ids[row], 1000 + id_offsets[row] as i64);
                prop_assert_eq!(head.timestamps[row], sent.timestamp);
                prop_assert_eq!(head.received[row], sent.received_at);
                prop_assert_eq!(head.severities[row], sent.severity);
                prop_assert_eq!(&summary.services[head.service_codes[row] as usize], sent.service);
                prop_assert_eq!(texts.messages.get(place), sent.message);
                prop_assert_eq!(texts.attributes.get(place), sent.attributes);
                prop_assert_eq!(texts.hosts.get(place), sent.host);
            }
        }

        #[test]
        fn bytes_that_are_no_block_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let framed = FrameWriter::new().write(&bytes);
            let span = encode_block(&batch(&[testkit::build::record("x")]), &[0]).span;
            let _ = Summary::decode(&bytes, Timestamp::MAX);
            let _ = decode_head(&framed, &span, 3);
            let _ = decode_chunk(&framed, 7);
            prop_assert!(decode_head(&bytes, &span, 3).is_err());
        }
    }

    #[test]
    fn a_chunk_holds_a_bounded_number_of_records_and_bytes() {
        let small = testkit::build::record("x");
        let large = testkit::build::record(&"x".repeat(3 * 1024 * 1024));
        let records: Vec<_> = std::iter::repeat_n(&small, 4097).chain([&large, &large, &small]).collect();
        let batch = batch(records);

        let lengths: Vec<usize> = chunk::split(&batch).into_iter().map(|rows| rows.len()).collect();

        assert_eq!(lengths, [4096, 2, 2]);
    }
}
