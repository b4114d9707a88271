//! Errors as clients see them: RFC 9457 `application/problem+json`, the same members on every route.
//!
//! * [`answer`] what a handler returns as its error, [`kinds`] one constructor per status
//! * [`body`] the members
//! * `table` the one place where an error of the store or of the framework gets its status
//!
//! `type` is always `about:blank`: `code` tells the kinds apart. The answer is written as late as possible,
//! inside the outer guard, so that `request_id` is the request's own; then the cause of a 5xx is logged, once.

pub mod answer;
pub mod body;
pub mod kinds;
mod table;
#[cfg(test)]
mod tests;

pub use self::answer::{Cause, PROBLEM_CONTENT_TYPE, Problem};
pub use self::body::{ProblemBody, RecordError};
pub(crate) use self::table::{of_framework_error, of_status};
