//! Words in texts: what a search for a word, a phrase or a part of a text means, and the tokens by which an
//! engine can rule out that a text holds one.
//!
//! Texts are compared folded: every character in lower case, one by one, whatever stands beside it. A token
//! is a longest run of letters and digits of a folded text.

use std::borrow::Cow;

use memchr::memmem;

/// A text that a message has to hold, in any case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextMatch {
    /// Folded; never empty.
    needle: String,
    whole_words: bool,
}

impl TextMatch {
    /// Selects texts that hold this word or phrase: no letter or digit may touch it at an end that is one. `None`
    /// where there is nothing to look for.
    #[must_use]
    pub fn phrase(text: &str) -> Option<Self> {
        Self::new(text, true)
    }

    /// Selects texts that hold this one anywhere, also inside a word. `None` where there is nothing to look for.
    #[must_use]
    pub fn part(text: &str) -> Option<Self> {
        Self::new(text, false)
    }

    fn new(text: &str, whole_words: bool) -> Option<Self> {
        let needle = fold(text).into_owned();
        (!needle.is_empty()).then_some(Self { needle, whole_words })
    }

    /// Returns what is looked for, folded.
    #[must_use]
    pub fn needle(&self) -> &str {
        &self.needle
    }

    /// Says whether no letter or digit may touch the needle.
    #[must_use]
    pub fn is_whole_words(&self) -> bool {
        self.whole_words
    }

    /// Says whether `text` is selected.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.matches_folded(&fold(text))
    }

    /// Says whether a text is selected that is folded already.
    #[must_use]
    pub fn matches_folded(&self, folded: &str) -> bool {
        let finder = memmem::Finder::new(&self.needle);
        let mut from = 0;
        while let Some(found) = finder.find(&folded.as_bytes()[from..]) {
            if self.stands_free(folded, from + found) {
                return true;
            }
            // Matches may overlap: in "xa-a-a" the second "a-a" is the free one.
            from += found + 1;
        }
        false
    }

    /// Says whether the needle, which lies at `start` of a folded text, is a match there: it may touch no letter or
    /// digit where it has to be whole words.
    #[must_use]
    pub fn stands_free(&self, folded: &str, start: usize) -> bool {
        if !self.whole_words {
            return true;
        }
        let end = start + self.needle.len();
        let touches = |inner: Option<char>, outer: Option<char>| {
            inner.is_some_and(char::is_alphanumeric) && outer.is_some_and(char::is_alphanumeric)
        };
        !touches(self.needle.chars().next(), folded[..start].chars().next_back())
            && !touches(self.needle.chars().next_back(), folded[end..].chars().next())
    }

    /// Returns tokens that every selected text has.
    #[must_use]
    pub fn tokens(&self) -> Vec<&str> {
        let mut tokens = tokens_of_folded(&self.needle).collect::<Vec<_>>();
        if !self.whole_words {
            // At an end that is a letter or digit the text's token may be longer than the needle's.
            let is_open = |end: Option<char>| end.is_some_and(char::is_alphanumeric);
            if is_open(self.needle.chars().next_back()) {
                tokens.pop();
            }
            if is_open(self.needle.chars().next()) && !tokens.is_empty() {
                tokens.remove(0);
            }
        }
        tokens
    }
}

/// Returns a text in lower case, character by character.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
}

/// Returns the tokens of a folded text, in order.
pub fn tokens_of_folded(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(text: &str) -> TextMatch {
        TextMatch::phrase(text).unwrap()
    }

    fn part(text: &str) -> TextMatch {
        TextMatch::part(text).unwrap()
    }

    #[test]
    fn a_word_is_found_in_any_case_and_only_whole() {
        for text in ["timeout", "Timeout!", "a TIMEOUT b", "x=timeout", "timeouts timeout"] {
            assert!(phrase("TimeOut").matches(text), "{text}");
        }
        for text in ["", "timeouts", "xtimeout", "time out", "1timeout", "timeoutÄ"] {
            assert!(!phrase("timeout").matches(text), "{text}");
        }
    }

    #[test]
    fn a_phrase_keeps_what_stands_between_its_words() {
        assert!(phrase("Connection reset").matches("read: connection RESET by peer"));
        assert!(!phrase("connection reset").matches("connection  reset"));
        assert!(!phrase("connection reset").matches("connection resets"));
        assert!(phrase("a-a").matches("xa-a-a"));
        assert!(
            phrase("[error]").matches("x[ERROR]x"),
            "its ends are no letters, so anything may touch them"
        );
    }

    #[test]
    fn a_part_is_found_inside_of_words() {
        assert!(part("FLOW in w").matches("stack overflow in worker"));
        assert!(!part("flow  in").matches("stack overflow in worker"));
    }

    #[test]
    fn nothing_to_look_for_is_no_match() {
        assert_eq!((TextMatch::phrase(""), TextMatch::part("")), (None, None));
    }

    #[test]
    fn letters_fold_one_by_one() {
        assert_eq!(fold("ΑΣ ΣΑ İ Ä"), "ασ σα i\u{307} ä");
        assert!(phrase("straße").matches("STRAßE") && phrase("ΟΔΟΣ").matches("οδοσ"));
    }

    #[test]
    fn tokens_that_may_be_longer_in_a_text_are_not_asked_for() {
        assert_eq!(phrase("ord-17 in 5 ms").tokens(), ["ord", "17", "in", "5", "ms"]);
        assert_eq!(part("ord-17 in 5 ms").tokens(), ["17", "in", "5"]);
        assert_eq!(part("-17 in ").tokens(), ["17", "in"]);
        assert!(part("over").tokens().is_empty());
        assert!(phrase("---").tokens().is_empty());
    }
}
