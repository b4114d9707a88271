//! Planes: entries of one width, all their first bytes, then all second bytes, and so on.
//!
//! Bytes that are all small are packed, several to a byte, where that is smaller: zstd takes short repetitions in
//! them for more than they are, and its codes are whole bits long.

use super::Malformed;
use super::frame::{Content, compressed_length};
use super::varint::Reader;

/// One byte of the plane an entry.
const NOT_PACKED: u8 = 0;

/// Below this, bytes may be packed: two of them fit into one.
const RADIX_MAX: u8 = 16;

/// Fewest bytes that are worth the trial.
const PACKED_MIN: usize = 64;

/// Bytes of entries of one width, plane after plane.
#[derive(Debug)]
pub(super) struct Planes {
    bytes: Vec<u8>,
    entries: usize,
}

/// Returns how many bytes numbers up to `max` need.
pub(super) fn width_of(max: u64) -> usize {
    (64 - max.leading_zeros() as usize).div_ceil(8)
}

/// Writes planes; `byte` tells an entry's byte of a plane.
pub(super) fn put_planes(out: &mut Content, width: usize, entries: usize, byte: impl Fn(usize, usize) -> u8) {
    let mut plane = Vec::with_capacity(entries);
    for place in 0..width {
        plane.clear();
        plane.extend((0..entries).map(|entry| byte(place, entry)));
        put_plane(out, &plane);
    }
}

fn put_plane(out: &mut Content, plane: &[u8]) {
    let radix = plane.iter().max().map_or(1, |max| max.saturating_add(1));
    if plane.len() >= PACKED_MIN && (2..=RADIX_MAX).contains(&radix) {
        let packed = pack(plane, radix);
        if compressed_length(&packed) < compressed_length(plane) {
            out.bytes.push(radix);
            out.put_part(&packed);
            return;
        }
    }
    out.bytes.push(NOT_PACKED);
    out.put_part(plane);
}

/// Returns how many digits to this base fit into a byte.
fn digits_per_byte(radix: u8) -> usize {
    256_u16.ilog(u16::from(radix)) as usize
}

/// Makes of each few bytes the digits of one, the first one the lowest.
fn pack(plane: &[u8], radix: u8) -> Vec<u8> {
    let digits = plane.chunks(digits_per_byte(radix));
    digits.map(|digits| digits.iter().rev().fold(0, |byte, digit| byte * radix + digit)).collect()
}

fn unpack(out: &mut Vec<u8>, packed: &[u8], radix: u8, entries: usize) {
    let digits = digits_per_byte(radix);
    let mut table = [[0; 8]; 256];
    for (mut byte, row) in (0..=u8::MAX).zip(&mut table) {
        for digit in row {
            *digit = byte % radix;
            byte /= radix;
        }
    }
    let end = out.len() + entries;
    for byte in packed {
        out.extend_from_slice(&table[usize::from(*byte)][..digits]);
    }
    out.truncate(end);
}

// === impl Planes ===

impl Planes {
    /// Reads so many entries of so many bytes.
    pub(super) fn read(reader: &mut Reader<'_>, width: usize, entries: usize) -> Result<Self, Malformed> {
        let mut bytes = Vec::new();
        for _ in 0..width {
            match reader.byte()? {
                NOT_PACKED => bytes.extend_from_slice(reader.bytes(entries)?),
                radix @ 2..=RADIX_MAX => {
                    let packed = reader.bytes(entries.div_ceil(digits_per_byte(radix)))?;
                    unpack(&mut bytes, packed, radix, entries);
                }
                _ => return Err(Malformed("bytes are packed in a way that is not known here")),
            }
        }
        Ok(Self { bytes, entries })
    }

    /// Returns an entry's bytes, from the first.
    pub(super) fn entry(&self, at: usize) -> impl Iterator<Item = u8> {
        self.bytes[at..].iter().step_by(self.entries).copied()
    }

    /// Returns an entry as a number; its first byte is the lowest.
    pub(super) fn number(&self, at: usize) -> u64 {
        let (mut number, mut shift, mut place) = (0, 0, at);
        while let Some(byte) = self.bytes.get(place) {
            number |= u64::from(*byte) << shift;
            shift += 8;
            place += self.entries;
        }
        number
    }

    /// Returns all entries as numbers.
    pub(super) fn numbers(&self) -> Vec<u64> {
        let mut numbers = vec![0; self.entries];
        for (plane, shift) in self.bytes.chunks_exact(self.entries.max(1)).zip((0..64).step_by(8)) {
            for (number, byte) in numbers.iter_mut().zip(plane) {
                *number |= u64::from(*byte) << shift;
            }
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_come_back_packed_or_not() {
        for radix in [1, 2, 3, 5, 8, 16, 17, 256] {
            for entries in [0, 1, 63, 64, 1000] {
                let byte = |plane, entry: usize| (entry * entry * 31 / 7 % radix.min(256 - plane)) as u8;
                let mut content = Content::default();
                put_planes(&mut content, 2, entries, byte);

                let mut reader = Reader::new(&content.bytes);
                let planes = Planes::read(&mut reader, 2, entries).unwrap();
                assert!(reader.rest().is_empty());
                assert_eq!(planes.numbers().len(), entries);
                for (at, number) in planes.numbers().into_iter().enumerate() {
                    assert_eq!(number, u64::from(byte(0, at)) | u64::from(byte(1, at)) << 8);
                    assert_eq!(planes.number(at), number);
                    assert!(planes.entry(at).eq([byte(0, at), byte(1, at)]));
                }
            }
        }
    }
}
