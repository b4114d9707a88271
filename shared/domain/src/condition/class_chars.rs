//! What the classes of a regular expression cost, found before it is read: how many characters are gone through.
//!
//! The limit on a program's size does not bound it. Classes that are combined (`[\w&&a]`) are worked out in full, and
//! where the case of letters does not matter, every character of a class is looked up; what is left of both may be
//! tiny. So each class is priced from its form, rather too high than too low.

use std::convert::Infallible;

use regex_syntax::ast::{self, Ast, ClassSet, ClassSetItem, Flag, GroupKind};

use crate::limits::PATTERN_MAX_NESTING;

/// All characters that there are.
const ALL_CHARS: u64 = 0x11_0000;
/// What `\w` has, the largest of its kind, rounded up.
const PERL_CLASS_CHARS: u64 = 150_000;
/// How many characters, looked up, take as long as making a class that has a name, or combining two.
const NAMED_CLASS_COST: u64 = 2_000;

/// Returns how many characters the classes go through. What is no regular expression goes through none.
pub(super) fn of(pattern: &str) -> u64 {
    let parsed = ast::parse::ParserBuilder::new().nest_limit(PATTERN_MAX_NESTING).build().parse(pattern);
    let Ok(parsed) = parsed else { return 0 };
    let Ok(cost) = ast::visit(&parsed, Cost::default());
    cost
}

#[derive(Default)]
struct Cost {
    /// Case does not matter, at least in a part of it.
    ignores_case: bool,
    /// What making and combining classes takes.
    sets: u64,
    /// What looking characters up takes, where case does not matter.
    lookups: u64,
}

impl ast::Visitor for Cost {
    type Output = u64;
    type Err = Infallible;

    fn finish(self) -> Result<u64, Infallible> {
        Ok(self.sets + if self.ignores_case { self.lookups } else { 0 })
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Infallible> {
        match ast {
            Ast::Flags(flags) => self.see_flags(&flags.flags),
            Ast::Group(group) => {
                if let GroupKind::NonCapturing(flags) = &group.kind {
                    self.see_flags(flags);
                }
            }
            Ast::ClassUnicode(_) => {
                self.sets += NAMED_CLASS_COST;
                self.lookups += ALL_CHARS;
            }
            Ast::ClassPerl(_) => self.sets += NAMED_CLASS_COST,
            Ast::ClassBracketed(class) => {
                self.bracketed(class);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Cost {
    fn see_flags(&mut self, flags: &ast::Flags) {
        self.ignores_case |= flags.flag_state(Flag::CaseInsensitive) == Some(true);
    }

    /// Adds what a class in brackets costs; returns how many characters it has at most.
    fn bracketed(&mut self, class: &ast::ClassBracketed) -> u64 {
        let chars = self.set(&class.kind);
        self.lookups += chars;
        if class.negated { ALL_CHARS } else { chars }
    }

    /// The same for what stands in brackets. Goes no deeper than [`PATTERN_MAX_NESTING`].
    fn set(&mut self, set: &ClassSet) -> u64 {
        match set {
            ClassSet::Item(item) => self.item(item),
            ClassSet::BinaryOp(operation) => {
                let chars = self.set(&operation.lhs) + self.set(&operation.rhs);
                self.sets += 2 * NAMED_CLASS_COST;
                self.lookups += chars;
                chars.min(ALL_CHARS)
            }
        }
    }

    fn item(&mut self, item: &ClassSetItem) -> u64 {
        match item {
            ClassSetItem::Empty(_) => 0,
            ClassSetItem::Literal(_) => 1,
            ClassSetItem::Range(range) => {
                u64::from(u32::from(range.end.c)).saturating_sub(u32::from(range.start.c).into()) + 1
            }
            ClassSetItem::Ascii(class) if !class.negated => 128,
            ClassSetItem::Perl(class) if !class.negated => {
                self.sets += NAMED_CLASS_COST;
                PERL_CLASS_CHARS
            }
            ClassSetItem::Ascii(_) | ClassSetItem::Perl(_) => {
                self.sets += NAMED_CLASS_COST;
                ALL_CHARS
            }
            ClassSetItem::Unicode(_) => {
                self.sets += NAMED_CLASS_COST;
                self.lookups += ALL_CHARS;
                ALL_CHARS
            }
            ClassSetItem::Bracketed(class) => self.bracketed(class),
            ClassSetItem::Union(union) => {
                union.items.iter().map(|item| self.item(item)).sum::<u64>().min(ALL_CHARS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_cost_what_they_go_through() {
        for (pattern, expected) in [
            ("timeout [0-9]+ [a-z]", 0),
            ("(", 0),
            ("(?i)[0-9][a-z]", 36),
            ("(?i)[^a]", 1),
            ("(?i)[[^a]]", 1 + ALL_CHARS),
            ("(?i:a)[ab]", 2),
            ("(?-i:a)[ab]", 0),
            (r"\w+=\pL", 2 * NAMED_CLASS_COST),
            (r"(?i)\w+=\pL", 2 * NAMED_CLASS_COST + ALL_CHARS),
            (r"[\w&&a]", 3 * NAMED_CLASS_COST),
            (r"(?i)[\x{0}-\x{10FFFF}]", ALL_CHARS),
            (r"(?i)[[:alpha:]_[:^alpha:]]", NAMED_CLASS_COST + ALL_CHARS),
        ] {
            assert_eq!(of(pattern), expected, "{pattern}");
        }
    }
}
