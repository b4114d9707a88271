//! The live tail: records as server-sent events, from any point of the past into the present, without a gap and
//! without a repeat.
//!
//! * [`event`] how events look on the wire
//! * [`start`] where a tail starts
//! * [`reader`] one tail: what was sent so far, and what comes next
//! * [`hub`] what reads new records once for all tails of a tenant
//! * [`tails`] the tails of a service: how many there may be, and their hubs
//! * [`options`] their bounds
//!
//! A tail holds one position: everything up to that id was looked at, and what its filter selects was sent. The position
//! moves forward in two ways only:
//!
//! 1. by a scan of the store from the position on, which says itself how far it got; or
//! 2. by a batch of its hub, which says: "these are ALL records of the tenant above `after`, up to `until`". It is used
//!    only where `after` is not above the position, and of it only what is above; everything else is a scan again.
//!
//! So it does not matter what a hub leaves out, says twice, or says late: that costs a scan, and never a record. A tail
//! listens to its hub before its first scan; what is committed during the scan comes in a batch behind it.
//!
//! Nothing here runs ahead of a client: a tail is asked for bytes when its socket takes some. While it does not, the tail
//! holds one batch or page, and no transaction. A tail that once was at the present and then has been behind for too long
//! is moved to the present, and is told how many records it missed ([`options::LagLimits`]); the history that a tail
//! starts with is always sent completely.

pub mod event;
pub mod hub;
pub mod options;
pub mod reader;
pub mod start;
pub mod tails;
#[cfg(test)]
mod tests;

pub use options::{LagLimits, TailLimits, TailOptions};
pub use reader::Tail;
pub use start::Start;
pub use tails::Tails;
