//! From where a request comes.

use std::net::IpAddr;

use poem::{Addr, Request};

/// Returns the address of who sent a request, if it came over a network.
#[must_use]
pub fn client_address(request: &Request) -> Option<IpAddr> {
    match &request.remote_addr().0 {
        Addr::SocketAddr(address) => Some(address.ip().to_canonical()),
        _ => None,
    }
}
