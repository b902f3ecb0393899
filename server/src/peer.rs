//! Who is at the other end, also where proxies stand between (RFC 7239 `Forwarded`, and the older `X-Forwarded-…`).
//!
//! Everybody can send these headers. They are believed from those alone that the site trusts (`--trusted-proxies`), and
//! each of these only in what it says of its own other end.

use bmw_site::Peer;
use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The proxies that the site trusts: addresses and networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Box<[Network]>);

/// A network; an address is one of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// How many of its leading bits are those of the network.
    bits: u8,
}

/// One stop on the way of a request, as the next one tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Hop {
    /// `None` for one that is not told, or that cannot be read.
    address: Option<IpAddr>,
    /// Whether it speaks TLS, where that is told.
    is_secure: Option<bool>,
}

/// A hop, and where it is told.
#[derive(Debug, Clone, Copy)]
struct Told {
    hop: Hop,
    /// Its place in the list, counted from the end: how many trusted proxies have added theirs behind it.
    place: usize,
}

impl Proxies {
    /// Reads a list: `10.0.0.7, 192.168.0.0/16, fd00::/8`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(list: &str) -> Result<Self, String> {
        list.split(',').map(str::trim).map(Network::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address is that of a trusted one.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// Who a request is of that has come from `peer`. What is not to be believed of the host is taken away.
    ///
    /// A proxy sets one kind of headers and may let the other one through, as the client made it up. So where there is anything of
    /// `X-Forwarded-For` and `X-Forwarded-Proto`, `Forwarded` is believed in one thing alone: that the client does not speak TLS.
    pub fn client(&self, peer: Peer, headers: &mut HeaderMap) -> Peer {
        if !self.trust(peer.address) {
            headers.remove(X_FORWARDED_HOST);
            return peer;
        }
        let headers = &*headers;
        let by_forwarded = self.first(peer, elements(headers, &FORWARDED).map(Hop::parse));
        let client = if [X_FORWARDED_FOR, X_FORWARDED_PROTO].iter().any(|name| headers.contains_key(name)) {
            let by_names = self.first(peer, elements(headers, &X_FORWARDED_FOR).map(Hop::named));
            let told = [protocol(headers, by_names.place), by_forwarded.hop.is_secure.filter(|is_secure| !is_secure)];
            Hop { is_secure: told.into_iter().flatten().reduce(|one, other| one && other), ..by_names.hop }
        } else {
            by_forwarded.hop
        };
        Peer { address: client.address.unwrap_or(peer.address), is_secure: client.is_secure.unwrap_or(peer.is_secure) }
    }

    /// The first hop behind the trusted ones, the nearest being told last. What is farther may be anybody's invention. One that
    /// cannot be told stands behind the last that can.
    fn first(&self, peer: Peer, hops: impl Iterator<Item = Hop>) -> Told {
        let mut client = Told { hop: Hop { address: Some(peer.address), is_secure: None }, place: 0 };
        for (place, hop) in hops.enumerate() {
            let address = hop.address.or(client.hop.address);
            client = Told { hop: Hop { address, is_secure: hop.is_secure }, place };
            if !hop.address.is_some_and(|address| self.trust(address)) {
                break;
            }
        }
        client
    }
}

impl Network {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is neither an IP address nor a network such as 192.168.0.0/16");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address = address.parse::<IpAddr>().map_err(|_| wrong())?.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most));
        let network = Self { address, bits: bits.ok_or_else(wrong)? };
        if network.masked(address) != bits_of(address) {
            return Err(format!("{text:?} is an address within a network; the network's own ends in zeros"));
        }
        Ok(network)
    }

    fn holds(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && self.masked(address) == bits_of(self.address)
    }

    /// The leading bits of an address, as many as the network has.
    fn masked(self, address: IpAddr) -> u128 {
        u128::MAX.checked_shl(128 - u32::from(self.bits)).map_or(0, |mask| bits_of(address) & mask)
    }
}

/// The bits of an address from the highest one on.
fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Hop {
    /// An element of `X-Forwarded-For`.
    fn named(element: &str) -> Self {
        Self { address: address(element), is_secure: None }
    }

    /// An element of `Forwarded`: `for=192.0.2.1;proto=https`. One that does not say whose it is makes nobody secure.
    fn parse(element: &str) -> Self {
        let values = |name: &'static str| {
            let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
            let named = pairs.filter(move |(known, _)| known.trim().eq_ignore_ascii_case(name));
            named.map(|(_, value)| value.trim().trim_matches('"'))
        };
        let address = values("for").next().and_then(address);
        let is_secure = values("proto").map(is_secure).reduce(|one, other| one && other);
        Self { address, is_secure: is_secure.filter(|is_secure| address.is_some() || !is_secure) }
    }
}

/// The elements of a list in headers, the last one first. They are not parted by what is quoted: what a client puts before a
/// proxy's own word must not swallow it.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    let values = headers.get_all(name).iter().rev();
    values.flat_map(|value: &HeaderValue| value.to_str().unwrap_or_default().rsplit(','))
}

/// Whether the client speaks TLS, where that is told apart from where it is: by the element of the proxy that has told the client,
/// at the same place from the end as in `X-Forwarded-For`. Where there are fewer, since not each proxy adds one, by the last; one
/// before it that contradicts makes it not secure.
fn protocol(headers: &HeaderMap, place: usize) -> Option<bool> {
    let told: Vec<bool> = elements(headers, &X_FORWARDED_PROTO).map(is_secure).collect();
    if told.is_empty() {
        return None;
    }
    Some(told.get(place).copied().unwrap_or_else(|| told.iter().all(|is_secure| *is_secure)))
}

/// Some proxies call `WebSockets` by their own name.
fn is_secure(protocol: &str) -> bool {
    ["https", "wss"].iter().any(|secure| protocol.trim().eq_ignore_ascii_case(secure))
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    parsed.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> Proxies {
        Proxies::parse("10.0.0.7, 192.168.0.0/16,fd00::/8").unwrap()
    }

    /// Who it is of that comes from `peer` without TLS, with these headers.
    fn client(peer: &str, list: &[(&'static str, &'static str)]) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let client = proxies().client(Peer::new(peer.parse().unwrap(), false), &mut headers);
        (client.address.to_string(), client.is_secure)
    }

    #[test]
    fn lists_are_read_and_mistakes_are_told() {
        let list = proxies();
        let trusted = ["10.0.0.7", "192.168.0.0", "192.168.255.255", "fd12:3456::1"];
        for address in trusted {
            assert!(list.trust(address.parse().unwrap()), "{address}");
        }
        for address in ["10.0.0.6", "192.169.0.1", "fe80::1", "::", "0.0.0.0", "c0a8::"] {
            assert!(!list.trust(address.parse().unwrap()), "{address}");
        }
        let everybody = Proxies::parse("0.0.0.0/0").unwrap();
        assert!(everybody.trust(IpAddr::from([1, 2, 3, 4])) && !everybody.trust("::1".parse().unwrap()));
        assert!(Proxies::parse("::/0").unwrap().trust("::1".parse().unwrap()));
        assert!(!Proxies::default().trust(IpAddr::from([127, 0, 0, 1])));
        for wrong in ["", "10.0.0.7,", "proxy", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.7/8"] {
            let error = Proxies::parse(wrong).unwrap_err();
            assert!(error.contains("address"), "{error}");
        }
    }

    #[test]
    fn from_others_nothing_is_believed() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "for=1.2.3.4;proto=https"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let stranger = Peer::new(IpAddr::from([10, 0, 0, 6]), false);
        assert_eq!(proxies().client(stranger, &mut headers), stranger);
        assert!(!headers.contains_key("x-forwarded-host"));
    }

    #[test]
    fn the_client_is_the_nearest_that_is_not_trusted() {
        const NAMES: &str = "x-forwarded-for";
        for (list, expected) in [
            (&[][..], "10.0.0.7"),
            (&[(NAMES, "1.2.3.4")], "1.2.3.4"),
            (&[(NAMES, "::ffff:1.2.3.4")], "1.2.3.4"),
            (&[(NAMES, "1.2.3.4:5678")], "1.2.3.4"),
            (&[(NAMES, "[2001:db8::1]:443")], "2001:db8::1"),
            (&[(NAMES, "2001:db8::1")], "2001:db8::1"),
            // What the client has invented stands before what the proxy has added.
            (&[(NAMES, "9.9.9.9, 1.2.3.4, 192.168.1.1")], "1.2.3.4"),
            (&[(NAMES, "9.9.9.9"), (NAMES, "1.2.3.4, 192.168.1.1")], "1.2.3.4"),
            (&[(NAMES, "1.2.3.4"), (NAMES, "192.168.1.1")], "1.2.3.4"),
            // All are trusted: the first one is the client.
            (&[(NAMES, "192.168.1.2, 192.168.1.1")], "192.168.1.2"),
            // One that cannot be told stands behind the last that can.
            (&[(NAMES, "1.2.3.4, unknown, 192.168.1.1")], "192.168.1.1"),
            (&[(NAMES, "")], "10.0.0.7"),
            (&[(NAMES, "nonsense")], "10.0.0.7"),
            (&[("forwarded", "for=1.2.3.4")], "1.2.3.4"),
            (&[("forwarded", "For=\"[2001:db8::1]:4711\";by=10.0.0.7")], "2001:db8::1"),
            (&[("forwarded", "for=9.9.9.9, for=1.2.3.4;proto=http, for=192.168.1.1")], "1.2.3.4"),
            (&[("forwarded", "for=\"9.9.9.9, for=1.2.3.4, for=192.168.1.1")], "1.2.3.4"),
            (&[("forwarded", "for=_hidden, for=192.168.1.1")], "192.168.1.1"),
            (&[("forwarded", "proto=https")], "10.0.0.7"),
            (&[("forwarded", "for=1.2.3.4"), (NAMES, "1.2.3.4")], "1.2.3.4"),
            // A proxy that sets the one may let the client's own word through in the other.
            (&[("forwarded", "for=9.9.9.9"), (NAMES, "1.2.3.4")], "1.2.3.4"),
            (&[("forwarded", "proto=https"), (NAMES, "1.2.3.4")], "1.2.3.4"),
            (&[("forwarded", "for=9.9.9.9;proto=https, for=unknown"), (NAMES, "1.2.3.4")], "1.2.3.4"),
            (&[("forwarded", "for=9.9.9.9"), ("x-forwarded-proto", "https")], "10.0.0.7"),
        ] {
            assert_eq!(client("10.0.0.7", list).0, expected, "{list:?}");
        }
        assert_eq!(client("::ffff:10.0.0.7", &[(NAMES, "1.2.3.4")]).0, "1.2.3.4", "an address of both kinds");
    }

    #[test]
    fn a_proxy_tells_whether_the_client_speaks_tls() {
        const NAMES: &str = "x-forwarded-for";
        const PROTO: &str = "x-forwarded-proto";
        const BOTH: &str = "forwarded";
        for (list, expected) in [
            (&[][..], false),
            (&[(PROTO, "https")], true),
            (&[(PROTO, "HTTPS")], true),
            (&[(PROTO, "wss")], true),
            (&[(PROTO, "http")], false),
            (&[(PROTO, "")], false),
            (&[(NAMES, "1.2.3.4"), (PROTO, "https")], true),
            // What the client has invented stands before what the proxy has added, in the same line or in one of its own.
            (&[(PROTO, "https, http")], false),
            (&[(PROTO, "https"), (PROTO, "http")], false),
            (&[(PROTO, "http, https")], true),
            (&[(NAMES, "9.9.9.9, 1.2.3.4"), (PROTO, "https, http")], false),
            // The proxy tells the address alone; what else there is is the client's own word.
            (&[(NAMES, "1.2.3.4")], false),
            (&[(NAMES, "1.2.3.4"), (BOTH, "proto=https")], false),
            (&[(NAMES, "1.2.3.4"), (BOTH, "for=1.2.3.4;proto=https")], false),
            (&[(NAMES, "1.2.3.4"), (PROTO, "http"), (BOTH, "for=1.2.3.4;proto=https")], false),
            // The proxy sets `Forwarded`, and lets the other one through.
            (&[(BOTH, "for=1.2.3.4;proto=http"), (PROTO, "https")], false),
            (&[(BOTH, "for=1.2.3.4;proto=http"), (NAMES, "1.2.3.4"), (PROTO, "https")], false),
            // Two trusted proxies: the first is reached by TLS, the second without; or the other way round.
            (&[(NAMES, "1.2.3.4, 192.168.1.1"), (PROTO, "https, http")], true),
            (&[(NAMES, "1.2.3.4, 192.168.1.1"), (PROTO, "http, https")], false),
            (&[(NAMES, "1.2.3.4"), (NAMES, "192.168.1.1"), (PROTO, "https"), (PROTO, "http")], true),
            (&[(NAMES, "9.9.9.9, 1.2.3.4, 192.168.1.1"), (PROTO, "https, http, http")], false),
            // The second passes on what the first has said.
            (&[(NAMES, "1.2.3.4, 192.168.1.1"), (PROTO, "https")], true),
            (&[(NAMES, "1.2.3.4, 192.168.1.2, 192.168.1.1"), (PROTO, "http, https")], false),
            (&[(NAMES, "1.2.3.4, 192.168.1.2, 192.168.1.1"), (PROTO, "https, http")], false),
            (&[(BOTH, "for=1.2.3.4;proto=https")], true),
            (&[(BOTH, "for=9.9.9.9;proto=https, for=1.2.3.4;proto=http")], false),
            (&[(BOTH, "for=9.9.9.9;proto=https, for=1.2.3.4")], false),
            (&[(BOTH, "for=1.2.3.4;proto=https, for=192.168.1.1;proto=http")], true),
            (&[(BOTH, "for=1.2.3.4, for=192.168.1.1;proto=https")], false),
            (&[(BOTH, "for=1.2.3.4;proto=https;proto=http")], false),
            // Whose it is is not said.
            (&[(BOTH, "proto=https")], false),
            (&[(BOTH, "for=unknown;proto=https")], false),
        ] {
            assert_eq!(client("10.0.0.7", list).1, expected, "{list:?}");
        }
        let by_tls = Peer::new(IpAddr::from([10, 0, 0, 7]), true);
        for (name, value) in [(PROTO, "http"), (BOTH, "for=1.2.3.4;proto=http"), (BOTH, "proto=http")] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert!(!proxies().client(by_tls, &mut headers).is_secure, "it reaches the proxy in the clear");
        }
        assert!(proxies().client(by_tls, &mut HeaderMap::new()).is_secure);
    }
}
