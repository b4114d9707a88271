//! zstd frames with a checksum of their content.

use std::sync::{Mutex, PoisonError};

use zstd::bulk::Decompressor;
use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, ResetDirective, compress_bound};

use super::{CHUNK_MAX_BYTES, Malformed};

/// Level 1: measured, higher levels cost several times the CPU for a few percent of the size.
const ZSTD_LEVEL: i32 = 1;

/// Most bytes that a frame may inflate to: a chunk whose one record is as large as a request's whole body,
/// with room for the columns' lengths. More is a sign of corruption.
const CONTENT_MAX_BYTES: usize = 16 * CHUNK_MAX_BYTES;

/// From how many bytes on a part gets zstd blocks of its own. A block costs 3 bytes and a table of up to some
/// 70; what is gained is that bytes which are nearly random do not spoil the table of those which are not.
const PART_MIN_BYTES: usize = 1024;

const FITS: &str = "zstd compresses any content into a buffer of the bound that it names";

/// The content of a frame that is being written.
#[derive(Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// Where a zstd block has to end.
    cuts: Vec<usize>,
}

/// Compresses frames, with buffers that are kept between them.
struct FrameWriter {
    context: CCtx<'static>,
}

// === impl Content ===

impl Content {
    /// Appends bytes that are of one kind, and unlike what stands before and after them.
    pub(super) fn put_part(&mut self, part: &[u8]) {
        let stands_alone = part.len() >= PART_MIN_BYTES;
        if stands_alone {
            self.cut();
        }
        self.bytes.extend_from_slice(part);
        if stands_alone {
            self.cut();
        }
    }

    #[cfg(test)]
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), cuts: Vec::new() }
    }

    fn cut(&mut self) {
        let end = self.bytes.len();
        if end > 0 && self.cuts.last() != Some(&end) {
            self.cuts.push(end);
        }
    }
}

// === impl FrameWriter ===

impl FrameWriter {
    fn new() -> Self {
        let mut context = CCtx::create();
        let parameters = [CParameter::CompressionLevel(ZSTD_LEVEL), CParameter::ChecksumFlag(true)];
        for parameter in parameters {
            context.set_parameter(parameter).expect("zstd knows its own level 1 and its checksum flag");
        }
        Self { context }
    }

    fn write(&mut self, content: &Content) -> Vec<u8> {
        let bytes = &content.bytes[..];
        self.context.reset(ResetDirective::SessionOnly).expect("a session can always be ended");
        self.context.set_pledged_src_size(Some(bytes.len() as u64)).expect("the session has not begun");
        let mut frame = Vec::with_capacity(compress_bound(bytes.len()) + 16 * (content.cuts.len() + 1));
        let mut output = OutBuffer::around(&mut frame);
        let mut start = 0;
        for cut in &content.cuts {
            let mut input = InBuffer::around(&bytes[start..*cut]);
            let flush = ZSTD_EndDirective::ZSTD_e_flush;
            while self.context.compress_stream2(&mut output, &mut input, flush).expect(FITS) > 0 {}
            start = *cut;
        }
        let mut input = InBuffer::around(&bytes[start..]);
        let end = ZSTD_EndDirective::ZSTD_e_end;
        while self.context.compress_stream2(&mut output, &mut input, end).expect(FITS) > 0 {}
        frame.shrink_to_fit();
        frame
    }
}

/// How many idle contexts are kept for the next frames: more threads than that rarely are at it at a time, and each context
/// takes a MiB or more. One for each thread would add up: there may be hundreds of threads that block.
const IDLE_CONTEXTS_MAX: usize = 4;

/// Contexts that are used again and again, by whoever needs one.
struct Pool<T>(Mutex<Vec<T>>);

static WRITERS: Pool<FrameWriter> = Pool(Mutex::new(Vec::new()));
static READERS: Pool<Decompressor<'static>> = Pool(Mutex::new(Vec::new()));

impl<T> Pool<T> {
    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put_back(&self, context: T) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONTEXTS_MAX {
            idle.push(context);
        }
    }
}

/// Does something with a context that compresses.
fn with_writer<R>(work: impl FnOnce(&mut FrameWriter) -> R) -> R {
    let mut writer = WRITERS.take().unwrap_or_else(FrameWriter::new);
    let done = work(&mut writer);
    WRITERS.put_back(writer);
    done
}

/// Compresses a content.
pub(super) fn write(content: &Content) -> Vec<u8> {
    with_writer(|writer| writer.write(content))
}

/// Returns how long these bytes are as a frame.
pub(super) fn compressed_length(bytes: &[u8]) -> usize {
    with_writer(|writer| {
        let mut frame = Vec::with_capacity(compress_bound(bytes.len()));
        writer.context.compress2(&mut frame, bytes).expect(FITS)
    })
}

/// Returns how many bytes a frame inflates to.
pub(super) fn inflated_length(frame: &[u8]) -> Result<usize, Malformed> {
    let length = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten();
    let length = length.and_then(|length| usize::try_from(length).ok()).filter(|l| *l <= CONTENT_MAX_BYTES);
    length.ok_or(Malformed("not a zstd frame of a known and sensible length"))
}

/// Inflates a frame and checks its checksum.
pub(super) fn read(frame: &[u8]) -> Result<Vec<u8>, Malformed> {
    let length = inflated_length(frame)?;
    let mut reader = match READERS.take() {
        Some(reader) => reader,
        None => Decompressor::new().map_err(|_| Malformed("zstd cannot start"))?,
    };
    let content = reader.decompress(frame, length).map_err(|_| Malformed("the zstd frame is damaged"));
    READERS.put_back(reader);
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_frame_is_noticed() {
        let bytes: Vec<u8> = (0..600_u32).flat_map(|n| (n * n).to_le_bytes()).collect();
        let mut content = Content::of(&bytes);
        content.put_part(&[7; 2000]);
        content.put_part(&[8; 10]);
        let frame = write(&content);
        assert_eq!(read(&frame).as_ref(), Ok(&content.bytes));

        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(inflated) = read(&damaged) {
                assert_eq!(inflated, content.bytes, "bit {bit} changed the content unnoticed");
            }
        }
    }
}
