//! What stands before all routes: it is told who asks, bodies are read within bounds, writing is guarded, paths are
//! normalised, nothing panics through, and every answer has the headers that browsers should see.
//!
//! Reading the documented routes goes past all of that but who asks, and the net under panics.

use crate::limits::{self, Client, Held, Limits, Open};
use crate::peer::Proxies;
use crate::{assets, guard, health, simulator};
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bmw_app::api::{self, ApiError, FeedPlace, RequestId, body};
use bmw_app::state::AppState;
use bmw_app::{access, throttled};
use bmw_domain::account::Right;
use bmw_ocpp::Central;
use bmw_simulator::Hands;
use bmw_site::access::Credentials;
use bmw_site::{Access, Caller, Peer, UPLOAD_PATH};
use futures::FutureExt as _;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, EXPECT, Entry, HeaderName, REFERRER_POLICY, SET_COOKIE,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use http::{HeaderValue, Request, StatusCode};
use hyper::body::{Body as _, Incoming};
use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer as _, Service, ServiceExt as _};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;
use tower_http::csrf::{Csrf, CsrfLayer, ProtectionError};

/// Answers every request of the program. Cheap to clone.
#[derive(Clone)]
pub struct Front(Arc<Doors>);

/// Who is served at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Everybody.
    All,
    /// Charge points alone.
    ChargePoints,
}

/// The ways in.
struct Doors {
    /// Who may say for whom he asks.
    proxies: Proxies,
    /// How much one client may take.
    limits: Arc<Limits>,
    /// Who may do what.
    access: Arc<Access>,
    /// Where charge points connect.
    charge_points: Router,
    /// The documented world, without layers.
    api: Router,
    /// All requests that write, and all others that are not of the documented world.
    guarded: Csrf<Inner, fn(ProtectionError) -> Response>,
}

/// When it is worth to try again what ends when somebody else's does: to follow the feed, and to send a body.
const FEED_WAIT: Duration = Duration::from_secs(10);
const BODY_WAIT: Duration = Duration::from_secs(1);
/// Where a token is fetched.
const TOKEN_AUTH: &str = "/api-token-auth";

/// The paths of this crate's own routes.
pub const PATHS: [&str; 3] = ["/healthz", simulator::ROUTE, assets::FOLDER];

impl Front {
    /// Everything that the program serves.
    pub fn new(app: AppState, central: Central, hands: Option<Hands>, proxies: Proxies, limits: Arc<Limits>) -> Self {
        let api = api::router(app.clone());
        let access = Arc::clone(&app.access);
        let pages = bmw_app::serve::page_routes(app.clone(), assets::bundle())
            .layer(CompressionLayer::new().br(true).gzip(true).compress_when(IsPage));
        let simulator = hands.map(|hands| simulator::router(Arc::clone(&app.site), hands)).unwrap_or_default();
        let site = Router::new()
            .route(PATHS[0], get(health::healthz))
            .with_state(app)
            .merge(simulator)
            .merge(assets::router())
            .fallback_service(pages);
        let inner = Inner { api: api.clone(), site: Arc::new(site) };
        let layer = CsrfLayer::new().with_rejection_response(refuse as fn(ProtectionError) -> Response);
        Self(Arc::new(Doors {
            proxies,
            limits,
            access,
            charge_points: bmw_ocpp::router(central),
            api,
            guarded: layer.layer(inner),
        }))
    }

    /// Counts a connection among those of its address; `None` when there are as many as there may be.
    pub fn admit(&self, address: IpAddr) -> Option<Held> {
        let what = if self.0.proxies.trust(address.to_canonical()) { Open::OfProxy } else { Open::Connection };
        self.0.limits.hold(what, address)
    }

    /// Answers a request that has come from `peer` by a connection. Who it is of, perhaps behind proxies, is told here and goes on
    /// in its extensions as a [`Peer`].
    pub async fn answer(self, mut request: Request<Incoming>, door: Door, peer: Peer) -> Response {
        let peer = self.0.proxies.client(peer, request.headers_mut());
        request.extensions_mut().insert(peer);
        let mut response = match door {
            Door::All => self.answer_anybody(request, peer).await,
            Door::ChargePoints => self.answer_charge_point(request, peer).await,
        };
        if peer.is_secure {
            keep_secure(&mut response);
        }
        response
    }

    async fn answer_anybody(self, mut request: Request<Incoming>, peer: Peer) -> Response {
        let is_plain = request.body().is_end_stream();
        if is_upload(&request) || is_plain && is_below("/ocpp", request.uri().path()) {
            return self.answer_charge_point(request, peer).await;
        }
        let identified = self.caller(&request, peer);
        let client = Client::of(identified.as_ref().ok(), peer.address);
        let weight = limits::weight(request.method(), request.uri().path());
        if let Err(wait) = self.0.limits.request(client, weight) {
            return too_many(&request.into_parts().0, &identified.unwrap_or_default(), wait);
        }
        let caller = match identified {
            Ok(caller) => caller,
            Err(error) => return error.into_response(),
        };
        let is_read = guard::is_reading(request.method());
        if is_read
            && is_documented(request.uri().path())
            // Nothing is read there.
            && !is_below(TOKEN_AUTH, request.uri().path())
            && let Err(denied) = caller.check(Right::Read)
        {
            return guard::refusal_to_read(request.uri(), request.headers(), denied);
        }
        // Where not everybody may read, an answer is for who asked.
        let is_apart = !self.0.access.public_read() && is_documented(request.uri().path());
        if is_below("/ws", request.uri().path()) {
            let Some(place) = self.0.limits.hold(Open::Feed, peer.address) else {
                return ApiError::Throttled(FEED_WAIT).into_response();
            };
            request.extensions_mut().insert(FeedPlace::new(place));
        }
        if is_plain && is_read && is_documented(request.uri().path()) {
            let mut request = request.map(|_| Body::empty());
            request.extensions_mut().insert(caller);
            let mut response = caught(self.0.api.clone().oneshot(request)).await;
            if is_apart {
                api::keep_apart(&mut response);
            }
            return response;
        }
        let (mut parts, incoming) = request.into_parts();
        let body = if is_plain {
            Body::empty()
        } else {
            let Some(_held) = self.0.limits.hold(Open::Body, peer.address) else {
                return too_many(&parts, &caller, BODY_WAIT);
            };
            let length = api::content_length(&parts.headers);
            match body::read(Body::new(incoming), length, parts.headers.contains_key(EXPECT)).await {
                Ok(bytes) => Body::from(bytes),
                Err(error) => return error.into_response(),
            }
        };
        // A body may take long, and meanwhile somebody may have lost what he might.
        let caller = if is_plain || self.0.access.still_holds(&caller) { caller } else { caller.lost() };
        parts.extensions.insert(caller);
        let mut response = caught(self.0.guarded.clone().oneshot(Request::from_parts(parts, body))).await;
        if is_apart {
            api::keep_apart(&mut response);
        }
        response
    }
}

impl Front {
    /// Who asks. Who fetches a token says so in the body alone: one that holds no more is no hindrance.
    fn caller(&self, request: &Request<Incoming>, peer: Peer) -> Result<Caller, ApiError> {
        if is_below(TOKEN_AUTH, request.uri().path()) {
            return Ok(self.0.access.identify(Credentials::None, peer.address)?);
        }
        access::identify(&self.0.access, request.headers(), peer.address)
    }

    /// Answers a charge point that connects, or uploads; all else is not to be had.
    async fn answer_charge_point(self, request: Request<Incoming>, peer: Peer) -> Response {
        if let Err(wait) = self.0.limits.charge_point(peer.address) {
            return ApiError::Throttled(wait).into_response();
        }
        let is_upload = is_upload(&request);
        let request = request.map(|body| if is_upload { Body::new(body) } else { Body::empty() });
        let mut response = caught(self.0.charge_points.clone().oneshot(request)).await;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            complete(&mut response, RequestId::next());
        }
        response
    }
}

/// The answer to one request too many.
fn too_many(parts: &Parts, caller: &Caller, wait: Duration) -> Response {
    let path = parts.uri.path();
    if is_documented(path) {
        return ApiError::Throttled(wait).into_response();
    }
    let mut response = if guard::wants_a_page(&parts.headers) {
        let css = assets::bundle().map(|bundle| bundle.css);
        throttled::page(parts, caller, css.as_deref(), wait)
    } else if is_below("/fn", path) {
        throttled::function(wait)
    } else {
        ApiError::Throttled(wait).into_response()
    };
    complete(&mut response, RequestId::next());
    response
}

/// Whether a charge point uploads diagnostics. Its body is as large as that may be, read bit by bit where it is stored; its
/// permission is in the address, wherever it comes from.
fn is_upload(request: &Request<Incoming>) -> bool {
    request.uri().path().starts_with(UPLOAD_PATH)
}

/// Whether a path is of the documented world.
fn is_documented(path: &str) -> bool {
    ["/api", "/bmw", "/ws", TOKEN_AUTH].into_iter().any(|prefix| is_below(prefix, path))
}

/// Whether a path is that of a folder, or below it.
fn is_below(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The net under panics: a fault in one answer is no fault of the others.
async fn caught(answer: impl Future<Output = Result<Response, Infallible>>) -> Response {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(panic) => {
            let message = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            api::error::inside(&format_args!("panic: {message}"))
        }
    }
}

/// The answer to a request of another site's page.
fn refuse(_: ProtectionError) -> Response {
    ApiError::detail(StatusCode::FORBIDDEN, "Pages of other sites may not write.").into_response()
}

/// Chooses between the documented world and all else.
#[derive(Clone)]
struct Inner {
    api: Router,
    site: Arc<Router>,
}

impl Service<Request<Body>> for Inner {
    type Response = Response;
    type Error = Infallible;
    type Future = futures::future::BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if is_documented(request.uri().path()) {
            return Box::pin(self.api.clone().oneshot(request));
        }
        let id = RequestId::next();
        normalise(request.uri_mut());
        request.extensions_mut().insert(id);
        let (parts, body) = request.into_parts();
        let caller = parts.extensions.get::<Caller>().cloned().unwrap_or_default();
        if let Some(mut refused) = guard::refusal(&parts, &caller) {
            complete(&mut refused, id);
            return Box::pin(std::future::ready(Ok(refused)));
        }
        let request = Request::from_parts(parts, body);
        let site = Router::clone(&self.site);
        Box::pin(async move {
            let mut response = site.oneshot(request).await?;
            if response.status().is_server_error() {
                tracing::error!(request_id = %id, status = response.status().as_u16(), "a request failed inside");
            }
            complete(&mut response, id);
            Ok(response)
        })
    }
}

/// Takes trailing slashes away: axum's and leptos' routers disagree on them.
fn normalise(uri: &mut Uri) {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() == path.len() || path == "/" {
        return;
    }
    let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
    let text = match uri.query() {
        Some(query) => format!("{trimmed}?{query}"),
        None => trimmed.to_owned(),
    };
    let mut parts = std::mem::take(uri).into_parts();
    // It was a path before, and a shorter one is one as well.
    parts.path_and_query = PathAndQuery::try_from(text).ok();
    *uri = Uri::from_parts(parts).unwrap_or_default();
}

/// What an answer has not said by itself that browsers should see.
fn complete(response: &mut Response, id: RequestId) {
    let headers = response.headers_mut();
    let defaults = [
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (CONTENT_SECURITY_POLICY, api::POLICY),
        // It may be meant for one person alone.
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(value);
    }
    let varies_by_cookie = |value: &HeaderValue| value.to_str().is_ok_and(|names| names.contains("Cookie"));
    if headers.get(CACHE_CONTROL).is_some_and(|it| it == "no-store")
        && !headers.get_all(VARY).iter().any(varies_by_cookie)
    {
        headers.append(VARY, api::BY_WHO_ASKS);
    }
    headers
        .entry(HeaderName::from_static("cross-origin-opener-policy"))
        .or_insert(HeaderValue::from_static("same-origin"));
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        headers.insert(api::error::X_REQUEST_ID, id);
    }
}

/// What was answered over TLS: browsers come back by TLS alone for a year (RFC 6797), and send its cookies along by nothing else.
fn keep_secure(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    if let Entry::Occupied(mut cookies) = headers.entry(SET_COOKIE) {
        for cookie in cookies.iter_mut() {
            if let Ok(secure) = HeaderValue::from_bytes(&[cookie.as_bytes(), b"; Secure"].concat()) {
                *cookie = secure;
            }
        }
    }
}

/// Pages are compressed as they are sent; the bundle is already, and the documented routes are not asked for that.
#[derive(Clone, Copy)]
struct IsPage;

impl Predicate for IsPage {
    fn should_compress<B: hyper::body::Body>(&self, response: &http::Response<B>) -> bool {
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        media_type.is_some_and(|media_type| media_type.starts_with("text/html"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_world_ends_at_whole_names() {
        for path in ["/api", "/api/", "/api/x", "/api-token-auth/", "/bmw/chart", "/ws", "/ws/charger/details/"] {
            assert!(is_documented(path), "{path}");
        }
        for path in ["/", "/apis", "/bmwx/", "/wsx", "/overview", "/fn/api", "//api"] {
            assert!(!is_documented(path), "{path}");
        }
    }

    #[test]
    fn trailing_slashes_go() {
        for (before, after) in [
            ("/", "/"),
            ("/overview", "/overview"),
            ("/overview/", "/overview"),
            ("/overview//?a=/", "/overview?a=/"),
            ("//", "/"),
            ("/?x", "/?x"),
            ("http://host/a/?b", "http://host/a?b"),
        ] {
            let mut uri = Uri::from_static(before);
            normalise(&mut uri);
            assert_eq!(uri, Uri::from_static(after), "{before}");
        }
    }
}
