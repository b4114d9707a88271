//! The outer wrapper of every app: what is true of every answer, whichever part of the app made it.
//!
//! * [`endpoint`] the wrapper: request id, panics, errors in the one shape, a log line
//! * [`routes`] what paths and methods an app has: for `Allow`, and for a name of the route that is safe to log
//! * [`cors`] which pages of other origins may ask
//! * `headers` the security headers

pub mod cors;
pub mod endpoint;
mod headers;
pub mod routes;
#[cfg(test)]
mod tests;

pub use self::endpoint::{ErrorShape, Guarded, OwnShape, guard};
pub use self::routes::RouteTable;
