//! The guarded listener: serves an endpoint on a TCP socket, and lets no peer draw anything out for ever.
//!
//! * [`accept`] the accept loops of the ports: how many connections, what happens beyond that, and the orderly end
//! * `connection` one connection: HTTP/1.1 or HTTP/2 (prior knowledge), and when it is closed
//! * `pulse` what a connection is doing, and until when it may: send a request head, stand idle, take an answer
//! * `places` how many connections there may be, in all and from one address; `refusal` what the others are told
//! * `answer` an answer on its way; `untaken` what of each its client does not take; `answers` how much all of them may hold
//! * [`tls`] the certificate, which may be replaced meanwhile
//! * `linger` closing so that the peer can still read the last answer
//!
//! Bodies have limits of their own, in [`crate::body`]; how long a handler may take is its service's affair.

pub mod accept;
mod answer;
mod answers;
mod connection;
mod linger;
mod places;
mod pulse;
mod refusal;
#[cfg(test)]
mod tests;
pub mod tls;
mod untaken;

pub use self::accept::{HeadLimits, ListenerLimits, Port, ServeError, serve, serve_ports, serve_with_limits};
pub use self::tls::{TlsError, TlsFiles};
