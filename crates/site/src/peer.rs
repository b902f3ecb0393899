//! From where a request comes.

use std::net::IpAddr;

/// From where a request comes: the client's end, also where proxies that are trusted stand between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The client's address; one of IPv4 is told as such.
    pub address: IpAddr,
    /// Whether the client speaks TLS.
    pub is_secure: bool,
}

impl Peer {
    /// The other end of a connection.
    pub fn new(address: IpAddr, is_secure: bool) -> Self {
        Self { address: address.to_canonical(), is_secure }
    }
}
