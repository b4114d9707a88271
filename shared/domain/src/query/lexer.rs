//! A place in the text of a query, and the terms that can be read from there: words with escapes and asterisks,
//! phrases, regular expressions.

use super::error::Fault;

/// A text as it is looked for or compared with.
#[derive(Debug)]
pub(super) struct Term {
    /// Where it starts, in bytes.
    pub(super) position: usize,
    pub(super) kind: TermKind,
}

#[derive(Debug)]
pub(super) enum TermKind {
    /// A word or a phrase.
    Text(String),
    /// What stands between the asterisks of a word: at least two texts, none but the first and the last empty.
    Wildcard(Vec<String>),
    /// A regular expression.
    Pattern(String),
}

/// Where a term stands, which says what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Beside operators: a colon ends a word, which then is a field's name.
    Query,
    /// Behind a field's colon, or in its list.
    Value,
    /// In a field's range: a bracket and a brace end a word.
    Range,
}

/// A text, and how far it has been read.
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault::new(self.position, reason)
    }

    /// Returns the next character; `None` at the end.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn skip_spaces(&mut self) {
        self.position = self.text.len() - self.rest().trim_start().len();
    }

    /// Goes behind `prefix`, if it comes next.
    pub(super) fn eat(&mut self, prefix: &str) -> bool {
        let is_next = self.rest().starts_with(prefix);
        if is_next {
            self.position += prefix.len();
        }
        is_next
    }

    /// Says whether this operator comes next: alone, and in capitals.
    pub(super) fn is_at_operator(&self, operator: &str) -> bool {
        let ends = |char: char| char.is_whitespace() || matches!(char, '(' | ')' | '"');
        self.rest().strip_prefix(operator).is_some_and(|rest| rest.chars().next().is_none_or(ends))
    }

    /// Goes behind this operator, if it comes next.
    pub(super) fn eat_operator(&mut self, operator: &str) -> bool {
        self.is_at_operator(operator) && self.eat(operator)
    }

    /// Reads a term. The caller has made sure that one starts here: neither the end, nor a space, nor a parenthesis.
    pub(super) fn term(&mut self, place: Place) -> Result<Term, Fault> {
        let position = self.position;
        let kind = match self.peek() {
            Some('"') => TermKind::Text(self.phrase()?),
            Some('/') => TermKind::Pattern(self.pattern()?),
            _ => return self.word(place),
        };
        self.expect_end_of_term(place)?;
        Ok(Term { position, kind })
    }

    /// Reads a word: up to a space, a parenthesis, or what else ends it at this place.
    fn word(&mut self, place: Place) -> Result<Term, Fault> {
        let position = self.position;
        let mut texts = vec![String::new()];
        while let Some(char) = self.peek() {
            let is_end = match char {
                ')' => true,
                ':' => place == Place::Query,
                ']' | '}' => place == Place::Range,
                other => other.is_whitespace(),
            };
            if is_end {
                break;
            }
            match char {
                '(' => {
                    return Err(
                        self.fault("expected a space before the parenthesis, or \\( as a part of the word")
                    );
                }
                '"' => {
                    return Err(
                        self.fault("expected a space before the quote, or \\\" as a part of the word")
                    );
                }
                '*' => texts.push(String::new()),
                _ => {}
            }
            self.position += char.len_utf8();
            let taken = match char {
                '*' => continue,
                '\\' => self.escaped()?,
                other => other,
            };
            texts.last_mut().expect("there is always a text").push(taken);
        }
        Ok(Term { position, kind: TermKind::of_word(texts) })
    }

    /// Takes the character behind a backslash.
    fn escaped(&mut self) -> Result<char, Fault> {
        let char = self.peek().ok_or_else(|| self.fault("expected a character behind the backslash"))?;
        self.position += char.len_utf8();
        Ok(char)
    }

    /// Reads a phrase in quotes.
    fn phrase(&mut self) -> Result<String, Fault> {
        let start = self.position + 1;
        let mut phrase = String::new();
        let mut chars = self.text[start..].char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.position = start + at + 1;
                    return Ok(phrase);
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\\'))) => phrase.push(escaped),
                    _ => {
                        return Err(Fault::new(
                            start + at,
                            "expected \\\" or \\\\: nothing else is escaped in quotes",
                        ));
                    }
                },
                other => phrase.push(other),
            }
        }
        Err(Fault::new(
            self.text.len(),
            format!("expected a quote that ends the phrase from byte {}", start - 1),
        ))
    }

    /// Reads a regular expression between slashes.
    fn pattern(&mut self) -> Result<String, Fault> {
        let start = self.position + 1;
        let mut pattern = String::new();
        let mut chars = self.text[start..].char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '/' if at == 0 => {
                    let reason = "expected a regular expression between the slashes; \
                                  a text that begins with a slash is written in quotes";
                    return Err(Fault::new(start, reason));
                }
                '/' => {
                    self.position = start + at + 1;
                    return Ok(pattern);
                }
                '\\' => match chars.next() {
                    Some((_, '/')) => pattern.push('/'),
                    Some((_, other)) => pattern.extend(['\\', other]),
                    None => pattern.push('\\'),
                },
                other => pattern.push(other),
            }
        }
        let reason = format!(
            "expected a slash that ends the regular expression from byte {}; \
             a text that begins with a slash is written in quotes",
            start - 1
        );
        Err(Fault::new(self.text.len(), reason))
    }

    /// Makes sure that a term does not go on behind what ends it.
    pub(super) fn expect_end_of_term(&self, place: Place) -> Result<(), Fault> {
        match self.peek() {
            None | Some(')') => Ok(()),
            Some(']' | '}') if place == Place::Range => Ok(()),
            Some(next) if next.is_whitespace() => Ok(()),
            Some(':') if place == Place::Query => Err(self.fault(
                "a field's name stands neither in quotes nor in slashes: \\ escapes a character of it",
            )),
            Some(_) => Err(self.fault("expected a space")),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }
}

// === impl TermKind ===

impl TermKind {
    /// Makes what a word is of the texts between its asterisks. Several asterisks in a row are one.
    fn of_word(mut texts: Vec<String>) -> Self {
        if texts.len() == 1 {
            return Self::Text(texts.remove(0));
        }
        let last = texts.len() - 1;
        let mut place = 0..;
        texts.retain(|text| {
            let place = place.next().unwrap_or_default();
            place == 0 || place == last || !text.is_empty()
        });
        Self::Wildcard(texts)
    }
}

// === impl Term ===

impl Term {
    /// Says whether it is an asterisk, and nothing else.
    pub(super) fn is_anything(&self) -> bool {
        matches!(&self.kind, TermKind::Wildcard(texts) if texts.iter().all(String::is_empty))
    }
}
