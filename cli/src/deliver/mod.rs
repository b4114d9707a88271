//! Bringing logs to a running ingest-svc: what `ship`, `send` and `import` have in common.
//!
//! * `endpoint` where it is, with which key, one request and what its answer means
//! * `parcel` a body with the key that makes repeats of it harmless
//! * `courier` posts a parcel until there is an answer that ends the matter

mod courier;
mod endpoint;
mod parcel;
#[cfg(test)]
pub(crate) mod test_server;

pub(crate) use courier::{Courier, Delivery};
pub(crate) use endpoint::{Answer, Endpoint, EndpointOptions, Stored};
pub(crate) use parcel::{Parcel, random_key};
