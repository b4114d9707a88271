//! Texts with asterisks.

use regex::{Regex, RegexBuilder};

use crate::TextMatch;
use crate::limits::WILDCARD_MAX_ASTERISKS;
use crate::text::fold;

/// What no letter and no digit is, as [`char::is_alphanumeric`] has it.
const NO_LETTER: &str = r"[^\p{Alphabetic}\p{N}]";

/// How much of a text a wildcard describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// A word of it: no letter or digit may touch an end that has no asterisk, and an asterisk stands for anything
    /// but a space.
    Word,
    /// All of it.
    Whole,
}

/// A text in which asterisks stand for anything, in any case.
#[derive(Debug, Clone)]
pub struct Wildcard {
    /// What stands between the asterisks, folded; at least two.
    parts: Vec<String>,
    extent: Extent,
    regex: Regex,
}

impl Wildcard {
    /// Makes a wildcard of what stands between its asterisks. `None` when there is no asterisk, or more than
    /// [`WILDCARD_MAX_ASTERISKS`], or it is too large.
    #[must_use]
    pub fn new(parts: &[&str], extent: Extent) -> Option<Self> {
        if !(2..=WILDCARD_MAX_ASTERISKS + 1).contains(&parts.len()) {
            return None;
        }
        let parts: Vec<String> = parts.iter().map(|part| fold(part).into_owned()).collect();
        let escaped: Vec<String> = parts.iter().map(|part| regex::escape(part)).collect();
        let pattern = match extent {
            Extent::Whole => format!("^{}$", escaped.join(".*")),
            Extent::Word => {
                let begins_free = parts[0].chars().next().is_some_and(char::is_alphanumeric);
                let last = &parts[parts.len() - 1];
                let ends_free = last.chars().next_back().is_some_and(char::is_alphanumeric);
                let before = if begins_free { format!("(?:^|{NO_LETTER})") } else { String::new() };
                let behind = if ends_free { format!("(?:$|{NO_LETTER})") } else { String::new() };
                format!("{before}{}{behind}", escaped.join(r"\S*"))
            }
        };
        let regex = RegexBuilder::new(&pattern).dot_matches_new_line(true).build().ok()?;
        Some(Self { parts, extent, regex })
    }

    /// Returns what stands between the asterisks, folded.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Returns how much of a text it describes.
    #[cfg(test)]
    pub(crate) fn extent(&self) -> Extent {
        self.extent
    }

    /// Says whether it describes `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(&fold(text))
    }

    /// Returns a text that every text holds that it describes: the longest that there is. `None`: only asterisks.
    #[must_use]
    pub fn required(&self) -> Option<TextMatch> {
        self.parts.iter().max_by_key(|part| part.len()).and_then(|part| TextMatch::part(part))
    }

    /// Returns tokens of every text that it describes: those that no asterisk touches.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        let last = self.parts.len() - 1;
        let mut tokens = Vec::new();
        for (place, part) in self.parts.iter().enumerate() {
            let is_letter = |end: Option<char>| end.is_some_and(char::is_alphanumeric);
            let mut of_part: Vec<&str> = crate::text::tokens_of_folded(part).collect();
            if place < last && is_letter(part.chars().next_back()) {
                of_part.pop();
            }
            if place > 0 && is_letter(part.chars().next()) && !of_part.is_empty() {
                of_part.remove(0);
            }
            tokens.extend(of_part.into_iter().map(str::to_owned));
        }
        tokens
    }
}

impl PartialEq for Wildcard {
    fn eq(&self, other: &Self) -> bool {
        (&self.parts, self.extent) == (&other.parts, other.extent)
    }
}

impl Eq for Wildcard {}

#[cfg(test)]
mod tests {
    use super::*;

    fn wildcard(text: &str, extent: Extent) -> Wildcard {
        Wildcard::new(&text.split('*').collect::<Vec<_>>(), extent).unwrap()
    }

    #[test]
    fn a_word_with_asterisks_is_found_among_words() {
        let cases = [
            ("time*", "a TIMEOUT b", true),
            ("time*", "time", true),
            ("time*", "x_time", true),
            ("time*", "xtime", false),
            ("*out", "timeout!", true),
            ("*out", "outer", false),
            ("*eou*", "timeout", true),
            ("ti*ut", "a timeout b", true),
            ("ti*ut", "ti out", false),
            ("ord-*-x", "ord-17-x", true),
            ("a.c*", "abc", false),
            ("ÄÖ*", "xx äöü", true),
        ];
        for (text, message, expected) in cases {
            assert_eq!(wildcard(text, Extent::Word).matches(message), expected, "{text} in {message}");
        }
    }

    #[test]
    fn a_whole_value_is_described_from_end_to_end() {
        let cases = [
            ("web-*", "Web-17", true),
            ("web-*", "a web-17", false),
            ("*null*", "java.lang.NullPointerException\n at x", true),
            ("a*b*c", "a b\nb c", true),
            ("a*b", "abc", false),
        ];
        for (text, value, expected) in cases {
            assert_eq!(wildcard(text, Extent::Whole).matches(value), expected, "{text} for {value}");
        }
        assert_eq!(Wildcard::new(&["a"], Extent::Whole), None);
        assert!(Wildcard::new(&["a"; WILDCARD_MAX_ASTERISKS + 1], Extent::Word).is_some());
        assert_eq!(Wildcard::new(&["a"; WILDCARD_MAX_ASTERISKS + 2], Extent::Word), None);
    }

    #[test]
    fn tokens_that_an_asterisk_touches_are_not_asked_for() {
        assert_eq!(wildcard("ord-17*x-y", Extent::Word).tokens(), ["ord", "y"]);
        assert_eq!(wildcard("*a b c*", Extent::Whole).tokens(), ["b"]);
        assert_eq!(wildcard("a.*.b", Extent::Whole).tokens(), ["a", "b"]);
        assert!(wildcard("time*", Extent::Word).tokens().is_empty());
    }
}
