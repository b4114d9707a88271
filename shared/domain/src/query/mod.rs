//! The text of a search box, read into a condition; and a condition written as JSON.
//!
//! ```text
//! query  = [ or ] ;                                       nothing at all selects everything
//! or     = and { "OR" and } ;
//! and    = unary { [ "AND" ] unary } ;                    a space is AND too
//! unary  = [ "NOT" | "-" ] prim ;
//! prim   = "(" or ")" | clause | term ;
//! clause = field ":" ( term                               it is this
//!                    | ( ">" | ">=" | "<" | "<=" ) value
//!                    | ( "[" | "{" ) end "TO" end ( "]" | "}" )      brackets include their end, braces do not
//!                    | "(" term { "OR" term } ")"         it is one of these
//!                    | "*" ) ;                            it is there
//! end    = value | "*" ;                                  "*" is an open end
//! value  = word | "quoted" ;
//! term   = value | pre*fix | /regular expression/ ;
//! field  = [ "@" ] name { "." name } ;
//! ```
//!
//! * A bare term is looked for in the message: a word and a phrase are found whole, in any case; `*part*` inside of
//!   words too; in `pre*fix` an asterisk stands for anything but a space; `*` alone is every record. A regular
//!   expression is found anywhere, in the case in which it is written, and `\/` in it is a slash.
//! * `AND`, `OR`, `NOT` and `TO` are operators only in capitals. Outside of quotes a backslash takes the next character
//!   as it is (`a\:b`, `\-x`, `\*`, `\AND`), inside of them only `\"` and `\\` are known. A word ends at a space or a
//!   parenthesis; most other characters may stand in it (`api/v1`, `50%`, `[error]`).
//! * Which fields there are, and what their values mean, stands in `fields`. Names keep their case. What is no field
//!   of every record is an attribute; `@x` and `attributes.x` are the attribute `x`, whatever it is called.
//! * What could only be a mistake is an error with its place, never a word to look for: a range in which nothing can
//!   lie, a field without a value, an operator without a term.
//!
//! The parts: `lexer` cuts terms out of a text, `parser` makes the tree, `fields` knows the names, `clauses`
//! and `span` make clauses of terms and of ranges, `error` says where and what went wrong, `explain` writes a tree as
//! JSON. The tests write trees as text again.

mod clauses;
mod error;
mod explain;
mod fields;
mod lexer;
mod parser;
mod span;

pub use error::QueryError;
pub use explain::Explained;
pub use parser::parse;

#[cfg(test)]
mod tests;
