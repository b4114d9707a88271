//! Unsigned LEB128 and zigzag: how every number in a block is written.

use super::Malformed;

/// Appends `value`, seven bits a byte, lowest first; the high bit says that more follow.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length or an index.
pub(super) fn put_usize(out: &mut Vec<u8>, value: usize) {
    put(out, value as u64);
}

/// Appends a signed value: small ones of either sign are short.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Reads what the functions above wrote.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed("a number is longer than 64 bits"))
    }

    pub(super) fn usize(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.number()?).map_err(|_| Malformed("a length is out of range"))
    }

    /// Reads how many items follow; each takes at least one byte, so a wrong count cannot ask for much memory.
    pub(super) fn count(&mut self) -> Result<usize, Malformed> {
        let count = self.usize()?;
        if count > self.rest.len() {
            Err(Malformed("a count exceeds the bytes that follow"))
        } else {
            Ok(count)
        }
    }

    pub(super) fn signed(&mut self) -> Result<i64, Malformed> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed("the bytes end too early"))?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed("the bytes end too early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Says whether every byte was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns what was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads the version byte that every part starts with.
    pub(crate) fn version(&mut self, known: u8) -> Result<(), Malformed> {
        if self.byte()? == known {
            Ok(())
        } else {
            Err(Malformed("written in a form that is not known here"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_back() {
        let numbers = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX];
        let signed = [0, -1, 1, i64::MIN, i64::MAX, -64, 64];
        let mut bytes = Vec::new();
        numbers.iter().for_each(|n| put(&mut bytes, *n));
        signed.iter().for_each(|n| put_signed(&mut bytes, *n));

        let mut reader = Reader::new(&bytes);
        assert!(numbers.iter().all(|n| reader.number() == Ok(*n)));
        assert!(signed.iter().all(|n| reader.signed() == Ok(*n)));
        assert!(reader.number().is_err(), "and then the bytes end");
    }

    #[test]
    fn a_number_that_never_ends_is_malformed() {
        assert!(Reader::new(&[0xFF; 20]).number().is_err());
    }
}
