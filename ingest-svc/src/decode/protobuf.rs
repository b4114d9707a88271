//! Messages of Protocol Buffers, read where they lie: field by field, without types and without copies. What a field
//! holds is a number or a slice of the body; nested messages are slices that are read in turn.
//!
//! Groups, which proto3 does not have, are broken messages.

use prost::encoding::{WireType, decode_key, decode_varint};

/// The fields of one message, in the order in which they were sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// What one field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// The bytes are no message, or a field of it holds what it does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BrokenMessage;

// === impl Fields ===

impl<'a> Fields<'a> {
    /// Returns the fields of a message.
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Returns the next field's number and what it holds, `None` at the end.
    ///
    /// # Errors
    /// [`BrokenMessage`].
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Wire<'a>)>, BrokenMessage> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = decode_key(&mut self.rest).map_err(|_| BrokenMessage)?;
        let wire = match wire_type {
            WireType::Varint => Wire::Varint(decode_varint(&mut self.rest).map_err(|_| BrokenMessage)?),
            WireType::LengthDelimited => {
                let length = decode_varint(&mut self.rest).map_err(|_| BrokenMessage)?;
                let length = usize::try_from(length).map_err(|_| BrokenMessage)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(BrokenMessage)?;
                self.rest = rest;
                Wire::Bytes(bytes)
            }
            WireType::SixtyFourBit => Wire::Fixed64(u64::from_le_bytes(self.take()?)),
            WireType::ThirtyTwoBit => Wire::Fixed32(u32::from_le_bytes(self.take()?)),
            WireType::StartGroup | WireType::EndGroup => return Err(BrokenMessage),
        };
        Ok(Some((number, wire)))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], BrokenMessage> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(BrokenMessage)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

// === impl Wire ===

impl<'a> Wire<'a> {
    /// Returns a text, bytes or a nested message.
    #[inline]
    pub(super) fn bytes(self) -> Result<&'a [u8], BrokenMessage> {
        let Self::Bytes(bytes) = self else { return Err(BrokenMessage) };
        Ok(bytes)
    }

    /// Returns an integer of any width, a truth value or an enumerator.
    #[inline]
    pub(super) fn varint(self) -> Result<u64, BrokenMessage> {
        let Self::Varint(number) = self else { return Err(BrokenMessage) };
        Ok(number)
    }

    /// Returns eight bytes as a number.
    #[inline]
    pub(super) fn fixed64(self) -> Result<u64, BrokenMessage> {
        let Self::Fixed64(number) = self else { return Err(BrokenMessage) };
        Ok(number)
    }

    /// Returns four bytes as a number.
    #[inline]
    pub(super) fn fixed32(self) -> Result<u32, BrokenMessage> {
        let Self::Fixed32(number) = self else { return Err(BrokenMessage) };
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &[u8]) -> Result<Vec<(u32, Wire<'_>)>, BrokenMessage> {
        let (mut fields, mut all) = (Fields::of(message), Vec::new());
        while let Some(field) = fields.next()? {
            all.push(field);
        }
        Ok(all)
    }

    #[test]
    fn each_wire_type_is_read() {
        let message = [
            &b"\x08\x96\x01"[..],
            b"\x12\x03abc",
            b"\x19\x01\x00\x00\x00\x00\x00\x00\x80",
            b"\x25\x02\x00\x00\x00",
        ];
        let fields = [
            (1, Wire::Varint(150)),
            (2, Wire::Bytes(b"abc")),
            (3, Wire::Fixed64(1 << 63 | 1)),
            (4, Wire::Fixed32(2)),
        ];
        assert_eq!(read(&message.concat()).unwrap(), fields);
    }

    #[test]
    fn what_is_cut_or_no_message_is_broken() {
        for whole in [&b"\x08\x96\x01"[..], b"\x12\x03abc", b"\x19abcdefgh", b"\x25abcd"] {
            for length in 1..whole.len() {
                assert_eq!(read(&whole[..length]), Err(BrokenMessage), "{whole:?} {length}");
            }
        }
        let huge = b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        for broken in
            [&b"{}"[..], b"\x0b\x0c", b"\x00\x01", huge, b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]
        {
            assert_eq!(read(broken), Err(BrokenMessage), "{broken:?}");
        }
    }
}
