//! From a query string to what it means: a [`domain::Filter`] and one page of a [`Question`].
//!
//! Every name that a client may use stands in one table ([`names`]), which is also what the OpenAPI document
//! shows. A name that is not in it, or that is given twice where once is meant, is an error: a filter that is
//! silently ignored would show too much, and delete too much.

mod attributes;
mod filter;
pub mod names;
mod paging;
mod query;
mod question;
mod time;
mod time_range;

#[cfg(test)]
mod tests;

pub use filter::{narrow_by_lists, parse_timeless_filter, read_filter};
pub use paging::{read_count, read_paging, read_rows};
pub use query::Query;
pub use question::{Paging, Question};
pub use time_range::read_length;
