//! From a text to a tree: operators, parentheses, and the forms of a clause.
//!
//! A recursive descent, in which only parentheses go deeper, and these are bounded.

use std::ops::Bound;

use super::clauses::Clauses;
use super::error::{Fault, QueryError};
use super::fields::Field;
use super::lexer::{Lexer, Place, Term, TermKind};
use super::span::{Span, Value};
use crate::Timestamp;
use crate::condition::Condition;
use crate::limits::{QUERY_MAX_BYTES, QUERY_MAX_DEPTH, QUERY_MAX_TERMS};

const TERM_EXPECTED: &str = "expected a word, \"a phrase\", field:value or (";

/// Reads a query. `now` is what its relative times count from.
///
/// # Errors
/// [`QueryError`].
pub fn parse(text: &str, now: Timestamp) -> Result<Condition, QueryError> {
    if text.len() > QUERY_MAX_BYTES {
        let reason = format!("a query has at most {QUERY_MAX_BYTES} bytes, this one has {}", text.len());
        return Err(Fault::new(text.floor_char_boundary(QUERY_MAX_BYTES), reason).in_text(text));
    }
    let parser =
        Parser { lexer: Lexer::new(text), clauses: Clauses::new(now), terms: 0, depth: 0, before: None };
    parser.query().map_err(|fault| fault.in_text(text))
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    clauses: Clauses,
    /// How many terms have been read.
    terms: usize,
    /// How many parentheses are open.
    depth: usize,
    /// The operator or parenthesis that has just been read, and waits for what follows it.
    before: Option<&'static str>,
}

impl Parser<'_> {
    fn query(mut self) -> Result<Condition, Fault> {
        self.lexer.skip_spaces();
        if self.lexer.peek().is_none() {
            return Ok(Condition::EVERYTHING);
        }
        let query = self.any()?;
        match self.lexer.peek() {
            None => Ok(query),
            Some(_) => Err(self.lexer.fault("this parenthesis was never opened")),
        }
    }

    /// Reads what stands between ORs. Ends at a closing parenthesis, or at the end.
    fn any(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.all()?];
        while self.eat_operator("OR") {
            parts.push(self.all()?);
        }
        Ok(single_or(parts, Condition::Any))
    }

    /// Reads what stands between ANDs or spaces.
    fn all(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.unary()?];
        loop {
            self.lexer.skip_spaces();
            let is_end = matches!(self.lexer.peek(), None | Some(')')) || self.lexer.is_at_operator("OR");
            if is_end {
                return Ok(single_or(parts, Condition::All));
            }
            self.eat_operator("AND");
            parts.push(self.unary()?);
        }
    }

    fn unary(&mut self) -> Result<Condition, Fault> {
        self.lexer.skip_spaces();
        let is_negated = if self.lexer.eat("-") {
            self.before = Some("-");
            match self.lexer.peek() {
                Some('-') => return Err(self.lexer.fault("expected one - only")),
                Some(char) if char.is_whitespace() => {
                    return Err(self
                        .lexer
                        .fault("expected what is not meant directly behind -, or - in quotes"));
                }
                _ => true,
            }
        } else {
            self.eat_operator("NOT")
        };
        let primary = self.primary(is_negated)?;
        Ok(if is_negated { Condition::Not(Box::new(primary)) } else { primary })
    }

    fn primary(&mut self, is_negated: bool) -> Result<Condition, Fault> {
        self.lexer.skip_spaces();
        if let Some(operator) =
            ["AND", "OR", "NOT"].into_iter().find(|operator| self.lexer.is_at_operator(operator))
        {
            let reason = if operator == "NOT" || is_negated { "instead of" } else { "before" };
            return Err(self.lexer.fault(format!("{TERM_EXPECTED} {reason} {operator}")));
        }
        match self.lexer.peek() {
            None => Err(self.nothing_follows()),
            Some(')') if self.depth == 0 => Err(self.lexer.fault("this parenthesis was never opened")),
            Some(')') => Err(self.nothing_follows()),
            Some('(') => self.group(),
            Some('-') if is_negated => Err(self.lexer.fault("expected NOT or -, not both")),
            Some(_) => self.clause_or_term(),
        }
    }

    fn nothing_follows(&self) -> Fault {
        let before =
            self.before.expect("a term is read only at the start, which is not the end, or behind something");
        self.lexer.fault(format!("{TERM_EXPECTED} behind {before}"))
    }

    fn group(&mut self) -> Result<Condition, Fault> {
        if self.depth == QUERY_MAX_DEPTH {
            return Err(self
                .lexer
                .fault(format!("a query's parentheses nest at most {QUERY_MAX_DEPTH} deep")));
        }
        let start = self.lexer.position();
        self.lexer.eat("(");
        self.before = Some("(");
        self.depth += 1;
        let inside = self.any()?;
        if !self.lexer.eat(")") {
            return Err(self.lexer.fault(format!("expected ) for the parenthesis at byte {start}")));
        }
        self.depth -= 1;
        Ok(inside)
    }

    fn clause_or_term(&mut self) -> Result<Condition, Fault> {
        self.count_term()?;
        let term = self.lexer.term(Place::Query)?;
        if self.lexer.eat(":") {
            let field = Field::of_name(term)?;
            return self.clause(&field);
        }
        self.clauses.in_message(term)
    }

    /// Reads what follows a field's colon.
    fn clause(&mut self, field: &Field) -> Result<Condition, Fault> {
        match self.lexer.peek() {
            Some('(') => self.list(field),
            Some('[' | '{') => self.span(field),
            Some('<' | '>') => self.comparison(field),
            _ => {
                let term = self.value("the colon", Place::Value)?;
                self.clauses.is(field, term)
            }
        }
    }

    fn list(&mut self, field: &Field) -> Result<Condition, Fault> {
        let start = self.lexer.position();
        self.lexer.eat("(");
        let mut parts = Vec::new();
        let mut before = "(";
        loop {
            self.lexer.skip_spaces();
            if !parts.is_empty() {
                self.count_term()?;
            }
            let value = self.value(before, Place::Value)?;
            parts.push(self.clauses.is(field, value)?);
            self.lexer.skip_spaces();
            if self.lexer.eat(")") {
                return Ok(field.any_of(parts));
            }
            if self.lexer.peek().is_none() {
                return Err(self.lexer.fault(format!("expected ) for the parenthesis at byte {start}")));
            }
            if !self.lexer.eat_operator("OR") {
                return Err(self.lexer.fault("expected OR or ) behind a value of a list"));
            }
            before = "OR";
        }
    }

    fn comparison(&mut self, field: &Field) -> Result<Condition, Fault> {
        let position = self.lexer.position();
        let operator = [">=", "<=", ">", "<"].into_iter().find(|operator| self.lexer.eat(operator));
        let operator = operator.expect("the caller has seen < or >");
        let bound = self.bound(operator, Place::Value)?;
        let Some(value) = bound else {
            return Err(self.lexer.fault("expected a value, not *"));
        };
        let (lower, upper) = match operator {
            ">=" => (Bound::Included(value), Bound::Unbounded),
            "<=" => (Bound::Unbounded, Bound::Included(value)),
            ">" => (Bound::Excluded(value), Bound::Unbounded),
            _ => (Bound::Unbounded, Bound::Excluded(value)),
        };
        self.clauses.lies_in(field, &Span { position, lower, upper })
    }

    fn span(&mut self, field: &Field) -> Result<Condition, Fault> {
        let position = self.lexer.position();
        let bound = |value: Option<Value>, is_included| match value {
            None => Bound::Unbounded,
            Some(value) if is_included => Bound::Included(value),
            Some(value) => Bound::Excluded(value),
        };
        let includes_lower = self.lexer.eat("[");
        if !includes_lower {
            self.lexer.eat("{");
        }
        self.lexer.skip_spaces();
        if self.lexer.is_at_operator("TO") {
            return Err(self.lexer.fault("expected a value or * before TO"));
        }
        let lower = bound(self.bound("the bracket", Place::Range)?, includes_lower);
        self.lexer.skip_spaces();
        if !self.lexer.eat_operator("TO") {
            return Err(self.lexer.fault("expected TO: a range is [a TO b] or {a TO b}"));
        }
        self.lexer.skip_spaces();
        let upper = self.bound("TO", Place::Range)?;
        self.lexer.skip_spaces();
        let includes_upper = self.lexer.eat("]");
        if !includes_upper && !self.lexer.eat("}") {
            return Err(self.lexer.fault(format!("expected ] or }} for the bracket at byte {position}")));
        }
        self.lexer.expect_end_of_term(Place::Value)?;
        self.clauses.lies_in(field, &Span { position, lower, upper: bound(upper, includes_upper) })
    }

    /// Reads an end of a range: a value, or `None` for `*`.
    fn bound(&mut self, before: &str, place: Place) -> Result<Option<Value>, Fault> {
        let term = self.value(before, place)?;
        match term {
            open if open.is_anything() => Ok(None),
            Term { position, kind: TermKind::Text(text) } => Ok(Some(Value { position, text })),
            Term { position, .. } => {
                let reason = "expected a value: what is compared has neither asterisks nor slashes around it";
                Err(Fault::new(position, reason))
            }
        }
    }

    /// Reads a field's value, which has to stand here.
    fn value(&mut self, before: &str, place: Place) -> Result<Term, Fault> {
        let is_end = |char: char| match char {
            ')' => true,
            ']' | '}' => place == Place::Range,
            other => other.is_whitespace(),
        };
        match self.lexer.peek() {
            Some(char) if !is_end(char) && !matches!(char, '(' | '[' | '{' | '<' | '>') => {}
            Some('(' | '[' | '{' | '<' | '>') => {
                let reason =
                    format!("expected a value behind {before}; in quotes it may begin with any character");
                return Err(self.lexer.fault(reason));
            }
            _ => return Err(self.lexer.fault(format!("expected a value behind {before}"))),
        }
        let is_operator = before != "the colon"
            && ["AND", "OR", "NOT", "TO"].into_iter().any(|operator| self.lexer.is_at_operator(operator));
        if is_operator {
            return Err(self
                .lexer
                .fault(format!("expected a value behind {before}; operators as values are quoted")));
        }
        self.lexer.term(place)
    }

    fn eat_operator(&mut self, operator: &'static str) -> bool {
        let is_next = self.lexer.eat_operator(operator);
        if is_next {
            self.before = Some(operator);
        }
        is_next
    }

    fn count_term(&mut self) -> Result<(), Fault> {
        if self.terms == QUERY_MAX_TERMS {
            return Err(self.lexer.fault(format!("a query has at most {QUERY_MAX_TERMS} terms")));
        }
        self.terms += 1;
        Ok(())
    }
}

/// Returns the only part, or all of them as `several`.
pub(super) fn single_or(mut parts: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 { parts.remove(0) } else { several(parts) }
}
