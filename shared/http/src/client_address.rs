//! From where a request comes, and how: what the connection says, or a proxy that is trusted.
//!
//! Anybody can write `X-Forwarded-For`. So it is looked at only if the connection comes from a trusted proxy, and then from its
//! end: every proxy adds whom it was asked by. The first address from the end that is no trusted proxy's is the client's.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use poem::http::uri::Scheme;
use poem::http::{HeaderMap, HeaderName};
use poem::{Addr, Request};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Addresses that have their beginning in common: `10.0.0.0/8`, or a single one, `127.0.0.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// The proxies that are believed for whom a request comes.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[Network]>);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let network = text.parse::<IpAddr>().map(IpNet::from).ok().or_else(|| text.parse().ok());
        network.map(Self).ok_or_else(|| "expected an address or a network, such as 10.0.0.0/8".to_owned())
    }
}

impl TrustedProxies {
    /// Believes the proxies in these networks.
    #[must_use]
    pub fn new(networks: impl Into<Arc<[Network]>>) -> Self {
        Self(networks.into())
    }

    fn is_one(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.0.contains(&address))
    }

    /// Returns the client of a request that comes from `peer`.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let mut said = addresses(headers).into_iter().rev();
        while self.is_one(client) {
            // What is no address was not written by a proxy that can be believed; nor was what stands before it.
            let Some(Some(address)) = said.next() else { break };
            client = address;
        }
        client
    }
}

/// Returns the address of who sent a request, if it came over a network. Of one that came through proxies that the
/// request's data trusts, that of who asked the first of them.
#[must_use]
pub fn client_address(request: &Request) -> Option<IpAddr> {
    let peer = peer(request)?;
    let proxies = request.data::<TrustedProxies>();
    Some(proxies.map_or(peer, |proxies| proxies.client(peer, request.headers())))
}

/// Says whether who sent a request sees it encrypted: the connection is TLS, or a trusted proxy says that its own is.
#[must_use]
pub fn is_encrypted(request: &Request) -> bool {
    let is_by_proxy = request.data::<TrustedProxies>().zip(peer(request));
    if is_by_proxy.is_some_and(|(proxies, peer)| proxies.is_one(peer)) {
        let said = request.headers().get(X_FORWARDED_PROTO).and_then(|value| value.to_str().ok());
        if let Some(said) = said {
            return said.trim().eq_ignore_ascii_case("https");
        }
    }
    *request.scheme() == Scheme::HTTPS
}

/// Returns what counts as one client: of IPv6, where one subscriber has a whole /64, that network.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    /// How much of an address of IPv6 names a network.
    const NETWORK_MASK_V6: u128 = !0 << 64;
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_MASK_V6).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn peer(request: &Request) -> Option<IpAddr> {
    match &request.remote_addr().0 {
        Addr::SocketAddr(address) => Some(address.ip().to_canonical()),
        _ => None,
    }
}

/// Returns what `X-Forwarded-For` lists, in order, with `None` for what is no address.
fn addresses(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all(X_FORWARDED_FOR).into_iter();
    let texts = values.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    texts.map(|text| address(text.trim())).collect()
}

/// Reads an address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&'static str]) -> String {
        let networks: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        TrustedProxies::new(networks).client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        assert_eq!(client(&[], "10.0.0.1", &["1.2.3.4"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "11.0.0.1", &["1.2.3.4"]), "11.0.0.1");
    }

    #[test]
    fn the_last_address_that_is_no_proxys_is_the_clients() {
        let trusted = ["10.0.0.0/8", "127.0.0.1", "2001:db8::/32"];
        for (forwarded, expected) in [
            (&["1.2.3.4"][..], "1.2.3.4"),
            (&["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            (&["6.6.6.6", "1.2.3.4, 10.9.9.9"], "1.2.3.4"),
            (&["1.2.3.4:5678"], "1.2.3.4"),
            (&["[2a00::1]:443"], "2a00::1"),
            (&["2a00::1, 2001:db8::7"], "2a00::1"),
            (&["::ffff:1.2.3.4"], "1.2.3.4"),
            (&["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            (&[], "127.0.0.1"),
        ] {
            assert_eq!(client(&trusted, "127.0.0.1", forwarded), expected, "{forwarded:?}");
        }
    }

    #[test]
    fn what_is_no_address_ends_the_list() {
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4, unknown"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4, , 10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn a_network_is_an_address_or_a_beginning_of_addresses() {
        for text in ["", "10.0.0.0/33", "localhost", "10.0.0", "::/129"] {
            assert!(text.parse::<Network>().is_err(), "{text:?}");
        }
    }
}
