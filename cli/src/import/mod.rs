//! `sentinel import`: the logs in a file, sent in batches. A file is never in memory as a whole.
//!
//! * `command` what can be asked for, and the sending
//! * `format` what a file is, by its name and its beginning
//! * `reading` a file to lines of JSON, one a log
//! * `batches` lines to batches, each with a key that is the same when the same file is imported again

mod batches;
mod command;
mod format;
mod reading;

pub(crate) use command::{ImportOptions, run};
