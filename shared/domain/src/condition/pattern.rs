//! Regular expressions in linear time.

use regex::{Regex, RegexBuilder};
use thiserror::Error;

use crate::limits::{PATTERN_MAX_BYTES, PATTERN_MAX_COMPILED_BYTES, PATTERN_MAX_NESTING};

/// A regular expression, in the syntax of the crate `regex`; found anywhere in a text, in the case in which it is
/// written.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

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
        if text.len() > PATTERN_MAX_BYTES {
            let reason = format!("a regular expression has at most {PATTERN_MAX_BYTES} bytes");
            return Err(InvalidPattern(reason));
        }
        let regex = RegexBuilder::new(text)
            .size_limit(PATTERN_MAX_COMPILED_BYTES)
            .nest_limit(PATTERN_MAX_NESTING)
            .build();
        regex.map(Self).map_err(|error| InvalidPattern(reason(&error)))
    }

    /// Returns the expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Says whether it is found in `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// Says in one line what is wrong: the crate draws a picture, and its last line has the reason.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the regular expression takes too much memory".to_owned(),
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
    }

    #[test]
    fn what_is_no_pattern_or_takes_too_much_is_refused_with_the_reason() {
        let cases = [
            ("(", "unclosed group"),
            ("a{2,1}", "invalid repetition"),
            (r"(a)\1", "backreferences are not supported"),
            ("((a{1000}){1000}){1000}", "too much memory"),
            (r"\pL{1000}", "too much memory"),
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
