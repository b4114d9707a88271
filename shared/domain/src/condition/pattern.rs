//! Regular expressions in linear time.

use regex::{Regex, RegexBuilder};
use thiserror::Error;

use super::class_chars;
use crate::limits::{
    PATTERN_MAX_BYTES, PATTERN_MAX_COMPILED_BYTES, PATTERN_MAX_NESTING, PATTERNS_MAX_CLASS_CHARS,
};

/// A regular expression, in the syntax of the crate `regex`; found anywhere in a text, in the case in which it is
/// written.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    class_chars: u64,
}

/// A text that is no regular expression, or one that takes too much.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidPattern(String);

impl Pattern {
    /// Reads a regular expression.
    ///
    /// # Errors
    /// [`InvalidPattern`].
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        Self::parse_within(text, PATTERNS_MAX_CLASS_CHARS)
    }

    /// The same, where others of the query have left this many of [`PATTERNS_MAX_CLASS_CHARS`].
    pub(crate) fn parse_within(text: &str, class_chars_left: u64) -> Result<Self, InvalidPattern> {
        if text.len() > PATTERN_MAX_BYTES {
            let reason = format!("a regular expression has at most {PATTERN_MAX_BYTES} bytes");
            return Err(InvalidPattern(reason));
        }
        let class_chars = class_chars::of(text);
        if class_chars > class_chars_left {
            let reason = format!(
                "classes of characters in a query's regular expressions go through at most \
                 {PATTERNS_MAX_CLASS_CHARS} characters; large ones with (?i) take many"
            );
            return Err(InvalidPattern(reason));
        }
        let regex = RegexBuilder::new(text)
            .size_limit(PATTERN_MAX_COMPILED_BYTES)
            .nest_limit(PATTERN_MAX_NESTING)
            .build();
        regex.map(|regex| Self { regex, class_chars }).map_err(|error| InvalidPattern(reason(&error)))
    }

    /// Returns the expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Returns how many characters its classes went through.
    pub(crate) fn class_chars(&self) -> u64 {
        self.class_chars
    }

    /// Says whether it is found in `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// Says in one line what is wrong: the crate draws a picture, and its last line has the reason.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!(
            "the regular expression takes too much memory: more than {PATTERN_MAX_COMPILED_BYTES} bytes; \
             (?-u:\\w) and (?-u:\\d) take less than \\w and \\d"
        ),
        other => {
            let text = other.to_string();
            let last = text.lines().next_back().unwrap_or_default();
            format!("not a regular expression: {}", last.trim_start_matches("error: "))
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_found_anywhere_in_its_own_case() {
        let pattern = Pattern::parse("E[0-9]{3}$").unwrap();
        assert!(pattern.matches("code E503") && !pattern.matches("code e503") && !pattern.matches("E503 x"));
        assert!(Pattern::parse("(?i)time").unwrap().matches("TIMEOUT"));
        assert!(Pattern::parse(r"^\w+=\w+ ip=[0-9.]+$").unwrap().matches("user=ann ip=10.0.0.1"));
        assert!(Pattern::parse(r"(?-u:\w+ \w+ \w+ \w+ \w+)").unwrap().matches("a b c d e"));
    }

    #[test]
    fn what_is_no_pattern_or_takes_too_much_is_refused_with_the_reason() {
        let cases = [
            ("(", "unclosed group"),
            ("a{2,1}", "invalid repetition"),
            (r"(a)\1", "backreferences are not supported"),
            ("((a{1000}){1000}){1000}", "too much memory"),
            (r"\pL{1000}", "too much memory"),
            (r"(?i)[\x{0}-\x{10FFFF}&&a]", "at most 2000000 characters"),
        ];
        for (text, expected) in cases {
            let error = Pattern::parse(text).expect_err(text).to_string();
            assert!(error.contains(expected) && !error.contains('\n'), "{text}: {error}");
        }
        assert!(Pattern::parse(&"(".repeat(100)).is_err());
        assert!(Pattern::parse(&"a".repeat(PATTERN_MAX_BYTES)).is_ok());
        assert!(Pattern::parse(&"a".repeat(PATTERN_MAX_BYTES + 1)).is_err());
    }
}
