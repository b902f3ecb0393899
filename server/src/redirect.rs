//! Who comes by HTTP where there is TLS is led there, and told nothing else.

use axum::body::Body;
use axum::response::Response;
use bmw_app::api::POLICY;
use http::header::{
    CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::uri::Authority;
use http::{HeaderValue, Request, StatusCode};

/// The port of `https` that needs not be named.
const HTTPS: u16 = 443;

/// The answer to a request: to the same by TLS. At `port`, where that is another than the one that it came in at.
pub fn answer<B>(request: &Request<B>, port: Option<u16>) -> Response {
    let location = location(request, port).and_then(|location| HeaderValue::try_from(location).ok());
    let text = match location {
        Some(_) => "This site is served by HTTPS.\n",
        None => "This site is served by HTTPS; the request does not say at which host.\n",
    };
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (CONNECTION, "close"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    let is_known = location.is_some();
    headers.extend(location.map(|location| (LOCATION, location)));
    *response.status_mut() = if is_known { StatusCode::PERMANENT_REDIRECT } else { StatusCode::BAD_REQUEST };
    response
}

fn location<B>(request: &Request<B>, port: Option<u16>) -> Option<String> {
    let authority = match request.uri().authority() {
        Some(authority) => authority.clone(),
        None => request.headers().get(HOST)?.to_str().ok()?.parse::<Authority>().ok()?,
    };
    if authority.host().is_empty() || authority.as_str().contains('@') {
        return None;
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    Some(match port {
        None => format!("https://{authority}{path}"),
        Some(HTTPS) => format!("https://{}{path}", authority.host()),
        Some(port) => format!("https://{}:{port}{path}", authority.host()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_found_by_tls() {
        for (host, uri, port, expected) in [
            (Some("site.example"), "/", None, "https://site.example/"),
            (Some("site.example:8443"), "/details/?a=%20b", None, "https://site.example:8443/details/?a=%20b"),
            (Some("site.example"), "/x", Some(443), "https://site.example/x"),
            (Some("site.example:80"), "/x", Some(8443), "https://site.example:8443/x"),
            (Some("[fe80::1]:80"), "/x", Some(443), "https://[fe80::1]/x"),
            (Some("other"), "http://site.example/x", None, "https://site.example/x"),
            (Some("site.example"), "*", None, "https://site.example/"),
            (Some("site.example"), "//evil.example/", None, "https://site.example//evil.example/"),
            (Some("user@evil.example"), "/", None, ""),
            (Some("a b"), "/", None, ""),
            (Some(""), "/", None, ""),
            (None, "/", Some(443), ""),
        ] {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header(HOST, host);
            }
            let response = answer(&request.body(()).unwrap(), port);
            let location = response.headers().get(LOCATION).map_or("", |location| location.to_str().unwrap());
            assert_eq!(location, expected, "{host:?} {uri}");
            assert_eq!(response.status(), if expected.is_empty() { 400 } else { 308 });
            assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(response.headers()[CONTENT_SECURITY_POLICY], "default-src 'none'; frame-ancestors 'none'");
            assert_eq!(response.headers()[REFERRER_POLICY], "same-origin");
        }
    }
}
