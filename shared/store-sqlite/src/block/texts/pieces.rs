//! Columns of what varies in texts: numbers, hexadecimal numbers, texts again.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::cut::{DIGITS_MAX, HEX_MAX, Kind, Mode, UUID_DASHES};
use super::{Source, Texts, put_split};
use crate::block::Malformed;
use crate::block::frame::Content;
use crate::block::numbers::{Numbers, put_numbers};
use crate::block::planes::{Planes, put_planes};
use crate::block::varint::{self, Reader};

const NO_LEADING_ZEROS: u8 = 0;
const ONE_WIDTH: u8 = 1;
const WIDTHS: u8 = 2;

const EACH: u8 = 0;
const DICTIONARY: u8 = 1;

/// A dictionary is given up when more than this, and a quarter of the pieces seen so far, are distinct.
const DISTINCT_SLACK: usize = 64;

/// A column of pieces.
#[derive(Debug)]
pub(super) enum Pieces {
    Digits { numbers: Numbers, widths: Widths },
    Hex { shape: HexShape, bytes: HexBytes },
    Text(Box<Texts>),
}

/// How many digits numbers are written with.
#[derive(Debug)]
pub(super) enum Widths {
    /// As few as it takes.
    NoLeadingZeros,
    /// So many, or the number does not fit: then as few as it takes.
    One(usize),
    /// Each with its own.
    Each(Numbers),
}

/// How hexadecimal digits are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct HexShape {
    chars: usize,
    is_upper: bool,
    is_uuid: bool,
}

/// Two digits a byte; an odd one at the end has its byte alone.
#[derive(Debug)]
pub(super) enum HexBytes {
    Each(Planes),
    Dictionary(Planes, Numbers),
}

/// Writes a column of pieces of one kind.
pub(super) fn put_pieces(out: &mut Content, kind: Kind, pieces: Source<'_>) {
    match kind {
        Kind::Digits => put_digits(out, pieces),
        Kind::Hex { .. } | Kind::Uuid { .. } => put_hex(out, pieces),
        Kind::Text => put_split(out, pieces, Mode::Numbers),
    }
}

fn put_digits(out: &mut Content, pieces: Source<'_>) {
    let count = pieces.spans.len();
    let bytes = pieces.joined.as_bytes();
    let (mut numbers, mut widths) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut has_leading_zeros = false;
    for span in pieces.spans {
        let digits = &bytes[span.range()];
        numbers.push(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
        widths.push(digits.len() as u64);
        has_leading_zeros |= digits.len() > 1 && digits[0] == b'0';
    }
    if !has_leading_zeros {
        out.bytes.push(NO_LEADING_ZEROS);
    } else if widths.iter().all(|width| *width == widths[0]) {
        out.bytes.extend_from_slice(&[ONE_WIDTH, widths[0] as u8]);
    } else {
        out.bytes.push(WIDTHS);
        put_numbers(out, &widths);
    }
    put_numbers(out, &numbers);
}

fn put_hex(out: &mut Content, pieces: Source<'_>) {
    if let Some((entries, codes)) = distinct(pieces) {
        out.bytes.push(DICTIONARY);
        varint::put_usize(&mut out.bytes, entries.len());
        put_hex_planes(out, &entries);
        put_numbers(out, &codes);
        return;
    }
    let digits: Vec<&[u8]> = (0..pieces.spans.len()).map(|at| pieces.get(at).as_bytes()).collect();
    out.bytes.push(EACH);
    put_hex_planes(out, &digits);
}

fn distinct<'a>(pieces: Source<'a>) -> Option<(Vec<&'a [u8]>, Vec<u64>)> {
    let mut places: HashMap<&[u8], u64, RandomState> = HashMap::default();
    let (mut entries, mut codes) = (Vec::new(), Vec::with_capacity(pieces.spans.len()));
    for seen in 0..pieces.spans.len() {
        let piece = pieces.get(seen).as_bytes();
        let place = *places.entry(piece).or_insert(entries.len() as u64);
        if place == entries.len() as u64 {
            entries.push(piece);
            if entries.len() > DISTINCT_SLACK + seen / 4 {
                return None;
            }
        }
        codes.push(place);
    }
    (entries.len() * 2 < codes.len()).then_some((entries, codes))
}

fn put_hex_planes(out: &mut Content, pieces: &[&[u8]]) {
    let mut nibbles = Vec::new();
    for piece in pieces {
        nibbles.extend(piece.iter().filter(|char| **char != b'-').map(|char| match char {
            b'0'..=b'9' => char - b'0',
            _ => (char | 0x20) - b'a' + 10,
        }));
        if nibbles.len() % 2 == 1 {
            nibbles.push(0);
        }
    }
    let width = nibbles.len() / 2 / pieces.len();
    put_planes(out, width, pieces.len(), |plane, entry| {
        let at = 2 * (entry * width + plane);
        nibbles[at] << 4 | nibbles[at + 1]
    });
}

// === impl Pieces ===

impl Pieces {
    /// Reads a column of so many pieces; those that are texts only where they `may_nest`.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        kind: Kind,
        count: usize,
        may_nest: bool,
    ) -> Result<Self, Malformed> {
        let (chars, is_upper, is_uuid) = match kind {
            Kind::Digits => return Self::read_digits(reader, count),
            Kind::Text if may_nest => {
                return Ok(Self::Text(Box::new(Texts::read_within(reader, count, false)?)));
            }
            Kind::Text => return Err(Malformed("texts are nested too deeply")),
            Kind::Hex { chars, is_upper } => (usize::from(chars), is_upper, false),
            Kind::Uuid { is_upper } => (32, is_upper, true),
        };
        let width = chars.div_ceil(2);
        let bytes = match reader.byte()? {
            EACH => HexBytes::Each(Planes::read(reader, width, count)?),
            DICTIONARY => {
                let entries = reader.count()?;
                let planes = Planes::read(reader, width, entries)?;
                let codes = Numbers::read(reader, count)?;
                if (0..count).any(|at| codes.get(at) >= entries as u64) {
                    return Err(Malformed("a code names nothing"));
                }
                HexBytes::Dictionary(planes, codes)
            }
            _ => return Err(Malformed("pieces are written in a form that is not known here")),
        };
        Ok(Self::Hex { shape: HexShape { chars, is_upper, is_uuid }, bytes })
    }

    fn read_digits(reader: &mut Reader<'_>, count: usize) -> Result<Self, Malformed> {
        let widths = match reader.byte()? {
            NO_LEADING_ZEROS => Widths::NoLeadingZeros,
            ONE_WIDTH => Widths::One(usize::from(reader.byte()?).min(DIGITS_MAX)),
            WIDTHS => Widths::Each(Numbers::read(reader, count)?),
            _ => return Err(Malformed("widths are written in a form that is not known here")),
        };
        Ok(Self::Digits { numbers: Numbers::read(reader, count)?, widths })
    }

    /// Appends a piece.
    pub(super) fn append_to(&self, out: &mut Vec<u8>, at: usize) {
        match self {
            Self::Digits { numbers, widths } => append_number(out, numbers.get(at), widths.get(at)),
            Self::Hex { shape, bytes: HexBytes::Each(planes) } => shape.append_to(out, planes.entry(at)),
            Self::Hex { shape, bytes: HexBytes::Dictionary(planes, codes) } => {
                shape.append_to(out, planes.entry(codes.get(at) as usize));
            }
            Self::Text(texts) => texts.append_to(out, at),
        }
    }
}

impl Widths {
    fn get(&self, at: usize) -> usize {
        match self {
            Self::NoLeadingZeros => 1,
            Self::One(width) => *width,
            Self::Each(widths) => (widths.get(at) as usize).min(DIGITS_MAX),
        }
    }
}

impl HexShape {
    fn append_to(self, out: &mut Vec<u8>, bytes: impl Iterator<Item = u8>) {
        const LOWER: &[u8; 16] = b"0123456789abcdef";
        const UPPER: &[u8; 16] = b"0123456789ABCDEF";
        let digits = if self.is_upper { UPPER } else { LOWER };
        let mut text = [0; HEX_MAX + UUID_DASHES.len() + 2];
        let mut end = 0;
        for byte in bytes {
            if self.is_uuid && UUID_DASHES.contains(&end) {
                text[end] = b'-';
                end += 1;
            }
            text[end] = digits[usize::from(byte >> 4)];
            text[end + 1] = digits[usize::from(byte & 15)];
            end += 2;
        }
        out.extend_from_slice(&text[..end - self.chars % 2]);
    }
}

/// The numbers from 00 to 99.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Appends a number with at least so many digits.
fn append_number(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while number > 9 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[(number % 100) as usize]);
        number /= 100;
    }
    if number > 0 {
        start -= 1;
        digits[start] = b'0' + number as u8;
    }
    out.extend_from_slice(&digits[start.min(digits.len() - width)..]);
}
