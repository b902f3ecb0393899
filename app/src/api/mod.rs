//! The documented routes (2.1–2.14, 3.1, 3.2), the live feed (2.3) and the documents that describe them.
//!
//! Legacy names are serde names of the types here, and nowhere else. Every route is there with and without the
//! trailing slash, answers `HEAD` and `OPTIONS`, and says `Allow` and `Vary` with each answer.

mod alerts;
mod asyncapi;
mod audit;
pub mod body;
mod charge_points;
mod charger_passwords;
mod commands;
mod distribution;
mod docs;
mod energy;
pub mod error;
mod feed;
mod json;
mod json_body;
mod openapi;
mod params;
mod rendered;
mod sessions;
mod settings;
mod token_auth;

pub use alerts::{AlertLine, alert_line};
pub use asyncapi::document as asyncapi_document;
pub use docs::PATH as DOCS;
pub use error::{ApiError, BY_WHO_ASKS, RequestId, keep_apart};
pub use feed::FeedPlace;
pub use openapi::document as openapi_document;
pub use settings::content_length;

use crate::state::AppState;
use arc_swap::{ArcSwap, Guard};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, any, get};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};
use rendered::Rendered;
use std::sync::Arc;

/// `Allow` of routes that are read.
const READ: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
/// `Allow` of what is read and changed.
const WRITE: HeaderValue = HeaderValue::from_static("POST, OPTIONS");
const READ_AND_WRITE: HeaderValue = HeaderValue::from_static("GET, POST, HEAD, OPTIONS");

/// What a browser may do with an answer that is no page: nothing.
pub const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// What the routes share.
struct Api {
    app: AppState,
    /// The answers about the present that are the same for all who ask.
    rendered: ArcSwap<Rendered>,
    /// What the live feed tells.
    feed: Arc<feed::Board>,
}

type Shared = Arc<Api>;

impl Api {
    /// The answers that belong to the present.
    fn rendered(&self) -> Guard<Arc<Rendered>> {
        let present = self.app.site.present();
        let rendered = self.rendered.load();
        if rendered.is_of(&present) {
            return rendered;
        }
        // Two requests may both do this; the answers are made once for each that is asked for.
        let fresh = Arc::new(Rendered::new(Arc::clone(&present)));
        self.rendered.store(Arc::clone(&fresh));
        Guard::from_inner(fresh)
    }
}

/// The documented world: everything below `/api/`, `/bmw/` and `/ws/`, and `/api-token-auth/`.
pub fn router(app: AppState) -> Router {
    let rendered = ArcSwap::from_pointee(Rendered::new(Arc::clone(&app.site.present())));
    let feed = feed::Board::new(Arc::clone(&app.site));
    let api = Arc::new(Api { app, rendered, feed });
    let mut router = Router::new();
    for (path, route) in routes() {
        // With and without the trailing slash, and without a redirect.
        router = router.route(path, route.clone()).route(path.trim_end_matches('/'), route);
    }
    router.fallback(not_found).with_state(api)
}

/// The paths of all routes, each with a slash at its end.
pub fn paths() -> Vec<&'static str> {
    routes().into_iter().map(|(path, _)| path).collect()
}

/// Every route with its handlers; each path ends with a slash here.
fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/api/charger/details/", read(get(charge_points::details))),
        ("/api/charging/record/details/", read(get(sessions::of_day))),
        ("/api/basic/settings/", settings::route()),
        ("/api/charger/info/statistic/", read(get(charge_points::overview))),
        ("/api/recent/charging/record/list/", read(get(sessions::recent))),
        ("/api/recent/charger/state/list/", read(get(charge_points::recent_states))),
        ("/api/charger/state/statistic/", read(get(charge_points::state_shares))),
        ("/api/monthly/energy/", read(get(energy::months))),
        ("/api/monthly/energy/list/", read(get(energy::months_by_charger))),
        ("/api/charger/id/list/", read(get(charge_points::identities))),
        ("/api/max/current/list/", read(get(settings::max_currents))),
        ("/api/charger/list/", read(get(charge_points::list))),
        ("/bmw/chart/getAllRecentChargerRecords/", read(get(energy::total))),
        ("/bmw/chart/getRecentChargerRecords/", read(get(energy::by_charger))),
        ("/api/charger/command/", commands::route()),
        ("/api/charger/command/{id}/", read(get(commands::show))),
        ("/api/charger/password/", charger_passwords::route()),
        ("/api/alerts/", alerts::route()),
        ("/api/audit/", read(get(audit::list))),
        ("/api/distribution/", distribution::route()),
        ("/api/distribution/wiring/", distribution::wiring_route()),
        ("/api/distribution/meter/", distribution::meter_route()),
        (feed::PATH, any(feed::connect)),
        (token_auth::PATH, token_auth::route()),
        ("/api/openapi.json/", read(get(openapi::serve))),
        ("/api/asyncapi.json/", read(get(asyncapi::serve))),
        (docs::PATH, read(get(docs::page))),
        ("/api/docs/style.css/", read(get(docs::style))),
    ]
}

/// What every route that is only read has besides its `GET`.
fn read(route: MethodRouter<Shared>) -> MethodRouter<Shared> {
    route.options(async || options(&READ)).fallback(async |request: Request| refuse_method(&request, &READ))
}

fn refuse_method(request: &Request, allow: &HeaderValue) -> Response {
    error::method_not_allowed(request.method(), allow)
}

/// The answer to `OPTIONS`.
fn options(allow: &HeaderValue) -> Response {
    let methods: Vec<&str> = allow.to_str().unwrap_or_default().split(", ").collect();
    let body = serde_json::json!({ "methods": methods });
    reply(allow.clone(), Ok(body.to_string().into()))
}

async fn not_found() -> Response {
    ApiError::NOT_FOUND.into_response()
}

/// An answer of a documented route.
fn reply(allow: HeaderValue, outcome: Result<Bytes, ApiError>) -> Response {
    match outcome {
        Ok(json) => {
            let mut response = Response::new(Body::from(json));
            let mut headers = HeaderMap::with_capacity(8);
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(ALLOW, allow);
            headers.insert(VARY, HeaderValue::from_static("Accept"));
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            headers.insert(CONTENT_SECURITY_POLICY, POLICY);
            *response.headers_mut() = headers;
            response
        }
        Err(error) => {
            let mut response = error.into_response();
            response.headers_mut().insert(ALLOW, allow);
            response
        }
    }
}

/// An answer of a route that is only read.
fn reply_read(outcome: Result<impl Into<Bytes>, ApiError>) -> Response {
    reply(READ, outcome.map(Into::into))
}

/// Serializes an answer.
fn to_json(value: &impl serde::Serialize) -> Result<Bytes, ApiError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        ApiError::detail(http::StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong inside.")
    })
}
