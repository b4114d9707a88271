//! Tests on a text.

use super::{Interval, Pattern, Wildcard};
use crate::TextMatch;
use crate::text::{fold, tokens_of_folded};

/// A test of a text. An empty text is none at all: no test is true of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextTest {
    /// It holds this word, phrase or part.
    Holds(TextMatch),
    /// It is this text, in any case; what is compared with is folded.
    Equals(String),
    /// It is described by this text with asterisks.
    Like(Wildcard),
    /// This regular expression is found in it.
    Matches(Pattern),
    /// It lies in this span, folded and byte by byte.
    Within(Interval<String>),
    /// It is there.
    Exists,
}

impl TextTest {
    /// Tests whether a text is `text`, in any case.
    #[must_use]
    pub fn equals(text: &str) -> Self {
        Self::Equals(fold(text).into_owned())
    }

    /// Says whether it is true of `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        if text.is_empty() {
            return false;
        }
        match self {
            Self::Holds(held) => held.matches(text),
            Self::Equals(equal) => fold(text) == *equal,
            Self::Like(wildcard) => wildcard.matches(text),
            Self::Matches(pattern) => pattern.matches(text),
            Self::Within(interval) => interval.contains(fold(text).as_ref()),
            Self::Exists => true,
        }
    }

    /// Returns a text that every text holds of which it is true: what a fast search can look for first.
    #[must_use]
    pub fn required(&self) -> Option<TextMatch> {
        match self {
            Self::Holds(text) => Some(text.clone()),
            Self::Equals(text) => TextMatch::part(text),
            Self::Like(wildcard) => wildcard.required(),
            Self::Matches(_) | Self::Within(_) | Self::Exists => None,
        }
    }

    /// Returns tokens of every text of which it is true.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        match self {
            Self::Holds(text) => text.tokens().into_iter().map(str::to_owned).collect(),
            Self::Equals(text) => tokens_of_folded(text).map(str::to_owned).collect(),
            Self::Like(wildcard) => wildcard.tokens(),
            Self::Matches(_) | Self::Within(_) | Self::Exists => Vec::new(),
        }
    }
}
