//! Who may write, as long as there are no accounts: whoever sits at the machine itself.
//!
//! A request that writes must come from a loopback address, through no proxy, to a loopback name, and from a page of
//! this very server when a browser sends it. The name is checked since a page of another site may let its own name
//! point to this machine.
//!
//! Charge points that upload diagnostics do not come by here: the address that they were told is their permission.

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Method, Uri};
use std::net::IpAddr;

/// Whether a method only reads.
pub const fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a writing request is of the machine itself.
///
/// # Errors
/// Headers that only what stands between sends.
const PROXIES: [&str; 7] =
    ["forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "x-cluster-client-ip"];

/// Why not.
pub fn check(peer: IpAddr, uri: &Uri, headers: &HeaderMap) -> Result<(), &'static str> {
    if !peer.to_canonical().is_loopback() {
        return Err("Writing is allowed from the machine itself only.");
    }
    if headers.keys().any(|name| PROXIES.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-")) {
        return Err("Writing is not allowed through a proxy.");
    }
    let host = only(headers, HOST.as_str()).filter(|host| is_loopback_name(host));
    let Some(host) = host else {
        return Err("Writing is allowed at 127.0.0.1, localhost or [::1] only.");
    };
    if uri.authority().is_some_and(|authority| authority.as_str() != host) {
        return Err("The address and the Host header differ.");
    }
    if headers.contains_key(ORIGIN) && only(headers, ORIGIN.as_str()) != Some(&format!("http://{host}")) {
        return Err("Pages of other sites may not write.");
    }
    Ok(())
}

/// The only value of a header.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_loopback_name(host: &str) -> bool {
    // The authority's parser also takes a user, which no Host has, and a port that is no number.
    !host.contains('@')
        && host.parse::<Authority>().is_ok_and(|authority| {
            let name = authority.host();
            let has_good_port = host.len() == name.len() || authority.port_u16().is_some();
            has_good_port && (["127.0.0.1", "[::1]"].contains(&name) || name.eq_ignore_ascii_case("localhost"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn ask(peer: &str, uri: &'static str, list: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        check(peer.parse().unwrap(), &Uri::from_static(uri), &headers).is_ok()
    }

    #[test]
    fn the_machine_itself_may_write() {
        for host in ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LocalHost", "[::1]:1", "[::1]"] {
            assert!(ask("127.0.0.1", "/", &[("host", host)]), "{host}");
        }
        for peer in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(ask(peer, "/", &[("host", "localhost"), ("origin", "http://localhost")]), "{peer}");
        }
        assert!(ask("::1", "http://localhost:1/", &[("host", "localhost:1")]));
    }

    #[test]
    fn others_may_not() {
        for peer in ["192.168.1.2", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "0.0.0.0", "128.0.0.1"] {
            assert!(!ask(peer, "/", &[("host", "localhost")]), "{peer}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "0.0.0.0",
            "",
            "localhost:x",
        ] {
            assert!(!ask("127.0.0.1", "/", &[("host", host)]), "{host}");
        }
        assert!(!ask("127.0.0.1", "/", &[]));
        assert!(!ask("127.0.0.1", "/", &[("host", "localhost"), ("host", "localhost")]));
        assert!(!ask("127.0.0.1", "http://evil.example/", &[("host", "localhost")]));
    }

    #[test]
    fn neither_proxies_nor_other_pages_may() {
        for name in ["forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-anything"] {
            assert!(!ask("127.0.0.1", "/", &[("host", "localhost"), (name, "")]), "{name}");
        }
        for origin in ["http://localhost:1", "https://localhost", "http://127.0.0.1", "null", "", "http://localhost/"] {
            assert!(!ask("127.0.0.1", "/", &[("host", "localhost"), ("origin", origin)]), "{origin}");
        }
        let twice = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://evil.example")];
        assert!(!ask("127.0.0.1", "/", &twice));
    }
}
