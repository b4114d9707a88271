//! Messages of Protocol Buffers, put together by hand: what a service reads is tested without what it reads with.

/// Returns a field that is a text, bytes or a message: its number, below 16, and what it holds.
#[must_use]
pub fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut field = vec![number << 3 | 2];
    put_varint(&mut field, content.len() as u64);
    field.extend_from_slice(content);
    field
}

/// Returns a field that is an integer.
#[must_use]
pub fn integer(number: u8, value: u64) -> Vec<u8> {
    let mut field = vec![number << 3];
    put_varint(&mut field, value);
    field
}

/// Returns a field of eight bytes.
#[must_use]
pub fn fixed64(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time fit a byte")]
fn put_varint(field: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        field.push(value as u8 | 0x80);
        value >>= 7;
    }
    field.push(value as u8);
}
