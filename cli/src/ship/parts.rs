//! Records to messages of a size that ingest-svc takes: a record that is too long becomes several, in order.

use super::records::RECORD_MAX_BYTES;

/// Most bytes of a message that is not UTF-8: its bytes go beside it in base64, and an attribute has at most 32 KiB.
const BYTES_MAX: usize = 23 * 1024;

/// Longest sequence of bytes of one character in UTF-8, without the first.
const UTF8_TRAIL_MAX: usize = 3;

/// A part of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes that are none.
    Bytes(&'a [u8]),
}

/// Returns how much of a line without an end can be cut off, so that the rest is cut as if it stood alone.
pub(crate) fn whole_blocks(line: &[u8]) -> usize {
    let mut at = 0;
    while line.len() - at > RECORD_MAX_BYTES {
        at += length_of_block(&line[at..], RECORD_MAX_BYTES);
    }
    at
}

/// Cuts a record into parts; a short one is a single part.
pub(crate) fn parts(mut record: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while !record.is_empty() {
        let (mut block, rest) = record.split_at(length_of_block(record, RECORD_MAX_BYTES));
        record = rest;
        if let Ok(text) = std::str::from_utf8(block) {
            parts.push(Part::Text(text));
            continue;
        }
        while !block.is_empty() {
            let (part, rest) = block.split_at(length_of_block(block, BYTES_MAX));
            block = rest;
            parts.push(std::str::from_utf8(part).map_or(Part::Bytes(part), Part::Text));
        }
    }
    parts
}

/// Returns how long the first block is: as long as it may be, and not ending within a character.
fn length_of_block(bytes: &[u8], most: usize) -> usize {
    if bytes.len() <= most {
        return bytes.len();
    }
    let is_trail = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    let back = (0..=UTF8_TRAIL_MAX).find(|back| !is_trail(bytes[most - back])).unwrap_or(0);
    most - back
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_cut_between_characters_and_nothing_of_it_is_lost() {
        let long = "aö€😀".repeat(80_000);

        let parts = parts(long.as_bytes());

        let texts: Vec<&str> =
            parts.iter().map(|part| if let Part::Text(text) = part { *text } else { panic!() }).collect();
        assert!(texts.len() > 2 && texts.iter().all(|text| text.len() <= RECORD_MAX_BYTES));
        assert_eq!(texts.concat(), long);
    }

    #[test]
    fn bytes_that_are_no_text_are_cut_smaller_and_the_rest_stays_text() {
        let mut bytes = b"x".repeat(RECORD_MAX_BYTES + 10);
        bytes[30_000] = 0xff;

        let parts = parts(&bytes);

        let broken: Vec<_> = parts.iter().filter(|part| matches!(part, Part::Bytes(_))).collect();
        assert_eq!(broken.len(), 1, "only the part with the byte");
        let all: Vec<u8> = parts
            .iter()
            .flat_map(|part| match part {
                Part::Text(text) => text.as_bytes(),
                Part::Bytes(bytes) => bytes,
            })
            .copied()
            .collect();
        assert_eq!(all, bytes);
    }

    #[test]
    fn blocks_of_a_long_line_are_the_same_whether_more_of_it_is_there_or_not() {
        let long = "ab€\u{1F600}".repeat(100_000).into_bytes();
        let cut = whole_blocks(&long);
        assert!(cut > RECORD_MAX_BYTES && cut < long.len());

        let together = parts(&long);
        let apart: Vec<_> = parts(&long[..cut]).into_iter().chain(parts(&long[cut..])).collect();

        assert_eq!(apart, together);
    }
}
