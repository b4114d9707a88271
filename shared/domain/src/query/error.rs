//! What is wrong with a query: where, why, and a caret below the place.

use std::fmt;

use thiserror::Error;

/// Most characters that an error shows on either side of the place that it is about.
const SHOWN_CHARS: usize = 40;

/// A text that is no query.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at byte {position}: {reason}\n{excerpt}")]
pub struct QueryError {
    /// Where, in bytes from the start of the text.
    pub position: usize,
    /// What is there, or what was expected.
    pub reason: String,
    /// The text around that place, and on the next line a caret below it.
    excerpt: Excerpt,
}

/// What is wrong at a place of a text that whoever finds the fault need not know.
#[derive(Debug)]
pub(super) struct Fault {
    position: usize,
    reason: String,
}

/// A line of a query, and the place in it that a caret points at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    line: String,
    /// How many characters stand before the caret.
    indent: usize,
}

// === impl Fault ===

impl Fault {
    pub(super) fn new(position: usize, reason: impl Into<String>) -> Self {
        Self { position, reason: reason.into() }
    }

    /// Returns the error that it is in this text.
    pub(super) fn in_text(self, text: &str) -> QueryError {
        QueryError { position: self.position, reason: self.reason, excerpt: Excerpt::of(text, self.position) }
    }
}

// === impl Excerpt ===

impl Excerpt {
    /// Takes what stands around a place; what is no letter that can be seen becomes a space.
    fn of(text: &str, position: usize) -> Self {
        let (before, behind) = text.split_at(position);
        let shown = |char: char| if char.is_control() { ' ' } else { char };
        let mut line: Vec<char> = before.chars().rev().take(SHOWN_CHARS).map(shown).collect();
        line.reverse();
        let indent = line.len();
        line.extend(behind.chars().take(SHOWN_CHARS).map(shown));
        Self { line: line.into_iter().collect(), indent }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{:indent$}^", self.line, "", indent = self.indent)
    }
}
