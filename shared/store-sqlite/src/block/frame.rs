//! zstd frames with a checksum of their content.

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::{CHUNK_MAX_BYTES, Malformed};

/// Level 1: measured, higher levels cost several times the CPU for a few percent of the size.
const ZSTD_LEVEL: i32 = 1;

/// Most bytes that a frame may inflate to: a chunk whose one record is as large as a request's whole body,
/// with room for the columns' lengths. More is a sign of corruption.
const CONTENT_MAX_BYTES: usize = 16 * CHUNK_MAX_BYTES;

/// Compresses frames, with buffers that are kept between them.
pub(super) struct FrameWriter(Compressor<'static>);

impl FrameWriter {
    pub(super) fn new() -> Self {
        let mut compressor = Compressor::new(ZSTD_LEVEL).expect("zstd accepts its own level 1");
        compressor.set_parameter(CParameter::ChecksumFlag(true)).expect("zstd knows its checksum flag");
        Self(compressor)
    }

    pub(super) fn write(&mut self, content: &[u8]) -> Vec<u8> {
        self.0
            .compress(content)
            .expect("zstd compresses any content into a buffer of the bound that it names")
    }
}

/// Inflates a frame and checks its checksum.
pub(super) fn read(frame: &[u8]) -> Result<Vec<u8>, Malformed> {
    let length = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten();
    let length = length.and_then(|length| usize::try_from(length).ok()).filter(|l| *l <= CONTENT_MAX_BYTES);
    let length = length.ok_or(Malformed("not a zstd frame of a known and sensible length"))?;
    let mut decompressor = Decompressor::new().map_err(|_| Malformed("zstd cannot start"))?;
    decompressor.decompress(frame, length).map_err(|_| Malformed("the zstd frame is damaged"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_frame_is_noticed() {
        let content: Vec<u8> = (0..600_u32).flat_map(|n| (n * n).to_le_bytes()).collect();
        let frame = FrameWriter::new().write(&content);
        assert_eq!(read(&frame).as_ref(), Ok(&content));

        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(inflated) = read(&damaged) {
                assert_eq!(inflated, content, "bit {bit} changed the content unnoticed");
            }
        }
    }
}
