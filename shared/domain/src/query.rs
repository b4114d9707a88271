//! The text of a search box, read: which texts a message has to hold.
//!
//! ```text
//! query = { term [ "AND" ] } ;        a space is AND too, and nothing at all selects everything
//! term  = word | "quoted phrase" | *part* ;
//! ```
//!
//! A word and a phrase are found whole, in any case; inside quotes `\"` is a quote and `\\` a backslash. A part is
//! found inside of words as well. This is a strict subset of the whole filter language: what only the whole
//! language knows (fields, `OR`, `NOT`, `-`, parentheses, `/regular expressions/`, `pre*fix`) is an error that says
//! so, never a word to look for. So no query changes its meaning when the rest of the language comes.

use std::fmt;

use thiserror::Error;

use crate::TextMatch;
use crate::condition::{Clause, Condition, TextField, TextTest};
use crate::limits::{QUERY_MAX_BYTES, QUERY_MAX_TERMS};

/// Most characters that an error shows on either side of the place that it is about.
const SHOWN_CHARS: usize = 40;

/// A text that is no query, or one that is not supported yet.
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

/// A line of a query, and the place in it that a caret points at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    line: String,
    /// How many characters stand before the caret.
    indent: usize,
}

/// Reads a query: a message has to hold all that is returned.
///
/// # Errors
/// [`QueryError`].
pub fn parse(text: &str) -> Result<Condition, QueryError> {
    let holds = |text| Condition::Is(Clause::Text(TextField::Message, TextTest::Holds(text)));
    read_terms(text).map(|terms| Condition::All(terms.into_iter().map(holds).collect()))
}

fn read_terms(text: &str) -> Result<Vec<TextMatch>, QueryError> {
    let parser = Parser { text, position: 0 };
    if text.len() > QUERY_MAX_BYTES {
        let reason = format!("a query has at most {QUERY_MAX_BYTES} bytes, this one has {}", text.len());
        return Err(parser.error_at(text.floor_char_boundary(QUERY_MAX_BYTES), reason));
    }
    parser.query()
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Parser<'a> {
    fn query(mut self) -> Result<Vec<TextMatch>, QueryError> {
        let mut terms = Vec::new();
        // Where an AND stands that still waits for what follows it.
        let mut open_and = None;
        loop {
            self.skip_spaces();
            if self.rest().is_empty() {
                return match open_and {
                    Some(_) => Err(self.error("expected a word, \"a phrase\" or *a part* behind AND")),
                    None => Ok(terms),
                };
            }
            let start = self.position;
            if self.bare_word() == "AND" {
                if terms.is_empty() || open_and.is_some() {
                    return Err(self.error("expected a word, \"a phrase\" or *a part* before AND"));
                }
                self.position += "AND".len();
                open_and = Some(start);
                continue;
            }
            if terms.len() == QUERY_MAX_TERMS {
                return Err(self.error(format!("a query has at most {QUERY_MAX_TERMS} terms")));
            }
            terms.push(self.term()?);
            open_and = None;
        }
    }

    fn term(&mut self) -> Result<TextMatch, QueryError> {
        if self.rest().starts_with('"') {
            return self.phrase();
        }
        let (start, token) = (self.position, self.bare_word());
        self.check_word(token)?;
        self.position += token.len();
        let Some(behind) = token.strip_prefix('*') else {
            return match token.find('*') {
                None => self.found(start, TextMatch::phrase(token)),
                Some(at) => Err(self.error_at(start + at, ONLY_PARTS)),
            };
        };
        match behind.strip_suffix('*') {
            Some("") => Err(self.error_at(start + 1, "expected a text between the asterisks")),
            Some(part) => match part.find('*') {
                None => self.found(start, TextMatch::part(part)),
                Some(at) => Err(self.error_at(start + 1 + at, ONLY_PARTS)),
            },
            None => Err(self.error_at(start + token.len(), "expected an asterisk at the end: *part*")),
        }
    }

    /// Reads a phrase in quotes.
    fn phrase(&mut self) -> Result<TextMatch, QueryError> {
        let start = self.position;
        let mut phrase = String::new();
        let mut chars = self.text[start + 1..].char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.position = start + 1 + at + 1;
                    self.expect_end_of_term()?;
                    return self.found(start + 1, TextMatch::phrase(&phrase));
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\\'))) => phrase.push(escaped),
                    _ => {
                        return Err(
                            self.error_at(start + 1 + at, "expected \\\" or \\\\: nothing else is escaped")
                        );
                    }
                },
                other => phrase.push(other),
            }
        }
        Err(self.error_at(self.text.len(), "expected a quote at the end of the phrase"))
    }

    fn expect_end_of_term(&self) -> Result<(), QueryError> {
        match self.rest().chars().next() {
            None => Ok(()),
            Some(next) if next.is_whitespace() => Ok(()),
            Some(_) => Err(self.error("expected a space behind the phrase")),
        }
    }

    /// Refuses what the whole language reads as something else than a word.
    fn check_word(&self, word: &str) -> Result<(), QueryError> {
        let whole_reasons = [
            ("OR", "OR is not supported yet; as a word to look for, write it in quotes"),
            ("NOT", "NOT is not supported yet; as a word to look for, write it in quotes"),
        ];
        if let Some((_, reason)) = whole_reasons.iter().find(|(operator, _)| *operator == word) {
            return Err(self.error(*reason));
        }
        if word.starts_with('-') {
            return Err(
                self.error("- (what must not be there) is not supported yet; expected a word, or quotes")
            );
        }
        if word.starts_with('/') {
            return Err(self.error("/regular expressions/ are not supported yet; expected a word, or quotes"));
        }
        for (at, char) in word.char_indices() {
            let reason = match char {
                ':' => "a field (name:value) is not supported yet; as a text to look for, write it in quotes",
                '(' | ')' => "parentheses are not supported yet; as a text to look for, write them in quotes",
                '"' => "expected a space before the quote",
                '\\' => "a backslash is known only in quotes",
                _ => continue,
            };
            return Err(self.error_at(self.position + at, reason));
        }
        Ok(())
    }

    fn found(&self, start: usize, text: Option<TextMatch>) -> Result<TextMatch, QueryError> {
        text.ok_or_else(|| self.error_at(start, "expected a text between the quotes"))
    }

    /// Returns what stands up to the next space.
    fn bare_word(&self) -> &'a str {
        self.rest().split(char::is_whitespace).next().unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        self.position = self.text.len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn error(&self, reason: impl Into<String>) -> QueryError {
        self.error_at(self.position, reason)
    }

    fn error_at(&self, position: usize, reason: impl Into<String>) -> QueryError {
        QueryError { position, reason: reason.into(), excerpt: Excerpt::of(self.text, position) }
    }
}

const ONLY_PARTS: &str = "an asterisk is supported only at both ends: *part*; pre*fix is not supported yet";

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn phrase(text: &str) -> TextMatch {
        TextMatch::phrase(text).unwrap()
    }

    fn part(text: &str) -> TextMatch {
        TextMatch::part(text).unwrap()
    }

    /// Writes terms as a query.
    fn write(terms: &[TextMatch]) -> String {
        let write_one = |term: &TextMatch| {
            if term.is_whole_words() {
                format!("\"{}\"", term.needle().replace('\\', "\\\\").replace('"', "\\\""))
            } else {
                format!("*{}*", term.needle())
            }
        };
        terms.iter().map(write_one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_phrases_and_parts_are_read() {
        let cases = [
            ("", vec![]),
            ("  \t\n ", vec![]),
            ("timeout", vec![phrase("timeout")]),
            ("  Time-Out  ", vec![phrase("time-out")]),
            ("a b", vec![phrase("a"), phrase("b")]),
            ("a AND b", vec![phrase("a"), phrase("b")]),
            ("a and b", vec![phrase("a"), phrase("and"), phrase("b")]),
            (r#""connection reset""#, vec![phrase("connection reset")]),
            (r#""a \"b\" \\ c" d"#, vec![phrase(r#"a "b" \ c"#), phrase("d")]),
            (r#""AND" "OR" "-x" "f:v""#, vec![phrase("AND"), phrase("OR"), phrase("-x"), phrase("f:v")]),
            ("*flow* *ord-17*", vec![part("flow"), part("ord-17")]),
            ("api/v1 50% x=1 [error] don't", ["api/v1", "50%", "x=1", "[error]", "don't"].map(phrase).into()),
            ("支付 ÄÖ", vec![phrase("支付"), phrase("äö")]),
        ];
        for (text, expected) in cases {
            assert_eq!(read_terms(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_supported_is_an_error_that_says_where_and_what() {
        let cases = [
            ("service:auth", 7, "a field"),
            ("a OR b", 2, "OR is not supported yet"),
            ("NOT a", 0, "NOT is not supported yet"),
            ("a -b", 2, "not supported yet"),
            ("(a)", 0, "parentheses"),
            ("a b)", 3, "parentheses"),
            ("ä /x+/", 3, "regular expressions"),
            ("time*", 4, "pre*fix is not supported"),
            ("ti*me", 2, "pre*fix is not supported"),
            ("*a*b*", 2, "pre*fix is not supported"),
            ("*time", 5, "expected an asterisk"),
            ("*", 1, "expected an asterisk"),
            ("**", 1, "between the asterisks"),
            ("a \"\"", 3, "between the quotes"),
            ("a \"b", 4, "expected a quote"),
            ("\"a\\n\"", 2, "nothing else is escaped"),
            ("\"a\\", 2, "nothing else is escaped"),
            ("\"a\"b", 3, "expected a space behind"),
            ("a\"b\"", 1, "expected a space before"),
            ("a\\b", 1, "backslash"),
            ("AND a", 0, "before AND"),
            ("a AND AND b", 6, "before AND"),
            ("a AND ", 6, "behind AND"),
        ];
        for (text, position, reason) in cases {
            let error = read_terms(text).expect_err(text);
            assert_eq!(error.position, position, "{text}: {error}");
            assert!(error.reason.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_caret_points_at_the_place() {
        let error = read_terms("ünï (b)").expect_err("parentheses");
        let lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines[1..], ["ünï (b)", "    ^"]);
        assert!(lines[0].starts_with("at byte 6: parentheses"), "{}", lines[0]);

        let long = format!("{}\n({}", "a".repeat(100), "b".repeat(100));
        let lines: Vec<String> =
            read_terms(&long).unwrap_err().to_string().lines().map(str::to_owned).collect();
        let shown = format!("{} ({}", "a".repeat(39), "b".repeat(39));
        assert_eq!(lines[1..], [shown, format!("{}^", " ".repeat(40))]);
    }

    #[test]
    fn a_query_has_bounds() {
        let terms = |count: usize| vec!["a"; count].join(" ");
        assert_eq!(read_terms(&terms(QUERY_MAX_TERMS)).map(|terms| terms.len()), Ok(QUERY_MAX_TERMS));
        let error = read_terms(&terms(QUERY_MAX_TERMS + 1)).unwrap_err();
        assert_eq!((error.position, error.reason.as_str()), (2000, "a query has at most 1000 terms"));

        assert!(read_terms(&"ä".repeat(QUERY_MAX_BYTES / 2)).is_ok());
        let error = read_terms(&format!("{}a", "ä".repeat(QUERY_MAX_BYTES / 2))).unwrap_err();
        assert_eq!(error.reason, "a query has at most 10240 bytes, this one has 10241");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(
            phrases in prop::collection::vec(".{1,20}", 0..5),
            parts in prop::collection::vec("[a-zä0-9.,;=/-]{1,9}", 0..5),
        ) {
            let mut terms: Vec<TextMatch> = phrases.iter().map(|text| phrase(text)).collect();
            terms.extend(parts.iter().map(|text| part(text)));
            prop_assert_eq!(read_terms(&write(&terms)), Ok(terms));
        }

        #[test]
        fn no_text_makes_it_panic_and_every_error_points_into_the_text(
            text in prop_oneof![any::<String>(), r#"[a "*\\():/ANDORT-]{0,30}"#],
        ) {
            match read_terms(&text) {
                Ok(terms) => prop_assert_eq!(read_terms(&write(&terms)), Ok(terms), "what was read can be written"),
                Err(error) => {
                    prop_assert!(text.is_char_boundary(error.position), "{}", error);
                    let shown = error.to_string();
                    let lines: Vec<&str> = shown.split('\n').collect();
                    let caret = lines[lines.len() - 1];
                    prop_assert!(caret.trim_start() == "^" && caret.len() <= 41, "{}", error);
                }
            }
        }
    }
}
