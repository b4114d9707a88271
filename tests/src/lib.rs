//! The harness of the end-to-end tests: the real programs, started as a user starts them, each test with a
//! data directory and ports of its own.
//!
//! * [`answer`] a whole answer, and the shape that every problem has
//! * [`events`] server-sent events, as a client reads them
//! * [`protobuf`] messages put together by hand
//! * [`programs`] builds the workspace's programs and says where they are
//! * [`service`] a running service: started, asked, killed, stopped, started again; [`printed`] what it prints
//! * [`installation`] both services over one data directory, and keys for them
//! * [`senders`] load that remembers what was acknowledged; [`comparison`] holds that against what is stored
//! * [`seed`] what everything random in a test derives from
//!
//! The tests themselves are in `tests/e2e`.

pub mod answer;
pub mod comparison;
pub mod events;
pub mod installation;
pub mod printed;
pub mod programs;
pub mod protobuf;
pub mod seed;
pub mod senders;
pub mod service;

pub use answer::Answer;
pub use comparison::Comparison;
pub use events::Events;
pub use installation::Installation;
pub use printed::Printed;
pub use seed::seed_from;
pub use senders::Senders;
pub use service::Service;
