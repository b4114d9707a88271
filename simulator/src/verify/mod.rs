//! `simulator verify`: is every acknowledged log stored, exactly once?
//!
//! The ledgers are read first, then all logs that the key may see, page by page; a log that was acknowledged before the
//! reading started must be among them. Two things are counted as duplicates: an id that is listed twice, and one record of a
//! fake service (its attributes `simulator` and `sequence`) that is stored under two ids, which is what a request that was
//! repeated but not recognised leaves behind. Logs sent as text have no attributes; of them only the ids are checked.
//!
//! `check` puts it together, `tally` counts, `pages` reads, `report` prints.

mod check;
mod pages;
mod report;
mod tally;

pub use check::{VerifyConfig, verify};
pub use report::Report;
