//! Cutting a text into what is fixed and what varies.
//!
//! A shape is the text with each variable piece replaced by `0xFF, kind, length`; 0xFF occurs in no UTF-8. Texts
//! of one shape differ in their pieces only, so a shape and the pieces are the text, whatever was cut: a cut that
//! is not clever costs bytes, never a text.

use std::ops::Range;

/// Marks a piece in a shape.
pub(super) const MARK: u8 = 0xFF;

/// Most pieces of a shape; a text with more is not cut.
pub(super) const PIECES_MAX: usize = 128;

/// Most bytes of a shape; a longer text is not cut: there will hardly be another one like it.
pub(super) const SHAPE_MAX_BYTES: usize = 4096;

/// Most digits of one piece: every such number fits 64 bits.
pub(super) const DIGITS_MAX: usize = 19;

/// Fewest hexadecimal digits that are taken for more than a word such as `added`.
const HEX_MIN: usize = 8;

/// Most hexadecimal digits of one piece: SHA-512.
pub(super) const HEX_MAX: usize = 128;

/// Where the `-` of a UUID stand, and how long it is.
pub(super) const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];
pub(super) const UUID_CHARS: usize = 36;

/// How texts are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::block) enum Mode {
    /// At numbers, long hexadecimal ones and UUIDs.
    Numbers,
    /// At the values of a JSON text, each whole; its keys and whatever stands between stay.
    Json,
}

/// Where a piece lies in the joined texts.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::block) struct Span {
    start: u32,
    length: u32,
}

/// What a piece looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// One to [`DIGITS_MAX`] decimal digits.
    Digits,
    /// So many hexadecimal digits, all letters of one case.
    Hex { chars: u8, is_upper: bool },
    /// The like of `6f1e3b52-0f4c-4f0e-9d1c-2b7a6c1d9e0f`.
    Uuid { is_upper: bool },
    /// Any text.
    Text,
}

/// The shape and the pieces of the text that was cut last.
#[derive(Default)]
pub(super) struct Cutter {
    pub(super) shape: Vec<u8>,
    pub(super) pieces: Vec<Span>,
    /// Up to where the text is in the shape already.
    done: usize,
}

// === impl Span ===

impl Span {
    /// `None` beyond 4 GiB.
    pub(in crate::block) fn new(range: Range<usize>) -> Option<Self> {
        let start = u32::try_from(range.start).ok()?;
        u32::try_from(range.end).ok().map(|end| Self { start, length: end - start })
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.length as usize
    }

    pub(super) fn len(self) -> usize {
        self.length as usize
    }
}

// === impl Kind ===

impl Kind {
    /// The two bytes that stand for it.
    pub(super) fn code(self) -> [u8; 2] {
        match self {
            Self::Digits => [0, 0],
            Self::Hex { chars, is_upper } => [1 + u8::from(is_upper), chars],
            Self::Uuid { is_upper } => [3 + u8::from(is_upper), 0],
            Self::Text => [5, 0],
        }
    }

    pub(super) fn of_code(code: [u8; 2]) -> Option<Self> {
        match code {
            [0, 0] => Some(Self::Digits),
            [1 | 2, chars] if (1..=HEX_MAX).contains(&usize::from(chars)) => {
                Some(Self::Hex { chars, is_upper: code[0] == 2 })
            }
            [3 | 4, 0] => Some(Self::Uuid { is_upper: code[0] == 4 }),
            [5, 0] => Some(Self::Text),
            _ => None,
        }
    }
}

// === impl Cutter ===

const DIGIT: u8 = 1;
const LOWER_HEX: u8 = 2;
const UPPER_HEX: u8 = 4;
const LETTER: u8 = 8;
const HEX: u8 = DIGIT | LOWER_HEX | UPPER_HEX;

/// What each byte is; 0 for what is no letter and no digit.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' => LOWER_HEX,
            b'A'..=b'F' => UPPER_HEX,
            b'g'..=b'z' | b'G'..=b'Z' => LETTER,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

impl Cutter {
    /// Cuts the text that lies at `span`; returns false where it is better left whole.
    pub(super) fn cut(&mut self, joined: &[u8], span: Span, mode: Mode) -> bool {
        self.shape.clear();
        self.pieces.clear();
        let Range { start, end } = span.range();
        self.done = start;
        let text = &joined[..end];
        let is_cut = match mode {
            Mode::Numbers => self.cut_numbers(text, start),
            Mode::Json => self.cut_json(text, start),
        };
        if is_cut.is_none() || self.shape.len() + (end - self.done) > SHAPE_MAX_BYTES {
            return false;
        }
        self.shape.extend_from_slice(&text[self.done..]);
        true
    }

    /// Puts a piece after the fixed text before it.
    fn put(&mut self, text: &[u8], kind: Kind, range: Range<usize>) -> Option<()> {
        let fixed = &text[self.done..range.start];
        if self.pieces.len() == PIECES_MAX || self.shape.len() + fixed.len() > SHAPE_MAX_BYTES {
            return None;
        }
        self.shape.extend_from_slice(fixed);
        let [code, length] = kind.code();
        self.shape.extend_from_slice(&[MARK, code, length]);
        self.done = range.end;
        self.pieces.push(Span::new(range)?);
        Some(())
    }

    fn cut_numbers(&mut self, text: &[u8], mut at: usize) -> Option<()> {
        let is_outside = |byte: &u8| CLASSES[usize::from(*byte)] == 0;
        while let Some(digit) = next_digit(text, at) {
            // The word that it stands in; `at` is never inside of one.
            let start = text[at..digit].iter().rposition(is_outside).map_or(at, |before| at + before + 1);
            let end = text[digit..].iter().position(is_outside).map_or(text.len(), |after| digit + after);
            at = end;
            if end - start == UUID_DASHES[0]
                && let Some(kind) = uuid_at(text, start)
            {
                at = start + UUID_CHARS;
                self.put(text, kind, start..at)?;
            } else {
                self.cut_word(text, start..end)?;
            }
        }
        Some(())
    }

    /// Cuts a run of letters and digits.
    fn cut_word(&mut self, text: &[u8], word: Range<usize>) -> Option<()> {
        let mut at = word.start;
        while at < word.end {
            let start = at;
            let mut seen = 0;
            while at < word.end && CLASSES[usize::from(text[at])] & HEX != 0 {
                seen |= CLASSES[usize::from(text[at])];
                at += 1;
            }
            let case = seen & !DIGIT;
            let is_hex = seen & DIGIT != 0 && (case == LOWER_HEX || case == UPPER_HEX);
            if is_hex && (HEX_MIN..=HEX_MAX).contains(&(at - start)) {
                let kind = Kind::Hex { chars: (at - start) as u8, is_upper: case == UPPER_HEX };
                self.put(text, kind, start..at)?;
            } else if seen & DIGIT != 0 {
                self.cut_digits(text, start..at)?;
            }
            at = at.max(start + 1);
        }
        Some(())
    }

    fn cut_digits(&mut self, text: &[u8], run: Range<usize>) -> Option<()> {
        let mut at = run.start;
        while at < run.end {
            let start = at;
            while at < run.end && at - start < DIGITS_MAX && text[at].is_ascii_digit() {
                at += 1;
            }
            if at > start {
                self.put(text, Kind::Digits, start..at)?;
            } else {
                at += 1;
            }
        }
        Some(())
    }

    /// Cuts at values. What is no JSON is cut somehow, or not.
    fn cut_json(&mut self, text: &[u8], mut at: usize) -> Option<()> {
        while at < text.len() {
            let start = at;
            match text[at] {
                b'"' => {
                    let end = end_of_string(text, at + 1)?;
                    at = end + 1;
                    let next = text[at..].iter().find(|byte| !byte.is_ascii_whitespace());
                    if next != Some(&b':') {
                        self.put(text, Kind::Text, start + 1..end)?;
                    }
                }
                byte if is_of_scalar(byte) => {
                    while text.get(at).is_some_and(|byte| is_of_scalar(*byte)) {
                        at += 1;
                    }
                    self.put(text, Kind::Text, start..at)?;
                }
                _ => at += 1,
            }
        }
        Some(())
    }
}

/// Returns where the next decimal digit stands: most texts are words, so eight bytes are looked at in one.
fn next_digit(text: &[u8], at: usize) -> Option<usize> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let rest = &text[at..];
    let (words, last) = rest.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let offsets = u64::from_le_bytes(*word) ^ (EACH * u64::from(b'0'));
        // A byte's high bit says that it is 10 or more. No byte carries into the next: 0x7F + 0x76 < 0x100.
        let others = (((offsets & (EACH * 0x7F)) + EACH * 0x76) | offsets) & (EACH * 0x80);
        let digits = others ^ (EACH * 0x80);
        if digits != 0 {
            return Some(at + place * 8 + digits.trailing_zeros() as usize / 8);
        }
    }
    let skipped = text.len() - last.len();
    last.iter().position(u8::is_ascii_digit).map(|place| skipped + place)
}

/// Returns where the closing quote stands of a string whose content begins at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Numbers, `true`, `false`, `null`.
fn is_of_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

fn uuid_at(text: &[u8], start: usize) -> Option<Kind> {
    let uuid = text.get(start..start + UUID_CHARS)?;
    let mut seen = 0;
    for (place, byte) in uuid.iter().enumerate() {
        let class = CLASSES[usize::from(*byte)];
        let is_right = if UUID_DASHES.contains(&place) { *byte == b'-' } else { class & HEX != 0 };
        if !is_right {
            return None;
        }
        seen |= class;
    }
    let has_both_cases = seen & UPPER_HEX != 0 && seen & LOWER_HEX != 0;
    (!has_both_cases).then_some(Kind::Uuid { is_upper: seen & UPPER_HEX != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_digit_is_found_wherever_it_stands() {
        let others: Vec<u8> = (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()).collect();
        assert_eq!(next_digit(&others, 0), None);
        for place in 0..others.len() {
            for digit in b'0'..=b'9' {
                let mut text = others.clone();
                text[place] = digit;
                assert_eq!(next_digit(&text, place / 2), Some(place));
                assert_eq!(next_digit(&text, place + 1), None);
            }
        }
    }

    #[test]
    fn a_text_is_cut_at_numbers_hexadecimal_ones_and_uuids() {
        let mut cutter = Cutter::default();
        let text = "u0042 0xDEADBEEF01 added 6f1e3b52-0f4c-4f0e-9d1c-2b7a6c1d9e0f a1B2c3D4e5";

        assert!(cutter.cut(text.as_bytes(), Span::new(0..text.len()).unwrap(), Mode::Numbers));

        let pieces: Vec<&str> = cutter.pieces.iter().map(|piece| &text[piece.range()]).collect();
        let uuid = "6f1e3b52-0f4c-4f0e-9d1c-2b7a6c1d9e0f";
        assert_eq!(pieces, ["0042", "0", "DEADBEEF01", uuid, "1", "2", "3", "4", "5"]);
    }

    #[test]
    fn json_is_cut_at_its_values_each_whole() {
        let mut cutter = Cutter::default();
        let text = r#"{"a" : "x\"y","n":[-1.5e3, true],"b":{"s":"","c":null}}"#;

        assert!(cutter.cut(text.as_bytes(), Span::new(0..text.len()).unwrap(), Mode::Json));

        let pieces: Vec<&str> = cutter.pieces.iter().map(|piece| &text[piece.range()]).collect();
        assert_eq!(pieces, [r#"x\"y"#, "-1.5e3", "true", "", "null"]);
    }
}
