//! By what address people reach the site.

use crate::state::AppState;
use bmw_site::Peer;
use http::header::{HOST, HeaderName};
use http::uri::Authority;
use http::{Extensions, HeaderMap};
use std::fmt;
use std::net::IpAddr;

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The scheme, the host and the port: `https://site.example`, `http://10.0.0.5:8000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    is_secure: bool,
    authority: Authority,
}

impl Origin {
    /// Reads one, as the option `--public-url` gives it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WRONG: &str = "it is no address such as https://site.example or http://10.0.0.5:8000";
        let (scheme, rest) = text.split_once("://").ok_or(WRONG)?;
        let is_secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(WRONG),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('/') {
            return Err("the site has no path: the address ends with the host or the port");
        }
        Self::new(is_secure, rest).ok_or(WRONG)
    }

    fn new(is_secure: bool, authority: &str) -> Option<Self> {
        let authority: Authority = authority.parse().ok()?;
        // A user's name is none of the site's address.
        let is_plain = !authority.host().is_empty() && !authority.as_str().contains('@');
        is_plain.then_some(Self { is_secure, authority })
    }

    /// The one that the option gives, else that by which a request came. Behind a proxy it may be told by `X-Forwarded-Host`, which the
    /// front lets through from trusted ones alone. `None` for a request that says no host.
    pub fn of(state: &AppState, extensions: &Extensions, headers: &HeaderMap) -> Option<Self> {
        if let Some(origin) = &state.public_url {
            return Some(origin.clone());
        }
        let is_secure = extensions.get::<Peer>().is_some_and(|peer| peer.is_secure);
        let told = |name| headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim);
        [told(&X_FORWARDED_HOST), told(&HOST)].into_iter().flatten().find_map(|host| Self::new(is_secure, host))
    }

    /// The host and, where it is not the usual one, the port.
    pub fn host_and_port(&self) -> &str {
        self.authority.as_str()
    }

    /// Whether it means, on every machine, that machine itself.
    pub fn is_loopback(&self) -> bool {
        let host = self.authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let name = host.to_ascii_lowercase();
        address.is_ok_and(|address| address.to_canonical().is_loopback())
            || name == "localhost"
            || name.ends_with(".localhost")
    }

    /// Whether browsers trust it with what they do for apps (W3C Secure Contexts).
    pub fn is_trusted(&self) -> bool {
        self.is_secure || self.is_loopback()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_secure { "https://" } else { "http://" })?;
        f.write_str(self.authority.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (text, expected) in [
            ("https://site.example", Some("https://site.example")),
            ("https://site.example/", Some("https://site.example")),
            ("http://10.0.0.5:8000", Some("http://10.0.0.5:8000")),
            ("http://[fd00::1]:8000", Some("http://[fd00::1]:8000")),
            ("site.example", None),
            ("ftp://site.example", None),
            ("https://", None),
            ("https://site.example/path", None),
            ("https://user@site.example", None),
            ("https://site example", None),
        ] {
            assert_eq!(Origin::parse(text).ok().map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_means_each_machine_itself_is_known() {
        for (host, expected) in [
            ("localhost:8000", true),
            ("LOCALHOST", true),
            ("site.localhost", true),
            ("127.0.0.1:8000", true),
            ("127.9.9.9", true),
            ("[::1]:8000", true),
            ("[::ffff:127.0.0.1]", true),
            ("10.0.0.5:8000", false),
            ("localhost.example", false),
            ("site.example", false),
        ] {
            assert_eq!(Origin::new(false, host).unwrap().is_loopback(), expected, "{host}");
        }
    }
}
