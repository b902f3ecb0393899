//! The files that the build has put into the program, the bundle and those of `public`: precompressed bytes, served as they are.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bmw_app::bundle::Bundle;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

/// A file in every form in which it can be sent.
struct Asset {
    path: &'static str,
    media_type: &'static str,
    etag: &'static str,
    /// Whether the name tells the content, so that a browser never has to ask again.
    forever: bool,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// What pages name.
struct Names {
    js: &'static str,
    wasm: &'static str,
    css: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/assets_table.rs"));

/// The names for the pages, or `None` when the program was built without a bundle.
pub fn bundle() -> Option<Bundle> {
    NAMES.as_ref().map(|names| Bundle {
        js: names.js.to_owned(),
        wasm: names.wasm.to_owned(),
        css: names.css.to_owned(),
    })
}

/// The service worker. It asks for the site's pages, and a new one is asked for each time.
const WORKER: &str = "/sw.js";
const WORKER_POLICY: &str = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'";

/// Where the bundle is.
pub const FOLDER: &str = "/pkg/{*rest}";

/// Routes for every file, and "not found" for all else below `/pkg`, which must not
/// reach the pages: a browser with an old page would take one for a script.
pub fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let missing = get(async || StatusCode::NOT_FOUND);
    let router = Router::new().route(FOLDER, missing);
    FILES.iter().fold(router, |router, asset| {
        router.route(asset.path, get(async |headers: HeaderMap| respond(asset, &headers)))
    })
}

/// Whether a path is that of a file, or below the folder of the bundle: nothing there is a secret.
pub fn is_file(path: &str) -> bool {
    path.starts_with("/pkg/") || FILES.iter().any(|asset| asset.path == path)
}

fn respond(asset: &Asset, request: &HeaderMap) -> Response {
    let mut response =
        if has_etag(request, asset.etag) { StatusCode::NOT_MODIFIED.into_response() } else { content(asset, request) };
    let lifetime = match asset {
        Asset { forever: true, .. } => "public, max-age=31536000, immutable",
        Asset { path: WORKER, .. } => "no-cache",
        _ => "public, max-age=3600",
    };
    let headers = response.headers_mut();
    if asset.path == WORKER {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(WORKER_POLICY));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(lifetime));
    headers.insert(ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

fn content(asset: &Asset, request: &HeaderMap) -> Response {
    let accepted = Accepted::from(request);
    let forms = [(Coding::Brotli, asset.brotli), (Coding::Gzip, asset.gzip)];
    let packed = forms
        .into_iter()
        .filter_map(|(coding, form)| Some((coding, form?)))
        .filter(|(coding, _)| accepted.weight(*coding) > 0)
        .filter(|(coding, _)| accepted.weight(*coding) >= accepted.weight(Coding::Identity))
        // The first of equals, which is the smallest.
        .reduce(|best, other| if accepted.weight(other.0) > accepted.weight(best.0) { other } else { best });
    let (coding, bytes) = packed.unwrap_or((Coding::Identity, asset.identity));
    let mut response = Response::new(Body::from(Bytes::from_static(bytes)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    if let Some(name) = coding.name() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
}

/// Whether the browser has this content already. Weak comparison, as the header demands: the same
/// content in another coding will do.
fn has_etag(request: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Coding {
    Brotli,
    Gzip,
    Identity,
}

impl Coding {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }
}

/// What `Accept-Encoding` says, in thousandths. Nothing said is zero; zero is a refusal for the
/// compressed forms and the last resort for the plain one.
#[derive(Default)]
struct Accepted {
    brotli: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

impl Accepted {
    fn from(headers: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        let values = headers.get_all(ACCEPT_ENCODING);
        for value in values.iter().filter_map(|value| value.to_str().ok()) {
            for item in value.split(',') {
                accepted.add(item);
            }
        }
        accepted
    }

    fn add(&mut self, item: &str) {
        let mut parts = item.split(';');
        let name = parts.next().unwrap_or_default().trim();
        let slot = if name.eq_ignore_ascii_case("br") {
            &mut self.brotli
        } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            &mut self.gzip
        } else if name.eq_ignore_ascii_case("identity") {
            &mut self.identity
        } else if name == "*" {
            &mut self.any
        } else {
            return;
        };
        let weight = parts.find_map(|part| {
            let (key, value) = part.split_once('=')?;
            key.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
        });
        *slot = Some(weight.unwrap_or(1000));
    }

    fn weight(&self, coding: Coding) -> u16 {
        match coding {
            Coding::Brotli => self.brotli.or(self.any).unwrap_or(0),
            Coding::Gzip => self.gzip.or(self.any).unwrap_or(0),
            Coding::Identity => self.identity.unwrap_or(0),
        }
    }
}

/// `1`, `0.5`, `0.001`. What is no weight counts as a refusal.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    match whole {
        "1" => 1000,
        "0" => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, Request};
    use tower::ServiceExt as _;

    const SCRIPT: Asset = Asset {
        path: "/pkg/bmw-0123456789abcdef.js",
        media_type: "text/javascript; charset=utf-8",
        etag: "W/\"1\"",
        forever: true,
        identity: b"identity",
        brotli: Some(b"brotli"),
        gzip: Some(b"gzip"),
    };

    fn headers(list: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn chosen(accept: &'static str) -> Option<String> {
        let response = respond(&SCRIPT, &headers(&[(ACCEPT_ENCODING, accept)]));
        let coding = response.headers().get(CONTENT_ENCODING)?;
        Some(coding.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_smallest_accepted_form_is_sent() {
        for (accept, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip", Some("gzip")),
            ("GZIP;q=0.5", Some("gzip")),
            ("br;q=0.5, gzip;q=0.8", Some("gzip")),
            ("br;q=0.5,gzip;q=0.5", Some("br")),
            ("*", Some("br")),
            ("br;q=0, *", Some("gzip")),
            ("br; q=0", None),
            ("*;q=0", None),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0.5, gzip;q=0.5", Some("gzip")),
            ("identity;q=0", None),
            ("br;q=nonsense", None),
            ("br;q=1.0001", None),
            ("br;level=3", Some("br")),
            ("brotli", None),
            ("", None),
            (",;,=,;q", None),
        ] {
            assert_eq!(chosen(accept).as_deref(), coding, "{accept:?}");
        }
    }

    #[test]
    fn without_a_wish_the_plain_form_is_sent() {
        let response = respond(&SCRIPT, &HeaderMap::new());
        assert!(response.headers().get(CONTENT_ENCODING).is_none());
        assert_eq!(response.headers()[VARY], "accept-encoding");
    }

    #[test]
    fn only_names_that_tell_the_content_are_kept_for_ever() {
        let response = respond(&SCRIPT, &HeaderMap::new());
        assert_eq!(response.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
        let icon = Asset { forever: false, ..SCRIPT };
        let response = respond(&icon, &HeaderMap::new());
        assert_eq!(response.headers()[CACHE_CONTROL], "public, max-age=3600");
    }

    #[test]
    fn known_content_is_not_sent_again() {
        for tags in ["W/\"1\"", "\"1\"", "\"0\", W/\"1\"", "*"] {
            let response = respond(&SCRIPT, &headers(&[(IF_NONE_MATCH, tags)]));
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{tags}");
            assert_eq!(response.headers()[ETAG], SCRIPT.etag);
        }
        let response = respond(&SCRIPT, &headers(&[(IF_NONE_MATCH, "\"2\"")]));
        assert_eq!(response.status(), StatusCode::OK);
    }

    async fn ask(method: Method, path: &str) -> Response {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        router::<()>().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn unknown_files_are_not_found() {
        let response = ask(Method::GET, "/pkg/bmw-ffffffffffffffff.js").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let response = ask(Method::GET, "/pkg/../../etc/passwd").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }

    /// What was built in is served, whatever it is: with and without a bundle.
    #[tokio::test]
    async fn every_file_is_served() {
        assert_eq!(bundle().is_some(), FILES.iter().any(|asset| asset.forever));
        assert!(is_file(WORKER) && is_file("/favicon.svg") && is_file("/icon-512.png"));
        for asset in FILES {
            let response = ask(Method::GET, asset.path).await;
            assert_eq!(response.status(), StatusCode::OK, "{}", asset.path);
            assert_eq!(response.headers()[CONTENT_TYPE], asset.media_type);
            let head = ask(Method::HEAD, asset.path).await;
            assert_eq!(head.status(), StatusCode::OK);
            assert_eq!(head.headers()[http::header::CONTENT_LENGTH], asset.identity.len().to_string());
            let post = ask(Method::POST, asset.path).await;
            assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
        }
    }
}
