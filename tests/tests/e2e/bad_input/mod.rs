//! What a client must not send. Each request is refused with its exact status and code, in the one shape of
//! problems, names the record and field at fault, and stores nothing but what it said was accepted.
//!
//! * `table` posts bodies and holds the store against what was accepted
//! * `json`, `records`, `sizes`, `envelopes` what can be wrong with a post, from its syntax to its headers
//! * `queries` with a search, a delete, a path or a method; `hostile` texts that some parsers would run
//! * `credentials` with the key

mod credentials;
mod envelopes;
mod hostile;
mod json;
mod queries;
mod records;
mod sizes;
mod table;
