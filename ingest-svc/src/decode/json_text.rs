//! JSON in the making: values of other formats, written as JSON text.
//!
//! What is written is bounded as it is written, so that a value that is too large or too deep costs no more than its
//! limit, and a reader that learns of it by [`JsonText::open`] does not go on into it.

use std::fmt::{self, Write};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

/// One buffer of JSON, with room for as much as its limit says.
#[derive(Debug, Default)]
pub(super) struct JsonText {
    text: String,
    /// How long the text may become.
    max_len: usize,
    /// How many arrays and objects are open, and how many may be.
    level: usize,
    max_level: usize,
    /// How many were open at a time.
    deepest: usize,
    /// Whether the next value or member is not the first of its array or object.
    needs_comma: bool,
    fault: Option<TextFault>,
}

/// Why a value is not written. All that follows is not, either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextFault {
    TooLong,
    TooDeep,
    /// A text is no UTF-8, or half of a surrogate pair is in it.
    BrokenText,
}

impl JsonText {
    /// Forgets everything; the buffer is kept.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.fault = None;
        self.bound(usize::MAX, usize::MAX);
    }

    /// Starts a value, behind what is written, of at most so many bytes and so many levels of arrays and objects.
    pub(super) fn bound(&mut self, bytes: usize, levels: usize) {
        self.max_len = self.text.len().saturating_add(bytes);
        self.max_level = levels;
        self.level = 0;
        self.deepest = 0;
        self.needs_comma = false;
    }

    /// Returns what is written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns what is written, for what is no value: it is not bounded.
    pub(super) fn text_mut(&mut self) -> &mut String {
        &mut self.text
    }

    /// Returns why not everything was written, if it was not.
    pub(super) fn fault(&self) -> Option<TextFault> {
        self.fault
    }

    /// Gives up for this reason.
    #[cold]
    pub(super) fn fail(&mut self, fault: TextFault) {
        self.fault.get_or_insert(fault);
    }

    /// Writes a string.
    #[inline]
    pub(super) fn string(&mut self, text: &str) {
        self.separate();
        self.quoted(text);
        self.needs_comma = true;
    }

    /// Writes a string of what should be UTF-8.
    #[inline]
    pub(super) fn string_of(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.string(text),
            Err(_) => self.fail(TextFault::BrokenText),
        }
    }

    /// Writes bytes as a string in base64, as the JSON mapping of Protocol Buffers does.
    pub(super) fn base64(&mut self, bytes: &[u8]) {
        // Checked before anything is encoded: it is a third longer than the bytes.
        if self.text.len().saturating_add(bytes.len()) > self.max_len {
            return self.fail(TextFault::TooLong);
        }
        self.plain(format_args!("\"{}\"", Base64Display::new(bytes, &STANDARD)));
    }

    /// Writes a floating-point number, as a string if JSON has no number for it.
    pub(super) fn double(&mut self, number: f64) {
        if number.is_finite() {
            // The `Debug` spelling keeps the `.0`, and has an exponent where digits would be many.
            self.plain(format_args!("{number:?}"));
        } else if number.is_nan() {
            self.string("NaN");
        } else {
            self.string(if number > 0.0 { "Infinity" } else { "-Infinity" });
        }
    }

    /// Writes a value that is JSON as it is displayed: an integer, `true`, `null`.
    #[inline]
    pub(super) fn plain(&mut self, value: impl fmt::Display) {
        self.separate();
        if self.fault.is_none() {
            write!(self.text, "{value}").expect("a String takes everything");
            if self.text.len() > self.max_len {
                self.fail(TextFault::TooLong);
            }
        }
        self.needs_comma = true;
    }

    /// Writes a value that is written already, with its depth.
    pub(super) fn written(&mut self, value: &Self) {
        self.separate();
        if value.deepest > self.max_level {
            self.fail(TextFault::TooDeep);
        }
        self.push(&value.text);
        self.needs_comma = true;
    }

    /// Opens an array or object with its bracket. Where it says no, its contents are not wanted and it is not closed.
    pub(super) fn open(&mut self, bracket: char) -> bool {
        self.separate();
        if self.level >= self.max_level {
            self.fail(TextFault::TooDeep);
        }
        self.push(if bracket == '[' { "[" } else { "{" });
        self.level += 1;
        self.deepest = self.deepest.max(self.level);
        self.needs_comma = false;
        self.fault.is_none()
    }

    /// Closes it.
    pub(super) fn close(&mut self, bracket: char) {
        self.push(if bracket == ']' { "]" } else { "}" });
        self.level = self.level.saturating_sub(1);
        self.needs_comma = true;
    }

    /// Writes a member's name; its value follows.
    #[inline]
    pub(super) fn name(&mut self, name: &str) {
        self.separate();
        self.quoted(name);
        self.push(":");
        self.needs_comma = false;
    }

    #[inline]
    fn separate(&mut self) {
        if self.needs_comma {
            self.push(",");
        }
    }

    #[inline]
    fn quoted(&mut self, text: &str) {
        if needs_escapes(text) {
            return self.escaped(text);
        }
        if self.has_room(text.len() + 2) {
            self.text.push('"');
            self.text.push_str(text);
            self.text.push('"');
        }
    }

    #[cold]
    fn escaped(&mut self, text: &str) {
        // Checked before anything is escaped: an escape is longer than what it stands for.
        if self.has_room(text.len() + 2) {
            let escaped = serde_json::to_string(text).expect("every text becomes JSON");
            self.push(&escaped);
        }
    }

    #[inline]
    fn push(&mut self, piece: &str) {
        if self.has_room(piece.len()) {
            self.text.push_str(piece);
        }
    }

    #[inline]
    fn has_room(&mut self, bytes: usize) -> bool {
        if self.fault.is_some() {
            return false;
        }
        if self.text.len().saturating_add(bytes) > self.max_len {
            self.fail(TextFault::TooLong);
            return false;
        }
        true
    }
}

/// Says whether JSON spells a text in other bytes than its own. Looks at every byte without leaving early, which compiles
/// to a handful of vector instructions.
#[inline]
pub(super) fn needs_escapes(text: &str) -> bool {
    text.bytes().fold(false, |found, byte| found | (byte < b' ') | (byte == b'"') | (byte == b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: usize, levels: usize, write: impl Fn(&mut JsonText)) -> Result<String, TextFault> {
        let mut json = JsonText::default();
        json.bound(bytes, levels);
        write(&mut json);
        json.fault().map_or_else(|| Ok(json.as_str().to_owned()), Err)
    }

    #[test]
    fn values_are_written_as_json_reads_them() {
        let write = |json: &mut JsonText| {
            assert!(json.open('['));
            json.string("a \"b\"\n\u{1f600}");
            json.base64(b"\xff\x00");
            for number in [1.0, 0.1, 1e300, -1e-7, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                json.double(number);
            }
            json.plain(i64::MIN);
            assert!(json.open('{'));
            json.name("x\"");
            json.plain("null");
            json.name("y");
            assert!(json.open('[') && json.open('['));
            json.close(']');
            json.close(']');
            json.close('}');
            json.plain(true);
            json.close(']');
        };
        let text = written(1000, 4, write).unwrap();
        let expected = serde_json::json!([
            "a \"b\"\n\u{1f600}", "/wA=", 1.0, 0.1, 1e300, -1e-7, "NaN", "Infinity", "-Infinity", i64::MIN,
            {"x\"": null, "y": [[]]}, true
        ]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected, "{text}");
    }

    #[test]
    fn a_value_is_as_long_and_as_deep_as_its_limit_and_no_more() {
        assert_eq!(written(5, 0, |json| json.string("abc")).unwrap(), "\"abc\"");
        assert_eq!(written(4, 0, |json| json.string("abc")), Err(TextFault::TooLong));
        assert_eq!(written(4, 0, |json| json.string("a\n")), Err(TextFault::TooLong));
        assert_eq!(written(4, 0, |json| json.plain(12345)), Err(TextFault::TooLong));
        assert_eq!(written(5, 0, |json| json.base64(&[0; 3])), Err(TextFault::TooLong));
        let nested = |levels| {
            written(100, levels, |json| {
                if json.open('[') && json.open('{') {
                    json.close('}');
                    json.close(']');
                }
            })
        };
        assert_eq!((nested(2).unwrap().as_str(), nested(1)), ("[{}]", Err(TextFault::TooDeep)));
        assert_eq!(written(9, 0, |json| json.string_of(b"\xff")), Err(TextFault::BrokenText));
    }
}
