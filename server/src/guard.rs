//! Who is let in where: the door before all pages. What a caller may do beyond it is decided below the routes, by `bmw_site`.
//!
//! The documented routes say by themselves who may not (401, 403); here only reading them is decided.

use crate::assets;
use axum::response::{IntoResponse as _, Response};
use bmw_app::access::{SIGN_IN, sign_in_for};
use bmw_app::api::{ApiError, BY_WHO_ASKS, DOCS};
use bmw_app::on_site::MANIFEST;
use bmw_app::serve::{is_own_path, page_before};
use bmw_domain::account::Right;
use bmw_site::{Caller, Denied};
use http::header::{ACCEPT, CACHE_CONTROL, LOCATION, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

/// What is open to everybody, whoever may read: to sign in, what that page looks like, whether the program lives, and what says
/// nothing of the site but that it is one.
const OPEN: [&str; 7] = ["/log_in", "/log_in/code", "/log_out", "/preferences", "/healthz", MANIFEST, "/offline"];

/// Whether a method only reads.
pub const fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// What one is told who may not come in; a person is led to the page to sign in.
pub fn refusal(parts: &Parts, caller: &Caller) -> Option<Response> {
    let path = parts.uri.path();
    if OPEN.contains(&path) || assets::is_file(path) {
        return None;
    }
    let denied = if is_reading(&parts.method) {
        caller.check(Right::Read).err()?
    } else if caller.who().is_some() {
        return None;
    } else {
        Denied::NotSignedIn
    };
    if !wants_a_page(&parts.headers) || path.starts_with("/fn/") && is_reading(&parts.method) {
        return Some(ApiError::from(denied).into_response());
    }
    let next = if is_reading(&parts.method) {
        parts.uri.path_and_query().map(|it| it.as_str().to_owned())
    } else {
        page_before(&parts.headers).map(ToOwned::to_owned)
    };
    Some(lead(next))
}

/// What one is told who may not read a documented route. The one that is a page leads a person to the sign-in.
pub fn refusal_to_read(uri: &Uri, headers: &HeaderMap, denied: Denied) -> Response {
    if uri.path().trim_end_matches('/') == DOCS.trim_end_matches('/') && wants_a_page(headers) {
        return lead(uri.path_and_query().map(|it| it.as_str().to_owned()));
    }
    ApiError::from(denied).into_response()
}

/// Leads to the page to sign in, and from there on, if that is a page of this site.
fn lead(next: Option<String>) -> Response {
    let address = next.filter(|next| is_own_path(next)).map_or_else(|| SIGN_IN.to_owned(), |next| sign_in_for(&next));
    let mut response = (StatusCode::SEE_OTHER, [(CACHE_CONTROL, "no-store")]).into_response();
    let headers = response.headers_mut();
    headers.insert(VARY, BY_WHO_ASKS);
    headers.insert(LOCATION, HeaderValue::try_from(address).unwrap_or(HeaderValue::from_static(SIGN_IN)));
    response
}

/// Whether a browser asks for a page, as a person leads it.
pub fn wants_a_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use std::net::IpAddr;

    /// Where one is led who has not signed in: `""` for nowhere, `-` for an answer of 401.
    fn led(method: &str, uri: &str, headers: &[(&str, &str)], public_read: bool) -> String {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let Some(response) = refusal(&parts, &Caller::nobody(IpAddr::from([10, 0, 0, 1]), public_read)) else {
            return String::new();
        };
        if let Some(address) = response.headers().get(LOCATION) {
            return address.to_str().unwrap().to_owned();
        }
        assert_eq!(response.status(), 401);
        "-".to_owned()
    }

    const PAGE: (&str, &str) = ("accept", "text/html,*/*");

    #[test]
    fn where_reading_is_open_everybody_reads_and_nobody_writes() {
        for path in ["/overview", "/details?a=b", "/fn/page", "/users", "/nowhere"] {
            assert_eq!(led("GET", path, &[], true), "");
            assert_eq!(led("POST", path, &[], true), "-");
            assert_eq!(led("DELETE", path, &[], true), "-");
        }
        assert_eq!(led("POST", "/fn/command", &[PAGE], true), "/log_in/");
        let before = ("referer", "http://host:8000/devices/?state=x");
        let host = ("host", "host:8000");
        assert_eq!(led("POST", "/fn/command", &[PAGE, before, host], true), "/log_in/?next=%2Fdevices%2F%3Fstate%3Dx");
        assert_eq!(
            led("POST", "/fn/command", &[PAGE, before, ("host", "other")], true),
            "/log_in/",
            "a page of another site"
        );
        assert_eq!(led("POST", "/log_in", &[], true), "");
    }

    #[test]
    fn where_it_is_closed_pages_lead_to_the_sign_in() {
        assert_eq!(led("GET", "/details?charger_id=a", &[PAGE], false), "/log_in/?next=%2Fdetails%3Fcharger_id%3Da");
        assert_eq!(led("GET", "/details", &[], false), "-");
        assert_eq!(led("GET", "/fn/page?x=y", &[PAGE], false), "-");
        for path in ["/log_in", "/log_in/code?next=/", "/healthz", "/preferences?lang=en", "/pkg/a.css"] {
            assert_eq!(led("GET", path, &[PAGE], false), "", "{path}");
        }
        for path in ["/log_in/x", "/healthzz", "/pkgx", "/LOG_IN", "/%6cog_in"] {
            assert_ne!(led("GET", path, &[], false), "", "{path}");
        }
        assert_eq!(led("GET", "//evil.example/", &[PAGE], false), "/log_in/");
    }
}
