//! Templates of messages: what messages of one kind have in common, with `<*>` where they differ.
//!
//! `Payment failed for order 17 in 35 ms` becomes `Payment failed for order <*> in <*> ms`. Taken as variable:
//!
//! * what stands in quotes, with the quotes: `"..."`, `'...'` and `` `...` ``; an apostrophe within a word is no quote
//! * a UUID; a word of at least 8 hexadecimal digits, one decimal digit among them, or of at least 16; `0x` and more
//! * a number, with its sign; also behind the letters of a word (`worker7` becomes `worker<*>`) and before its unit of
//!   at most 4 letters (`35ms` becomes `<*>ms`); a word that mixes letters and digits in any other way, as a whole
//! * several of them with one of `- . : , / _` between them, as one: an address, a date, a list of numbers
//!
//! No dictionary and no learning: the same message always has the same template, wherever it is asked for.

use crate::limits::TEMPLATE_MAX_BYTES;

/// What stands in a template for what varies.
pub const VARIABLE: &str = "<*>";

/// Signs that join variable parts to one.
const JOINERS: [char; 6] = ['-', '.', ':', ',', '/', '_'];

/// Shortest word of hexadecimal digits that is an id, with a decimal digit in it.
const HEX_ID_MIN_BYTES: usize = 8;

/// Shortest word of hexadecimal digits that is an id, whatever they are.
const HEX_LETTERS_MIN_BYTES: usize = 16;

/// Longest word behind a number that is its unit.
const UNIT_MAX_BYTES: usize = 4;

/// Where a UUID has its hyphens.
const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];

const UUID_BYTES: usize = 36;

/// Returns the template of a message. One of more than [`TEMPLATE_MAX_BYTES`] is cut, and ends with `…`.
#[must_use]
pub fn template_of(message: &str) -> String {
    let mut template = Template::default();
    let mut rest = message;
    let mut before = None;
    while let Some(next) = rest.chars().next().filter(|_| template.text.len() <= TEMPLATE_MAX_BYTES) {
        let length = template.take(next, rest, before);
        before = rest[..length].chars().next_back();
        rest = &rest[length..];
    }
    template.into_text(rest.is_empty())
}

/// A template, as far as it is made.
#[derive(Default)]
struct Template {
    text: String,
    /// Quotes that were opened and never closed: from there on they are signs like any other.
    unclosed: Vec<char>,
}

impl Template {
    /// Takes the next part of a message, which begins with `next`; returns how long it is.
    fn take(&mut self, next: char, rest: &str, before: Option<char>) -> usize {
        let is_at_start = before.is_none_or(|before| !before.is_alphanumeric());
        if !is_at_start || next.is_alphanumeric() {
            return self.take_word(next, rest, is_at_start);
        }
        if matches!(next, '"' | '\'' | '`') && !self.unclosed.contains(&next) {
            if let Some(length) = quoted_length(rest, next) {
                self.push_variable();
                return length;
            }
            self.unclosed.push(next);
        }
        let is_sign = matches!(next, '-' | '+') && rest[1..].starts_with(|c: char| c.is_ascii_digit());
        // Behind a variable part it is a joiner: of a date, of a range.
        if !is_sign || self.text.ends_with(VARIABLE) {
            self.text.push(next);
        }
        next.len_utf8()
    }

    /// Takes a word, or the sign behind one.
    fn take_word(&mut self, next: char, rest: &str, is_at_start: bool) -> usize {
        if !next.is_alphanumeric() {
            self.text.push(next);
            return next.len_utf8();
        }
        if is_at_start && is_uuid(rest) {
            self.push_variable();
            return UUID_BYTES;
        }
        let length = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        self.push_word(&rest[..length]);
        length
    }

    fn push_word(&mut self, word: &str) {
        if is_hex_id(word) {
            return self.push_variable();
        }
        let Some(first_digit) = word.find(|c: char| c.is_ascii_digit()) else {
            self.text.push_str(word);
            return;
        };
        let (letters, rest) = word.split_at(first_digit);
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_mixed = unit.contains(|c: char| c.is_ascii_digit()) || !letters.is_empty() && !unit.is_empty();
        if is_mixed || unit.len() > UNIT_MAX_BYTES {
            return self.push_variable();
        }
        self.text.push_str(letters);
        self.push_variable();
        self.text.push_str(unit);
    }

    /// Adds a variable part, or joins it to the one before.
    fn push_variable(&mut self) {
        let before = self.text.strip_suffix(JOINERS).unwrap_or(&self.text);
        if before.ends_with(VARIABLE) {
            self.text.truncate(before.len());
        } else {
            self.text.push_str(VARIABLE);
        }
    }

    fn into_text(mut self, is_whole: bool) -> String {
        if !is_whole || self.text.len() > TEMPLATE_MAX_BYTES {
            self.text.truncate(self.text.floor_char_boundary(TEMPLATE_MAX_BYTES));
            self.text.push('…');
        }
        self.text
    }
}

/// Returns the length of a quoted part at the start of a text; `None`: the quote is not closed.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        let end = at + c.len_utf8();
        if c == quote && !is_escaped && !text[end..].starts_with(char::is_alphanumeric) {
            return Some(end);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    None
}

fn is_uuid(text: &str) -> bool {
    let Some(uuid) = text.as_bytes().get(..UUID_BYTES) else { return false };
    let is_digit_of_one = |(at, byte): (usize, &u8)| match UUID_HYPHENS.contains(&at) {
        true => *byte == b'-',
        false => byte.is_ascii_hexdigit(),
    };
    uuid.iter().enumerate().all(is_digit_of_one) && !text[UUID_BYTES..].starts_with(char::is_alphanumeric)
}

fn is_hex_id(word: &str) -> bool {
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(digits) = word.strip_prefix("0x") {
        return is_hex(digits);
    }
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    let min_bytes = if has_digit { HEX_ID_MIN_BYTES } else { HEX_LETTERS_MIN_BYTES };
    word.len() >= min_bytes && is_hex(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_varies_is_folded_and_what_is_said_stays() {
        let cases = [
            ("", ""),
            ("Connection reset by peer", "Connection reset by peer"),
            ("Payment failed for order 17 in 35 ms", "Payment failed for order <*> in <*> ms"),
            ("Payment failed for order ord-8f3a2bc1 in 35ms", "Payment failed for order ord-<*> in <*>ms"),
            ("took 1.5s, 2.25 s or -3", "took <*>s, <*> s or <*>"),
            ("worker7 on node-12 failed", "worker<*> on node-<*> failed"),
            ("id 123e4567-e89b-12d3-a456-426614174000 gone", "id <*> gone"),
            ("id 123E4567-E89B-12D3-A456-42661417400 is none", "id <*>-A<*> is none"),
            ("commit deadbee7 of feedface", "commit <*> of feedface"),
            ("trace abcdefabcdefabcd", "trace <*>"),
            ("at 0xff and 0x7ffe12", "at <*> and <*>"),
            ("token a8F3kQ9z", "token <*>"),
            ("from 10.0.0.1:8080 to [::1]", "from <*> to [::<*>]"),
            ("at 2025-04-01T12:00:00.123Z", "at <*>Z"),
            ("sizes [1,2,-3] of 1,234", "sizes [<*>] of <*>"),
            ("GET /users/42/orders/7?x=-1 503", "GET /users/<*>/orders/<*>?x=<*> <*>"),
            ("85% of 10GiB on the 3rd try", "<*>% of <*>GiB on the <*>rd try"),
            ("user 'bob' said \"no \\\"way\\\"\" in `x y`", "user <*> said <*> in <*>"),
            ("can't open 'it's here', doesn't work", "can't open <*>, doesn't work"),
            ("the dogs' bowl isn't here", "the dogs' bowl isn't here"),
            ("say \"unclosed 5 and 'closed 6'", "say \"unclosed <*> and <*>"),
            ("name=\"\" x", "name=<*> x"),
            ("für Bestellung 17 überfällig ٣", "für Bestellung <*> überfällig ٣"),
            ("a - b -c 5-6 x-7", "a - b -c <*> x-<*>"),
            ("user_17_x", "user_<*>_x"),
        ];
        for (message, expected) in cases {
            assert_eq!(template_of(message), expected, "{message}");
        }
    }

    #[test]
    fn a_long_template_is_cut_at_the_same_place_however_long_its_variables_are() {
        let message = |id: &str| format!("order {id}: {}", "ä ".repeat(5000));
        let (short, long) = (template_of(&message("7")), template_of(&message("123456789")));

        assert_eq!(short, long);
        assert!(short.starts_with("order <*>: ä ") && short.ends_with('…'), "{short}");
        assert!((TEMPLATE_MAX_BYTES - 3..=TEMPLATE_MAX_BYTES).contains(&(short.len() - "…".len())));
        assert_eq!(template_of(&"x".repeat(TEMPLATE_MAX_BYTES)).len(), TEMPLATE_MAX_BYTES);
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic_and_numbers_never_tell_messages_apart(
            text in prop_oneof![any::<String>(), r#"[a0-9 "'\\`.:x<*>-]{0,40}"#],
            numbers in prop::array::uniform2(0..1_000_000_u32),
        ) {
            prop_assert!(template_of(&text).len() <= TEMPLATE_MAX_BYTES + "…".len());
            let [one, other] = numbers.map(|number| template_of(&format!("{} n {number} ms", text.replace(['"', '\'', '`'], ""))));
            prop_assert_eq!(one, other);
        }
    }
}
