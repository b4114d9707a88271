//! From a query string to what it means: a [`domain::Filter`], a [`domain::Page`], and the buckets of a time series.
//!
//! Every name that a client may use stands in one table ([`names`]), which is also what the OpenAPI document
//! shows. A name that is not in it, or that is given twice where once is meant, is an error: a filter that is
//! silently ignored would show too much, and delete too much.

mod filter;
pub mod names;
mod paging;
mod query;
mod series;
mod time;

#[cfg(test)]
mod tests;

pub use filter::{fixed_time, parse_timeless_filter, read_filter};
pub use paging::read_page;
pub use query::Query;
pub use series::{Series, read_series};
